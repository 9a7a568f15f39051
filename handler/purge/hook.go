package purge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Hook tells one cache what to forget.
type Hook struct {
	// Name is the kind of cache and where it is, such as "varnish 10.0.0.1:6081". It holds no secret, and is the same after
	// a restart.
	Name string
	// FirstPause is the time before the first repetition of a call that failed; every further one takes twice as long, as
	// far as a minute. Tests make it short.
	FirstPause time.Duration

	batch int // images that are told of together
	calls func(What) ([]call, error)
	judge func(status int, body []byte) error // what the answer to a call means; nil where the status says all
}

// A call makes the request of one call. It is asked again for every repetition.
type call func(ctx context.Context) (*http.Request, error)

// ErrRefused is the error of a call that would fail again if it were repeated.
var ErrRefused = errors.New("refused")

// laterError is the error of a call that may succeed later.
type laterError struct {
	err   error
	after time.Duration // the least time to wait that the cache has asked for
}

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

const (
	callTime     = 10 * time.Second
	firstPause   = 500 * time.Millisecond
	longestPause = time.Minute
	longestAsked = 10 * time.Minute // what a cache can ask for by Retry-After
	answerBytes  = 4 << 10          // as much of an answer is read
)

// client follows no redirect: a purge that has been sent elsewhere has purged nothing.
var client = &http.Client{
	Timeout:       callTime,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// send tells the cache what to forget. It repeats a call that fails by the network, by 429 or by a status of 500 and above,
// after ever longer pauses, until ctx ends. Any other failure is ErrRefused, at once. failed is told of every failure.
func (h *Hook) send(ctx context.Context, what What, failed func(error)) error {
	calls, err := h.calls(what)
	if err != nil {
		failed(err)
		return err
	}
	for _, c := range calls {
		pause := h.FirstPause
		var before error
		for {
			err := h.once(ctx, c)
			if err == nil {
				break
			}
			if before != nil && ctx.Err() != nil {
				return before // says more than that the time is up
			}
			before = err
			failed(err)
			var later *laterError
			if !errors.As(err, &later) {
				return err
			}
			// Half of it by chance, lest all that failed together come again together.
			wait := max(pause/2+rand.N(pause/2+1), min(later.after, longestAsked))
			pause = min(2*pause, longestPause)
			select {
			case <-ctx.Done():
				return err
			case <-time.After(wait):
			}
		}
	}
	return nil
}

// once makes one call.
func (h *Hook) once(ctx context.Context, c call) error {
	request, err := c(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	answer, err := client.Do(request)
	if err != nil {
		var named *url.Error
		if errors.As(err, &named) {
			err = named.Err // without the address, which may hold a secret
		}
		return &laterError{err: err}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerBytes))
	if err != nil {
		return &laterError{err: err}
	}
	switch status := answer.StatusCode; {
	case status == http.StatusTooManyRequests || status >= 500:
		return &laterError{fmt.Errorf("status %d: %s", status, excerpt(body)), retryAfter(answer.Header.Get("Retry-After"))}
	case h.judge != nil:
		return h.judge(status, body)
	}
	return judgeStatus(answer.StatusCode, body)
}

// judgeStatus takes 2xx for success.
func judgeStatus(status int, body []byte) error {
	if status >= 200 && status < 300 {
		return nil
	}
	return fmt.Errorf("%w: status %d: %s", ErrRefused, status, excerpt(body))
}

// retryAfter reads the header, seconds or a date (RFC 9110, 10.2.3).
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if when, err := http.ParseTime(text); err == nil {
		return time.Until(when)
	}
	return 0
}

// excerpt is the beginning of an answer, for a log.
func excerpt(body []byte) string {
	const most = 200
	text := strings.ToValidUTF8(string(body[:min(len(body), most)]), "")
	return strconv.Quote(strings.TrimSpace(text))
}

// request makes a call of fixed parts. Headers are pairs of names and values.
func request(method, address string, body string, headers ...string) call {
	return func(ctx context.Context) (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
		if err != nil {
			return nil, errors.New("the address cannot be asked")
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header[headers[i]] = []string{headers[i+1]}
		}
		return r, nil
	}
}
