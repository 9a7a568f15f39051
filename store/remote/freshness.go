package remote

import (
	"net/http"
	"strings"
	"time"
)

const (
	// heuristicShare is the part of its age at which a picture without other information is taken for fresh (RFC 9111, 4.2.2).
	heuristicShare = 10
	// staleOnError is how long a stale copy stands in for an origin that fails, where the origin says nothing of that.
	staleOnError = 24 * time.Hour
	// mostHeader is how many bytes of headers are kept with a source. What comes with more is for one use.
	mostHeader = 8 << 10
)

// storedFields are the header fields that are kept of an answer: what its freshness and its revalidation depend on.
var storedFields = []string{"Age", "Cache-Control", "Date", "Etag", "Expires", "Last-Modified", "Vary"}

// storedHeader returns what is kept of a header.
func storedHeader(h http.Header) http.Header {
	kept := http.Header{}
	for _, name := range storedFields {
		if values := h.Values(name); len(values) > 0 {
			kept[name] = values
		}
	}
	return kept
}

// updatedHeader returns a stored header after an answer of 304, whose fields replace those of the same name (RFC 9111, 3.2). Age and Date
// are of the answer that they came with, and never remain.
func updatedHeader(stored, h http.Header) http.Header {
	updated := storedHeader(stored)
	updated.Del("Age")
	updated.Del("Date")
	for name, values := range storedHeader(h) {
		updated[name] = values
	}
	return updated
}

// A freshness is what a shared cache may do with what has come, by RFC 9111 and RFC 5861.
type freshness struct {
	fresh time.Time // until then it need not be asked about

	// How long after that it may be used: while it is asked about, and if that fails.
	whileAsking, onError time.Duration

	forbidden bool // it must not be kept
}

// bounds are what an operator says of freshness, whatever origins say.
type bounds struct{ floor, cap time.Duration }

// freshnessOf judges what came by some answers, the last of which had the bytes: nothing is fresher than the redirects that have led to it.
// Answers to requests with credentials are for all only if they say so.
func freshnessOf(steps []step, credentials bool, b bounds) freshness {
	f := freshnessOfOne(steps[len(steps)-1], credentials, b)
	f.forbidden = f.forbidden || headerBytes(steps) > mostHeader
	for _, redirect := range steps[:len(steps)-1] {
		r := freshnessOfOne(redirect, credentials, b)
		f.forbidden = f.forbidden || r.forbidden
		if r.fresh.Before(f.fresh) {
			f.fresh = r.fresh
		}
		f.whileAsking = min(f.whileAsking, r.whileAsking)
		f.onError = min(f.onError, r.onError)
	}
	return f
}

func headerBytes(steps []step) (n int) {
	for _, s := range steps {
		for name, values := range s.Header {
			for _, value := range values {
				n += len(name) + len(value)
			}
		}
	}
	return n
}

func freshnessOfOne(s step, credentials bool, b bounds) freshness {
	h, d := s.Header, parseDirectives(s.Header)
	left := min(max(lifetimeOf(s, d)-initialAge(s), b.floor), b.cap)
	mustAsk := d.has("no-cache") || hasEverythingIn(h, "Vary")
	if mustAsk {
		left = 0
	}
	f := freshness{fresh: s.Answered.Add(left)}
	// Beside no-store, must-understand says that no-store is for caches that do not know the status (RFC 9111, 5.2.2.3).
	f.forbidden = d.has("private") || d.has("no-store") && !d.has("must-understand") ||
		credentials && !d.has("public") && !d.has("s-maxage") && !d.has("must-revalidate")
	if mustAsk || d.has("must-revalidate") || d.has("proxy-revalidate") {
		return f
	}
	f.whileAsking, _ = d.seconds("stale-while-revalidate")
	if said, known := d.seconds("stale-if-error"); known {
		f.onError = said
	} else if !d.has("s-maxage") { // which has proxy-revalidate in it (RFC 9111, 5.2.2.10)
		f.onError = staleOnError
	}
	return f
}

// lifetimeOf is the freshness lifetime of RFC 9111, 4.2.1, in a shared cache.
func lifetimeOf(s step, d directives) time.Duration {
	for _, name := range []string{"s-maxage", "max-age"} {
		if n, known := d.seconds(name); known {
			return n
		}
	}
	date := s.date()
	if expires := s.Header.Values("Expires"); len(expires) > 0 {
		t, err := http.ParseTime(expires[0])
		if err != nil {
			return 0 // what cannot be read has expired
		}
		return max(0, t.Sub(date))
	}
	switch s.Status {
	case http.StatusMovedPermanently, http.StatusPermanentRedirect:
		return longestSeconds * time.Second
	case http.StatusOK:
		if modified, err := http.ParseTime(s.Header.Get("Last-Modified")); err == nil {
			return max(0, date.Sub(modified)/heuristicShare)
		}
	}
	return 0
}

// initialAge is the corrected_initial_age of RFC 9111, 4.2.3.
func initialAge(s step) time.Duration {
	apparent := max(0, s.Answered.Sub(s.date()))
	said, _ := parseSeconds(s.Header.Get("Age")) // other than a number it is ignored
	return max(apparent, said+max(0, s.Answered.Sub(s.Asked)))
}

// date is when the answer was made.
func (s step) date() time.Time {
	if t, err := http.ParseTime(s.Header.Get("Date")); err == nil {
		return t
	}
	return s.Answered
}

// hasEverythingIn tells whether a list has the member *.
func hasEverythingIn(h http.Header, name string) bool {
	for _, line := range h.Values(name) {
		for line != "" {
			var member string
			if member, line = nextMember(line); strings.TrimSpace(member) == "*" {
				return true
			}
		}
	}
	return false
}

// left is for how long it is fresh from now on; not more than it was at first, also after a clock was set back.
func (f freshness) left(now, answered time.Time) time.Duration {
	return min(f.fresh.Sub(now), f.fresh.Sub(answered))
}

// stale tells what may be done with a stale one: whether it may be used while it is asked about, and whether if that fails.
func (f freshness) stale(now time.Time) (whileAsking, onError bool) {
	over := now.Sub(f.fresh)
	return over < f.whileAsking, over < f.onError
}
