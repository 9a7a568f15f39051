package handler

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// steadyPair is a connection between a server and a client with little room in between.
func steadyPair(t *testing.T, a allowance) (server *steadyConn, client *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialed, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close(); accepted.Close() })
	server, client = &steadyConn{TCPConn: accepted.(*net.TCPConn), allowance: a}, dialed.(*net.TCPConn)
	if err := errors.Join(server.SetWriteBuffer(64<<10), client.SetReadBuffer(64<<10)); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// ways of sending data: as fasthttp sends a print, an original, and any other stream.
func waysToSend(t *testing.T, data []byte) map[string]func(*steadyConn) (int64, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "original")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	limited := func(r io.Reader) io.Reader { return &io.LimitedReader{R: r, N: int64(len(data))} }
	return map[string]func(*steadyConn) (int64, error){
		"bytes": func(c *steadyConn) (int64, error) {
			n, err := c.Write(data)
			return int64(n), err
		},
		"file": func(c *steadyConn) (int64, error) {
			file, err := os.Open(name)
			if err != nil {
				return 0, err
			}
			defer file.Close()
			return c.ReadFrom(limited(file))
		},
		"stream": func(c *steadyConn) (int64, error) { return c.ReadFrom(limited(bytes.NewReader(data))) },
	}
}

// unlike is data in which a piece that is left out or sent twice is seen.
func unlike(n int) []byte {
	data := make([]byte, n)
	x := uint32(1)
	for i := range data {
		x = x*1664525 + 1013904223
		data[i] = byte(x >> 24)
	}
	return data
}

func TestClientWhoReadsNothingIsGivenUp(t *testing.T) {
	for what, send := range waysToSend(t, unlike(16<<20)) {
		server, _ := steadyPair(t, allowance{stall: 200 * time.Millisecond, slowest: 1})
		begin := time.Now()
		n, err := send(server)
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 16<<20 {
			t.Errorf("%s: %d bytes, %v", what, n, err)
		}
		if took := time.Since(begin); took < 200*time.Millisecond || took > 20*time.Second {
			t.Errorf("%s: given up after %v", what, took)
		}
	}
}

func TestClientWhoIsSlowButSteadyGetsAll(t *testing.T) {
	const pause, piece, pieces = 60 * time.Millisecond, 128 << 10, 24
	data := unlike(pieces * piece)
	for what, send := range waysToSend(t, data) {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			server, client := steadyPair(t, allowance{stall: 700 * time.Millisecond, slowest: 1})
			received := make(chan []byte)
			go func() {
				var all bytes.Buffer
				for range pieces {
					time.Sleep(pause) // altogether twice as long as a client may read nothing
					if _, err := io.CopyN(&all, client, piece); err != nil {
						break
					}
				}
				received <- all.Bytes()
			}()
			n, err := send(server)
			if err != nil || n != int64(len(data)) {
				t.Errorf("%d bytes, %v", n, err)
			}
			server.Close()
			if got := <-received; !bytes.Equal(got, data) {
				t.Errorf("%d bytes came, or they are not those that were sent", len(got))
			}
		})
	}
}

func TestClientWhoReadsAlmostNothingIsGivenUp(t *testing.T) {
	for what, send := range waysToSend(t, unlike(16<<20)) {
		server, client := steadyPair(t, allowance{stall: 300 * time.Millisecond, slowest: 100 << 20})
		go func() {
			for {
				if _, err := io.CopyN(io.Discard, client, 64<<10); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond) // 16 MiB take five seconds
			}
		}()
		n, err := send(server)
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 16<<20 {
			t.Errorf("%s: %d bytes, %v", what, n, err)
		}
		server.Close()
	}
}

func TestAllowance(t *testing.T) {
	for bytes, want := range map[int64]time.Duration{0: time.Minute, 60 << 10: 2 * time.Minute, 1 << 40: time.Minute + 1<<30*time.Second} {
		if got := usual.whole(bytes); got != want {
			t.Errorf("%d bytes may take %v, want %v", bytes, got, want)
		}
	}
}
