package handler

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// uploadBody reads the body of a request as it comes. A client that sends nothing for a while is given up, and so is one that
// sends almost nothing; one that is slow but steady is not.
type uploadBody struct {
	ctx       *fasthttp.RequestCtx
	body      io.Reader
	left      int // bytes announced and not read yet; negative if the body comes in chunks
	pause     time.Duration
	allowance allowance
	came      int64         // bytes that were read
	waited    time.Duration // for them; what is done with them takes time too, which is not the client's
	ended     bool          // nothing more can be read
	cut       bool          // before the body was complete
	stopped   atomic.Bool   // by Stop
}

func newUploadBody(ctx *fasthttp.RequestCtx, pause time.Duration, a allowance) *uploadBody {
	body := ctx.RequestBodyStream()
	if body == nil {
		body = bytes.NewReader(ctx.Request.Body())
	}
	return &uploadBody{ctx: ctx, body: body, left: ctx.Request.Header.ContentLength(), pause: pause, allowance: a}
}

// errStopped says that a body is not read to its end since Stop was called.
var errStopped = errors.New("the body is not read on")

// Stop has Read return errStopped, now and from now on. It may be called from another goroutine, as long as the request is served.
func (b *uploadBody) Stop() {
	b.stopped.Store(true)
	// Without effect, Read waits until it is given up anyway.
	_ = b.ctx.Conn().SetReadDeadline(longAgo)
}

// complete tells whether the body was read to its end, so that another request may follow.
func (b *uploadBody) complete() bool { return b.ended && !b.cut || b.left == 0 }

// Read returns io.ErrUnexpectedEOF if the connection ends before the body does.
func (b *uploadBody) Read(p []byte) (int, error) {
	now := time.Now()
	if err := b.ctx.Conn().SetReadDeadline(now.Add(min(b.pause, b.allowance.whole(b.came)-b.waited))); err != nil {
		return 0, err
	}
	if b.stopped.Load() { // looked at behind the deadline that Stop has set another before
		return 0, errStopped
	}
	n, err := b.body.Read(p)
	b.waited += time.Since(now)
	b.came += int64(n)
	chunked := b.left < 0
	if !chunked {
		b.left -= n
	}
	// fasthttp takes every end for the end of the body.
	if err == io.EOF && (b.left > 0 || chunked && !b.lastChunkCame()) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && b.stopped.Load() {
		return n, errStopped
	}
	if err != nil {
		b.ended, b.cut = true, err != io.EOF
	}
	return n, err
}

// lastChunkCame tells, at the end of a body in chunks, whether it ends with the chunk that says so. After that chunk
// fasthttp reads no more from the connection; without it, it tries to, and meets the deadline.
func (b *uploadBody) lastChunkCame() bool {
	if conn, ok := b.ctx.Conn().(interface{ Ended() bool }); ok && conn.Ended() {
		return false // the line break behind it is missing
	}
	if b.ctx.Conn().SetReadDeadline(longAgo) != nil {
		return false
	}
	_, err := b.body.Read(make([]byte, 1))
	return err == io.EOF
}

// skipRest reads what follows the last part of a form: a line break as a rule, and the end of the chunks.
func (b *uploadBody) skipRest() {
	const most = 64 << 10
	// Its failure is of no interest: the files are complete.
	_, _ = io.CopyN(io.Discard, b, most)
}

// hangUp ends a connection without an answer. Whoever resumes uploads then tries again, as after any failure of the network; an answer that says that something is wrong
// with the request would be the end of it.
func hangUp(ctx *fasthttp.RequestCtx) {
	ctx.SetConnectionClose()
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(net.Conn) {})
}

// linger sends the answer that has been written to ctx and ends the connection of a client that may still be sending, in
// such a way that it sees the answer: a connection that is closed before all has been read is reset, and a reset can
// destroy what was sent before it.
func linger(ctx *fasthttp.RequestCtx) error {
	const most, pause = 30 * time.Second, 5 * time.Second
	ctx.SetConnectionClose()
	var answer bytes.Buffer
	if _, err := ctx.Response.WriteTo(&answer); err != nil {
		return err
	}
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(conn net.Conn) {
		end := time.Now().Add(most)
		if conn.SetDeadline(end) != nil {
			return
		}
		if _, err := conn.Write(answer.Bytes()); err != nil {
			return
		}
		if c, ok := conn.(interface{ UnsafeConn() net.Conn }); ok {
			conn = c.UnsafeConn()
		}
		if c, ok := conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() != nil {
			return
		}
		buffer := make([]byte, 32<<10)
		for now := time.Now(); now.Before(end); now = time.Now() {
			until := now.Add(pause)
			if until.After(end) {
				until = end
			}
			if conn.SetReadDeadline(until) != nil {
				return
			}
			if _, err := conn.Read(buffer); err != nil {
				return
			}
		}
	})
	return nil
}
