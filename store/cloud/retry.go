package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"time"

	"gocloud.dev/gcerrors"

	"calotype/store"
)

// The times within which a cloud must do what it does. One that does not answer costs who waits for it the silence of a connection; one
// that is refused or breaks costs him the patience.
const (
	patience    = 2 * time.Second // since the first try, in which another is begun
	firstPause  = 50 * time.Millisecond
	requestTime = 30 * time.Second // for what moves few bytes, tries included
	checkTime   = 3 * time.Second
	slowest     = 64 << 10 // bytes in a second, for what moves many
)

// errSlow is that an allotted time is over.
var errSlow = fmt.Errorf("%w: it takes too long", store.ErrUnavailable)

// transferTime is how long it may take to move so many bytes.
func transferTime(bytes int64) time.Duration {
	return requestTime + time.Duration(bytes)*time.Second/slowest
}

// retry calls do until it succeeds, fails for a reason that lasts, or has failed for a while. Whatever do does is safe to be done twice.
// What it returns is fs.ErrNotExist for a missing object, store.ErrUnavailable for all that the cloud has to answer for, and otherwise the
// cause of the context or an error of the local disk.
func (b *bucket) retry(ctx context.Context, do func() error) error {
	began := time.Now()
	for pause := firstPause; ; pause *= 2 {
		err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ended(ctx), plain(err))
		}
		err, lasts := b.judge(ctx, err)
		if lasts || time.Since(began)+pause > patience {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ended(ctx), err)
		case <-time.After(pause/2 + rand.N(pause)): // so that not all come back at once
		}
	}
}

// ended says why a context has. Whose time is over has waited for the cloud in vain.
func ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.Is(cause, store.ErrUnavailable) {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, cause)
	}
	return cause
}

// judge says what an error means to those who know no clouds, and whether it will be the same next time.
func (b *bucket) judge(ctx context.Context, err error) (_ error, lasts bool) {
	var local *localError
	switch {
	case errors.As(err, &local):
		return local.err, true
	case errors.Is(err, errSlow):
		return err, true
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		if b.service.forbids != nil && b.service.forbids(err) {
			break
		}
		if unreachable := b.reach(ctx); unreachable != nil {
			return unreachable, false
		}
		return fmt.Errorf("%w: %w", fs.ErrNotExist, plain(err)), true
	case gcerrors.PermissionDenied, gcerrors.InvalidArgument, gcerrors.Unimplemented:
		lasts = true
	}
	if errors.Is(err, store.ErrUnavailable) {
		return err, lasts
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, plain(err)), lasts
}

// plain takes the query out of an address in an error: it may hold a signature.
func plain(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		failed.URL, _, _ = strings.Cut(failed.URL, "?")
	}
	return err
}

// local writes to a file of ours, whose errors are not the cloud's.
type local struct{ file *os.File }

type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }

func (l local) Write(p []byte) (int, error) {
	n, err := l.file.Write(p)
	if err != nil {
		err = &localError{err}
	}
	return n, err
}

// steady fails with errSlow when what it reads comes too slowly.
type steady struct {
	reader io.Reader
	began  time.Time
	bytes  int64
}

func (s *steady) Read(p []byte) (int, error) {
	n, err := s.reader.Read(p)
	s.bytes += int64(n)
	if err == nil && time.Since(s.began) > transferTime(s.bytes) {
		err = errSlow
	}
	return n, err
}
