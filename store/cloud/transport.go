package cloud

import (
	"context"
	"net"
	"net/http"
	"time"
)

const (
	connectTime = 3 * time.Second
	silence     = 10 * time.Second // on a connection that is in use
)

// watch makes connections fail on which nothing moves, in either direction: those who use them need no deadline of their own.
func watch(t *http.Transport) {
	dialer := net.Dialer{Timeout: connectTime}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return watched{connection}, nil
	}
	t.TLSHandshakeTimeout = connectTime
	t.IdleConnTimeout = silence / 2 // before it would be taken for silent
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 64, 64
}

// newTransport returns one that is watched and else as usual.
func newTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	watch(t)
	return t
}

type watched struct{ net.Conn }

func (w watched) Read(p []byte) (int, error) {
	if err := w.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return w.Conn.Read(p)
}

// Write gives the reader, which waits for an answer, the same time anew.
func (w watched) Write(p []byte) (int, error) {
	if err := w.SetDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}
