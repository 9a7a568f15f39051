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

// When it is looked whether a client that waits is still there. Most prints are made before the first look; each further one comes
// after twice the time of the one before, as far as the longest.
const (
	firstLook   = 50 * time.Millisecond
	longestLook = 400 * time.Millisecond
)

// loadPrint returns the print that is ordered, from memory, from disk, or made, if the quota allows one more. It returns errGone
// if the client leaves before that; a print that nobody else waits for is then given up. It returns store.ErrGone if one of
// its images was deleted meanwhile.
func (h *Handler) loadPrint(ctx *fasthttp.RequestCtx, wanted order) (*printed, cache.Outcome, error) {
	if wanted.isPrivate() {
		return h.makeOnce(ctx, wanted)
	}
	if made, known := h.prints.Lookup([]byte(wanted.print.key)); known {
		return made, cache.Hit, nil
	}
	if h.mayBeOnDisk(wanted) {
		read, outcome, err := h.load(ctx, wanted, h.readPrint)
		if !errors.Is(err, errNotOnDisk) {
			return read, outcome, err
		}
	}
	if err := h.mayMake(wanted); err != nil {
		return nil, cache.Miss, err
	}
	return h.load(ctx, wanted, h.makePrint)
}

// makeOnce returns a print that is made for one client alone, and kept nowhere.
func (h *Handler) makeOnce(ctx *fasthttp.RequestCtx, wanted order) (*printed, cache.Outcome, error) {
	if err := h.mayMake(wanted); err != nil {
		return nil, cache.Miss, err
	}
	waiting, stop := h.whileConnected(ctx)
	defer stop()
	made, err := h.makePrint(waiting, wanted)
	return made, cache.Miss, goneOr(waiting, err)
}

// load returns the print that is ordered when it comes from a source, of which all who want it make one use, as long as the client
// is there to wait for it.
func (h *Handler) load(ctx *fasthttp.RequestCtx, wanted order, source func(context.Context, order) (*printed, error)) (*printed, cache.Outcome, error) {
	waiting, stop := h.whileConnected(ctx)
	defer stop()
	p, outcome, err := h.prints.Load(waiting, wanted.print.key, func(ctx context.Context) (*printed, error) { return source(ctx, wanted) })
	if err == nil && outcome != cache.Hit {
		err = h.stillThere(wanted)
	}
	if err != nil {
		return nil, outcome, goneOr(waiting, err)
	}
	return p, outcome, nil
}

// mayMake returns why a print that is ordered may not be made, if that is known before it is tried: by the engine, or by the quota.
func (h *Handler) mayMake(wanted order) error {
	p := wanted.print
	if !h.prints.Loading(p.key) {
		if err := h.engine.Refuses(wanted.plan, wanted.asker); err != nil {
			return err
		}
	}
	return wanted.tenant.Quota.Take(p.original, wanted.client, p.key)
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

// goneOr says why what was done while a client waited came to nothing: because the client has gone, or else for the reason err. It is
// nil if err is.
func goneOr(waiting context.Context, err error) error {
	if err != nil && context.Cause(waiting) == errGone {
		return errGone
	}
	return err
}

// A watch looks at a connection from time to time until it is stopped or the client has gone.
type watch struct {
	cancel context.CancelCauseFunc
	socket syscall.RawConn

	mutex   sync.Mutex // held during a look
	timer   *time.Timer
	pause   time.Duration
	stopped bool
}

func (w *watch) begin(socket syscall.RawConn) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.socket = socket
	w.pause = firstLook
	w.timer = time.AfterFunc(w.pause, w.look)
}

func (w *watch) look() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	switch {
	case w.stopped:
	case hasLeft(w.socket):
		w.cancel(errGone)
	default:
		w.pause = min(2*w.pause, longestLook)
		w.timer.Reset(w.pause)
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
