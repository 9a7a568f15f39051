package handler

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/cache"
)

// When it is looked whether a client that waits is still there. Most prints are made before the first look.
const (
	firstLook = 50 * time.Millisecond
	nextLook  = 100 * time.Millisecond
)

// loadPrint returns the print that p describes, from memory or made by render, if the quota allows one more. It returns errGone
// if the client leaves before that; a print that nobody else waits for is then given up.
func (h *Handler) loadPrint(ctx *fasthttp.RequestCtx, p *printed, render func(context.Context) (*printed, error)) (*printed, cache.Outcome, error) {
	if made, known := h.prints.Lookup([]byte(p.path)); known {
		return made, cache.Hit, nil
	}
	if err := h.options.Quota.Take(p.original, clientOf(ctx), p.path); err != nil {
		return nil, cache.Miss, err
	}
	waiting, stop := h.whileConnected(ctx)
	defer stop()
	made, outcome, err := h.prints.Load(waiting, p.path, render)
	if errors.Is(err, context.Canceled) && context.Cause(waiting) == errGone {
		err = errGone
	}
	return made, outcome, err
}

// whileConnected returns a context that ends, with cause errGone, when the client has closed its connection. stop must be
// called before the request ends: once it returns, the connection is looked at no more.
//
// A client that closes only its sending half is taken as gone, as nginx does: the two cannot be told apart. A client is taken
// as still there if it has sent more before it left, and always if its connection shows no socket: one in memory, or one that
// fasthttp has wrapped to count the connections of an address.
func (h *Handler) whileConnected(ctx *fasthttp.RequestCtx) (_ context.Context, stop func()) {
	waiting, cancel := context.WithCancelCause(h.work)
	w := &watch{cancel: cancel}
	if conn, ok := ctx.Conn().(syscall.Conn); ok {
		if socket, err := conn.SyscallConn(); err == nil {
			w.begin(socket)
		}
	}
	return waiting, w.stop
}

// A watch looks at a connection from time to time until it is stopped or the client has gone.
type watch struct {
	cancel context.CancelCauseFunc
	socket syscall.RawConn

	mutex   sync.Mutex // held during a look
	timer   *time.Timer
	stopped bool
}

func (w *watch) begin(socket syscall.RawConn) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.socket = socket
	w.timer = time.AfterFunc(firstLook, w.look)
}

func (w *watch) look() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	switch {
	case w.stopped:
	case hasLeft(w.socket):
		w.cancel(errGone)
	default:
		w.timer.Reset(nextLook)
	}
}

// stop waits for a look that is under way, which takes one system call.
func (w *watch) stop() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel(nil)
}

// hasLeft tells whether nothing more will come through a socket. It takes nothing from it and does not wait.
func hasLeft(socket syscall.RawConn) bool {
	left := false
	err := socket.Control(func(descriptor uintptr) {
		n, _, err := syscall.Recvfrom(int(descriptor), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch err {
		case nil:
			left = n == 0
		case syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.ENOTCONN:
			left = true
		}
		// All else, EAGAIN above all, says nothing of the client.
	})
	return left || err != nil // the connection is closed on this side
}
