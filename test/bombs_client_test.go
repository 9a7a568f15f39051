//go:build hostile

package test

import (
	"bytes"
	"context"
	endian "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// A client speaks to the program on one connection.
type client struct {
	http.Client
	address string
}

func newClient(address string) *client {
	// A request that takes longer than this hangs.
	connection := &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}
	return &client{http.Client{Timeout: 2 * deadline, Transport: connection}, address}
}

func (c *client) close() { c.CloseIdleConnections() }

// An answer is what came of one request.
type answer struct {
	file    string
	request string // "upload", or the chain that is asked for
	status  int    // 0 if no whole answer came
	header  http.Header
	body    []byte
	took    time.Duration
	err     error
}

// do sends a request and reads the whole answer.
func (c *client) do(ctx context.Context, method, target string, body []byte, headers ...string) answer {
	began := time.Now()
	a := answer{}
	request, err := http.NewRequestWithContext(ctx, method, c.address+target, bytes.NewReader(body))
	if err != nil {
		a.err = err
		return a
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.Client.Do(request)
	if err == nil {
		defer response.Body.Close()
		a.header = response.Header
		if a.body, err = io.ReadAll(response.Body); err == nil {
			a.status = response.StatusCode
		}
	}
	a.err, a.took = err, time.Since(began)
	return a
}

func (c *client) upload(ctx context.Context, data []byte, headers ...string) answer {
	headers = append([]string{"Content-Type", "application/octet-stream"}, headers...)
	return c.do(ctx, http.MethodPost, "/upload-image", data, headers...)
}

// id is the name of the image that was taken, or "".
func (a answer) id() string {
	var uploaded struct{ ID string }
	if a.status != http.StatusCreated || json.Unmarshal(a.body, &uploaded) != nil {
		return ""
	}
	return uploaded.ID
}

// try uploads a file and, if it is taken, asks for all chains of it. Each is asked for until it is answered otherwise than
// that there is too much to do.
func (c *client) try(ctx context.Context, file specimen, r *report) {
	r.begin(file.name)
	data := file.build()
	uploaded := c.insist(ctx, r, func() answer {
		a := c.upload(ctx, data)
		a.file, a.request = file.name, "upload"
		return a
	})
	if id := uploaded.id(); id != "" {
		for _, chain := range chains {
			c.insist(ctx, r, func() answer {
				a := c.do(ctx, http.MethodGet, "/download/"+id+chain.path, nil)
				a.file, a.request = file.name, chain.path
				return a
			})
		}
	}
	if ctx.Err() == nil {
		r.end(file.name)
	}
}

// insist repeats a request that is put off, as the answer says when, for five minutes at most.
func (c *client) insist(ctx context.Context, r *report, send func() answer) answer {
	const patience = 5 * time.Minute
	for began := time.Now(); ; {
		a := send()
		if ctx.Err() != nil { // the program is dead, which is said elsewhere
			return a
		}
		r.add(a)
		wait, put := a.putOff()
		if !put {
			return a
		}
		if time.Since(began)+wait > patience {
			r.complain(a, "is put off for longer than %v", patience)
			return a
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return a
		}
	}
}

// putOff tells whether the answer is to come back later, and when.
func (a answer) putOff() (wait time.Duration, put bool) {
	if a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests {
		return 0, false
	}
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second, err == nil && seconds >= 0
}

// check returns what is wrong with the answer, whatever the file was.
func (a answer) check() error {
	switch {
	case a.err != nil:
		return fmt.Errorf("gets no whole answer: %w", a.err)
	case a.took > *hostileDeadline+late:
		return fmt.Errorf("is answered %d after %v", a.status, a.took.Round(time.Millisecond))
	}
	contentType := a.header.Get("Content-Type")
	switch a.status {
	case http.StatusCreated:
		if a.request != "upload" || a.id() == "" {
			return fmt.Errorf("is answered %d: %.200s", a.status, a.body)
		}
	case http.StatusOK:
		for _, chain := range chains {
			if chain.path == a.request {
				if contentType != chain.contentType {
					return fmt.Errorf("is %s", contentType)
				}
				return wantWhole(contentType, a.body)
			}
		}
		return errors.New("is answered 200")
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		if contentType != "application/problem+json" || !json.Valid(a.body) {
			return fmt.Errorf("is answered %d by %s: %.200s", a.status, contentType, a.body)
		}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if _, put := a.putOff(); !put {
			return fmt.Errorf("is answered %d with Retry-After %q", a.status, a.header.Get("Retry-After"))
		}
	default:
		return fmt.Errorf("is answered %d: %.200s", a.status, a.body)
	}
	return nil
}

// wantWhole looks at the first and the last bytes of a body.
func wantWhole(contentType string, body []byte) error {
	whole := false
	switch contentType {
	case "image/jpeg":
		whole = bytes.HasPrefix(body, []byte("\xff\xd8\xff")) && bytes.HasSuffix(body, []byte("\xff\xd9"))
	case "image/png":
		whole = bytes.HasPrefix(body, []byte(pngSignature)) && bytes.HasSuffix(body, pngEnd)
	case "image/webp":
		whole = formatOf(body) == "webp" && int(endian.LittleEndian.Uint32(body[4:]))+8 == len(body)
	case "application/json":
		whole = json.Valid(body)
	}
	if !whole {
		return fmt.Errorf("is no whole %s, in %d bytes: %.40q", contentType, len(body), body)
	}
	return nil
}
