package remote

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"golang.org/x/net/http/httpguts"
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
	From      Source // what was asked for
	Status    int
	Header    http.Header
	Asked, At time.Time
}

const (
	mostRedirects   = 3
	mostHead        = 64 << 10         // bytes of the head of an answer, with all that come before the last
	mostConnections = 32               // to one host at a time
	idleTime        = 30 * time.Second // of a connection that may be used again
)

// Fetcher fetches sources over HTTP/1.1. Its methods may be called concurrently.
type Fetcher struct {
	transport *http.Transport
	dialer    *dialer
	headers   []string // in canonical form
	self      []self
	via       string

	timeout  time.Duration
	maxBytes int64
	slowest  int64 // bytes a second
}

// NewFetcher returns a fetcher. It uses of o all that is about one fetch.
func NewFetcher(o Options) (*Fetcher, error) {
	f := &Fetcher{via: newVia(), timeout: o.Timeout, maxBytes: o.MaxBytes, slowest: o.Slowest}
	if f.timeout == 0 {
		f.timeout = DefaultTimeout
	}
	if f.maxBytes == 0 {
		f.maxBytes = DefaultMaxBytes
	}
	var err error
	if f.headers, err = parseHeaders(o.Headers); err != nil {
		return nil, err
	}
	if f.self, err = parseSelf(o.Self); err != nil {
		return nil, err
	}
	if f.dialer, err = newDialer(o, f.timeout); err != nil {
		return nil, err
	}
	f.transport = &http.Transport{
		DialContext:            f.dialer.dial,
		TLSClientConfig:        &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    f.timeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: mostHead,
		MaxConnsPerHost:        mostConnections,
		MaxIdleConnsPerHost:    mostConnections / 4,
		MaxIdleConns:           4 * mostConnections,
		IdleConnTimeout:        idleTime,
	}
	return f, nil
}

// ownHeaders are those that a fetch writes itself, or that are about one connection.
var ownHeaders = []string{
	"Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive",
	"Proxy-Authorization", "Proxy-Connection", "Range", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Via",
}

// parseHeaders reads the names of headers that may be passed on.
func parseHeaders(names []string) (list []string, err error) {
	for _, name := range names {
		name = http.CanonicalHeaderKey(name)
		if !httpguts.ValidHeaderFieldName(name) || slices.Contains(ownHeaders, name) {
			return nil, fmt.Errorf("header %q cannot be passed on to origins", name)
		}
		list = append(list, name)
	}
	return list, nil
}

// Fetch gets a source, and writes its body to w as it comes. If it returns no error, w has got the whole body, or nothing if the status is 304. After
// an error w may have got a part.
//
// The Response tells what was answered also after an error, as far as there was an answer. Errors are those of this package; those
// of w and the end of ctx are returned as they are.
func (f *Fetcher) Fetch(ctx context.Context, r Request, w io.Writer) (Response, error) {
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, f.timeout, &failure{kind: ErrTimeout})
	defer cancel()
	response := Response{Final: r.Source}
	if err := f.check(r.Source, r.Allowed); err != nil {
		return response, err
	}
	for {
		answer, err := f.ask(ctx, r, &response)
		if err != nil {
			return response, explain(ctx, err)
		}
		if !isRedirect(answer.StatusCode) {
			defer answer.Body.Close()
			response.Bytes, err = f.receive(ctx, abort, answer, w)
			return response, err
		}
		drop(answer)
		next, err := f.follow(r, &response, answer.Header.Get("Location"))
		if err != nil {
			return response, err
		}
		response.Redirects = append(response.Redirects, Redirect{response.Final, response.Status, response.Header, response.Asked, response.At})
		response = Response{Final: next, Redirects: response.Redirects}
	}
}

// check refuses what must not be asked for whatever its address is.
func (f *Fetcher) check(s Source, allowed *Allowed) error {
	if s.kind != KindHTTP || !allowed.Allows(s) {
		return &failure{kind: ErrNotAllowed}
	}
	if slices.ContainsFunc(f.self, func(own self) bool { return own.is(s) }) {
		return &failure{kind: ErrLoop}
	}
	return nil
}

// ask sends one request, to response.Final, and fills in the head of its answer. The caller closes the body.
func (f *Fetcher) ask(ctx context.Context, r Request, response *Response) (*http.Response, error) {
	to := response.Final
	u := to.URL()
	proxy, err := f.dialer.proxies(u)
	if err != nil {
		return nil, err
	}
	if proxy != nil {
		ctx = context.WithValue(ctx, proxyOf{}, proxy)
	}
	request := (&http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}}).WithContext(ctx)
	if err := f.addHeaders(request.Header, r, to); err != nil {
		return nil, err
	}
	response.Asked = time.Now()
	answer, err := f.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.At = time.Now()
	response.Status, response.Header = answer.StatusCode, answer.Header
	if answer.StatusCode == http.StatusNotModified && !r.isConditional(to) {
		answer.Body.Close()
		return nil, &failure{kind: ErrOrigin, what: "it answers 304 to a request without conditions"}
	}
	return answer, nil
}

// isConditional tells whether a request to a place has validators.
func (r Request) isConditional(to Source) bool {
	return to == r.From && (r.ETag != "" || r.LastModified != "")
}

// addHeaders adds all that a request says but its address.
func (f *Fetcher) addHeaders(h http.Header, r Request, to Source) error {
	h.Set("Accept", "image/*, */*;q=0.1")
	h.Set("User-Agent", "Calotype")
	if to.scheme == r.Source.scheme && to.Host() == r.Source.Host() {
		for name, value := range r.Headers {
			name = http.CanonicalHeaderKey(name)
			if !slices.Contains(f.headers, name) {
				continue
			}
			if !httpguts.ValidHeaderFieldValue(value) {
				return &failure{kind: ErrSource, what: "the header " + name + " of the request cannot be passed on"}
			}
			h.Set(name, value)
		}
	}
	if r.isConditional(to) {
		for name, value := range map[string]string{"If-None-Match": r.ETag, "If-Modified-Since": r.LastModified} {
			if value != "" {
				h.Set(name, value)
			}
		}
	}
	h.Set("Accept-Encoding", "identity") // a body that has to be unpacked first would have a second size
	h.Set("Via", f.via)
	return nil
}

// Close closes the connections that are kept for the next fetch.
func (f *Fetcher) Close() error {
	f.transport.CloseIdleConnections()
	return nil
}
