package handler

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/transform"
)

// Numbers of those who are turned away.
const (
	turnAwayTime = time.Second // for reading the answer
	turnAwayMost = 128         // at once; who comes then finds the connection closed
)

// Limit returns a listener that has at most so many connections open at once. Whoever comes beyond that is told to come back, as by
// any other answer of h for which there is no room, without being read.
func Limit(listener net.Listener, h *Handler, most int) net.Listener {
	return &limitedListener{
		Listener: listener, most: int64(most), leaving: make(chan struct{}, turnAwayMost),
		allowance: h.options.allowance, answer: h.turnedAway(), count: func() { h.metrics.Answered(fasthttp.StatusServiceUnavailable) },
	}
}

type limitedListener struct {
	net.Listener
	most    int64
	open    atomic.Int64
	leaving chan struct{} // has an element for each who is being turned away
	answer  []byte
	count   func()

	allowance allowance // of each connection
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return conn, nil // in memory, as in tests
		}
		if l.open.Add(1) <= l.most {
			return &countedConn{steadyConn: steadyConn{TCPConn: tcp, allowance: l.allowance}, left: sync.OnceFunc(func() { l.open.Add(-1) })}, nil
		}
		l.open.Add(-1)
		l.count()
		select {
		case l.leaving <- struct{}{}:
			go func() {
				turnAway(tcp, l.answer)
				<-l.leaving
			}()
		default:
			tcp.Close()
		}
	}
}

// turnAway sends an answer and waits until the client has read it: to close a connection that has unread bytes throws away what
// is on its way to the other end.
func turnAway(conn *net.TCPConn, answer []byte) {
	defer conn.Close()
	if conn.SetDeadline(time.Now().Add(turnAwayTime)) != nil {
		return
	}
	if _, err := conn.Write(answer); err != nil || conn.CloseWrite() != nil {
		return
	}
	buffer := make([]byte, 4<<10)
	for {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
	}
}

// turnedAway is what they are sent.
func (h *Handler) turnedAway() []byte {
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/download/")
	h.fail(&ctx, transform.ErrBusy)
	ctx.SetConnectionClose()
	var answer bytes.Buffer
	if _, err := ctx.Response.WriteTo(&answer); err != nil {
		panic(err) // a buffer takes all
	}
	return answer.Bytes()
}

// A countedConn tells when it is closed. It is a TCP connection in all else, so that files can be sent through it and its socket
// can be looked at.
type countedConn struct {
	steadyConn
	left func()
}

func (c *countedConn) Close() error {
	c.left()
	return c.TCPConn.Close()
}
