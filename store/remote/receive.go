package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// receive writes the body of an answer to w, if it is the whole file that was asked for. It returns the number of bytes that were written. ctx is that of
// the request, and abort ends it.
func (f *Fetcher) receive(ctx context.Context, abort context.CancelCauseFunc, answer *http.Response, w io.Writer) (int64, error) {
	if answer.StatusCode == http.StatusNotModified {
		return 0, nil
	}
	if err := f.judge(answer); err != nil {
		return 0, err
	}
	return f.carry(ctx, abort, answer.Body, w)
}

// carry writes a body to w, within the bounds of one fetch. ctx ends what body waits for, and abort ends ctx.
func (f *Fetcher) carry(ctx context.Context, abort context.CancelCauseFunc, body io.Reader, w io.Writer) (int64, error) {
	watch := watchRate(f.slowest, func() {
		abort(&failure{kind: ErrTimeout, what: fmt.Sprintf("it sends less than %d bytes a second", f.slowest)})
	})
	defer watch.stop()
	var written int64
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if written+int64(n) > f.maxBytes {
			return written, f.tooLarge()
		}
		if n > 0 {
			n, err := w.Write(buffer[:n])
			written += int64(n)
			if err != nil {
				return written, err
			}
			watch.seen(written)
		}
		switch {
		case errors.Is(err, io.EOF):
			return written, nil
		case err != nil:
			return written, explain(ctx, err)
		}
	}
}

func (f *Fetcher) tooLarge() error {
	return &failure{kind: ErrTooLarge, what: fmt.Sprintf("more than %d", f.maxBytes)}
}

// judge refuses an answer by its head.
func (f *Fetcher) judge(answer *http.Response) error {
	switch status := answer.StatusCode; status {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusGone:
		return &failure{kind: ErrMissing}
	default:
		passing := status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
		return &failure{kind: ErrOrigin, what: fmt.Sprintf("it answers %d", status), passing: passing}
	}
	if encoding := strings.Join(answer.Header.Values("Content-Encoding"), ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return &failure{kind: ErrOrigin, what: "it answers in an encoding that was not asked for"}
	}
	if answer.ContentLength > f.maxBytes {
		return f.tooLarge()
	}
	// The end of such a body cannot be told from the end of a connection that broke.
	if answer.ContentLength < 0 && !slices.Contains(answer.TransferEncoding, "chunked") {
		return &failure{kind: ErrOrigin, what: "it does not tell where the file ends"}
	}
	return nil
}

// rateWatch calls a function once too few bytes have come in the time since it began.
type rateWatch struct {
	began   time.Time
	slowest int64 // bytes a second
	timer   *time.Timer
}

// grace is how long a body may bring nothing.
const grace = time.Second

func watchRate(slowest int64, slow func()) *rateWatch {
	w := &rateWatch{began: time.Now(), slowest: slowest}
	if slowest > 0 {
		w.timer = time.AfterFunc(grace, slow)
	}
	return w
}

// seen tells how many bytes have come in all: they are enough until their number divided by the rate is over.
func (w *rateWatch) seen(bytes int64) {
	if w.timer == nil {
		return
	}
	enough := time.Duration(float64(bytes) / float64(w.slowest) * float64(time.Second))
	w.timer.Reset(time.Until(w.began.Add(max(grace, enough))))
}

func (w *rateWatch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// explain makes what net/http says an error of this package.
func explain(ctx context.Context, err error) error {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if ctx.Err() != nil {
		if f, ok := errors.AsType[*failure](context.Cause(ctx)); ok {
			return &failure{kind: f.kind, what: f.what, cause: err}
		}
		return ctx.Err() // of the caller
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return &failure{kind: ErrTimeout, cause: err}
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return &failure{kind: ErrOrigin, what: "its name is not known", cause: err, passing: !name.IsNotFound}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &failure{kind: ErrOrigin, what: "its certificate is not good", cause: err}
	}
	broken := slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE}, func(target error) bool { return errors.Is(err, target) })
	return &failure{kind: ErrOrigin, cause: err, passing: broken}
}
