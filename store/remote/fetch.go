package remote

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Request asks for the bytes of a source of KindHTTP.
type Request struct {
	Source  Source
	Allowed *Allowed // what the source and every redirect must be on

	// Headers are those of the client: each of Options.Headers that is here is passed on, by the first request and by redirects to the same
	// host. Names are in any case.
	Headers map[string]string

	// From is where what is kept came from, after redirects, ETag and LastModified are the validators it came with, each "" if it
	// has none. They are sent to From alone, so that 304 means that what is kept is still the same. The zero From means that nothing is kept.
	From               Source
	ETag, LastModified string
}

// Response is what an origin has answered.
type Response struct {
	Status    int         // 200, or 304 if the request had validators; after an error that of the answer that led to it, 0 if there was none
	Header    http.Header // of that answer
	Final     Source      // where it came from, after redirects
	Redirects []Redirect  // that led there, in their order: no answer is fresher than they are
	Asked, At time.Time   // when the request was sent and when the head of its answer had come (RFC 9111, 4.2.3)
	Bytes     int64       // of the body that were written
}

// Redirect is an answer that named another place.
type Redirect struct {
	Status    int
	Header    http.Header
	Asked, At time.Time
}

// Fetcher fetches sources over HTTP. Its methods may be called concurrently.
type Fetcher struct{}

// NewFetcher returns a fetcher. It uses of o all that is about one fetch.
func NewFetcher(o Options) (*Fetcher, error) {
	return &Fetcher{}, nil
}

// Fetch gets a source, and writes its body to w as it comes. If it returns no error, w has got the whole body, or nothing if the status is 304. After
// an error w may have got a part.
//
// The Response tells what was answered also after an error, as far as there was an answer. Errors are those of this package; those
// of w and the end of ctx are returned as they are.
func (f *Fetcher) Fetch(ctx context.Context, r Request, w io.Writer) (Response, error) {
	return Response{}, &failure{kind: ErrOrigin}
}

// Close closes the connections that are kept for the next fetch.
func (f *Fetcher) Close() error {
	return nil
}
