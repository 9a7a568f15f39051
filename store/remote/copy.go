package remote

import (
	"net/http"
	"strings"
	"time"

	"calotype/store"
)

// A Copy is a source as it was fetched. It is shared and never changed.
type Copy struct {
	store.Original

	// Stale is whether it stands in, since its origin is being asked or fails.
	Stale bool
	// Private is whether its origin wants no shared cache to keep it: it is for one use, and so must be what is made of it.
	Private bool

	wanted    Wanted
	from      Source // which has answered, after redirects
	steps     []step
	freshness freshness
	item      *item
	passing   bool // it is not kept, for reasons of ours
}

// A step is what is kept of an answer on the way to a source, the last of which had the bytes, or said that they are the same.
type step struct {
	Status   int
	Header   http.Header // see storedFields
	Asked    time.Time
	Answered time.Time
}

// Fresh tells for how long the copy may be given without asking its origin, and whether it may at all: left is 0 if not.
func (c *Copy) Fresh(now time.Time) (left time.Duration, ok bool) {
	if c.Stale || c.Private {
		return 0, false
	}
	left = max(0, c.freshness.left(now, c.last().Answered))
	return left, left > 0
}

func (c *Copy) last() step { return c.steps[len(c.steps)-1] }

func (c *Copy) asStale() *Copy {
	stale := *c
	stale.Stale = true
	return &stale
}

// stepsOf returns what is kept of the answers of a fetch, the last of which may have said that what is kept is the same.
func stepsOf(r Response, kept *Copy) (steps []step) {
	for _, redirect := range r.Redirects {
		steps = append(steps, step{redirect.Status, storedHeader(redirect.Header), redirect.Asked, redirect.At})
	}
	header := storedHeader(r.Header)
	if r.Status == http.StatusNotModified {
		header = updatedHeader(kept.last().Header, r.Header)
	}
	return append(steps, step{http.StatusOK, header, r.Asked, r.At})
}

// validators are what an answer with bytes came with, to ask whether it is still the same.
func (c *Copy) validators() (etag, modified string) {
	h := c.last().Header
	return h.Get("Etag"), h.Get("Last-Modified")
}

// isAnother tells whether an answer of 304 is about other bytes than those of the copy (RFC 9111, 4.3.4).
func (c *Copy) isAnother(h http.Header) bool {
	kept, _ := c.validators()
	said := h.Get("Etag")
	return kept != "" && said != "" && strings.TrimPrefix(kept, "W/") != strings.TrimPrefix(said, "W/")
}

// created is when an original was made, as far as its origin says that.
func created(h http.Header, fetched time.Time) time.Time {
	t, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil || t.After(fetched) || t.Year() < 1970 {
		t = fetched
	}
	return t.UTC().Truncate(time.Millisecond)
}

// record is what is written of a copy.
func (c *Copy) record() record {
	return record{Source: c.wanted.Source.String(), From: c.from.String(), Original: c.Original, Steps: c.steps}
}

// read returns what is kept on disk of what is wanted, or nil.
func (k *Keeper) read(name string, w Wanted) *Copy {
	r, i, found := k.shelf.load(name)
	if !found || r.Source != w.Source.String() || len(r.Steps) == 0 {
		return nil
	}
	from, err := ParseSource(r.From)
	if err != nil {
		return nil
	}
	return &Copy{
		Original: r.Original, wanted: w, from: from, steps: r.Steps, item: i,
		freshness: freshnessOf(r.Steps, w.hasCredentials(), k.bounds),
	}
}
