package handler

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

var errNoSources = errors.New("originals that live elsewhere are not fetched here")

// leastAge is what a cache in front may keep an answer that stands in for a newer one, or that is about to become stale: so long it need not
// ask again.
const leastAge = 10 * time.Second

// InspectSource returns what looks at originals that were fetched, as Inspect of remote.Options.
func InspectSource(engine *transform.Engine) func(context.Context, *os.File) (store.Original, error) {
	return func(ctx context.Context, f *os.File) (store.Original, error) {
		found, err := engine.Inspect(ctx, f, transform.Asker{Original: f.Name()})
		for _, useless := range []error{transform.ErrUnsupported, transform.ErrBroken, transform.ErrTooLarge} {
			if errors.Is(err, useless) {
				err = fmt.Errorf("%w: %w", remote.ErrUnusable, err)
				break
			}
		}
		return originalOf(found), err
	}
}

// originalOf is what is recorded of an image in which this was found.
func originalOf(found transform.Original) store.Original {
	return store.Original{
		Format: found.Format, Width: found.Size.Width, Height: found.Size.Height,
		Orientation: found.Orientation, Frames: found.Frames, Depth: found.Depth, Alpha: found.Alpha,
	}
}

// proxied serves /proxy/{source} and what may stand behind: the print of an original that lives elsewhere.
func (h *Handler) proxied(ctx *fasthttp.RequestCtx) error {
	a, err := h.readAddress(ctx, proxyRoute)
	if err != nil {
		return err
	}
	if remote.FromFetcher(joined(ctx, "Via")) {
		return remote.ErrLoop
	}
	return h.sendImage(ctx, a)
}

// elsewhere finds the original that an address names by its source, which may have to be fetched.
func (h *Handler) elsewhere(ctx *fasthttp.RequestCtx, a asking) (subject, error) {
	if h.options.Sources == nil || a.tenant.Sources == nil {
		return subject{}, fmt.Errorf("%w: whoever runs this server has to allow some by --sources", errNoSources)
	}
	source, err := remote.ParseSource(a.target.Source)
	if err != nil {
		return subject{}, err
	}
	wanted := remote.Wanted{Source: source, Allowed: a.tenant.Sources, Headers: map[string]string{}}
	for _, name := range h.options.SourceHeaders {
		if value := joined(ctx, name); value != "" {
			wanted.Headers[name] = value
		}
	}
	waiting, stop := h.whileConnected(ctx)
	defer stop()
	c, err := h.options.Sources.Get(waiting, wanted)
	if err != nil {
		return subject{}, goneOr(waiting, err)
	}
	for _, name := range h.options.SourceHeaders {
		varyBy(&ctx.Response.Header, name)
	}
	o := c.Original
	o.Tenant = a.tenant.Name
	return subject{Original: o, place: placeElsewhere(source), copy: c}, nil
}

// placeElsewhere is the canonical address of the original of a source.
func placeElsewhere(s remote.Source) string {
	return proxyRoute + "_/" + base64.RawURLEncoding.EncodeToString([]byte(s.String()))
}

// canonicalAddress returns the one spelling of an address below a route; it is empty if there is no such image, however it is spelled.
func canonicalAddress(route string, target transform.Target) string {
	if target.Source != "" {
		source, err := remote.ParseSource(target.Source)
		if err != nil {
			return ""
		}
		return placeElsewhere(source) + target.Chain.String()
	}
	id, err := store.ParseID(target.ID)
	if err != nil {
		return ""
	}
	return route + id.String() + target.Chain.String()
}

// openSubject opens the bytes of an original.
func (h *Handler) openSubject(ctx context.Context, s subject) (*os.File, error) {
	if s.copy != nil {
		return h.options.Sources.Open(ctx, s.copy)
	}
	return h.store.Open(ctx, s.Original)
}

// key is what a print is kept under whose canonical address is given. What lives elsewhere may change: other bytes are another original.
// It names the id as an argument, as showsAny finds it.
func (s subject) key(address string) string {
	key := keyOf(address, s.Tenant)
	if s.copy == nil {
		return key
	}
	return key + originalMark + s.ID.String() + "," + s.Digest.String()
}

// originalMark begins what follows the address in a key. No address has a line feed in it.
const originalMark = "\n="

// setKeepElsewhere says how long an answer made of an original that lives elsewhere may be believed: as long as that itself, and no longer
// than its class has it.
func setKeepElsewhere(header *fasthttp.ResponseHeader, c *remote.Copy, most time.Duration, now, expires time.Time) {
	if c.Private {
		header.Set("Cache-Control", "private, no-store")
		return
	}
	left, _ := c.Fresh(now)
	left = min(max(left, leastAge), most)
	more := ", stale-while-revalidate=3600, stale-if-error=86400"
	if !expires.IsZero() {
		left, more = max(0, min(left, expires.Sub(now))), ""
	}
	header.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(left/time.Second))+more)
}

// forgetElsewhere forgets the original with an id, if it lives elsewhere: it is fetched again when it is wanted.
func (h *Handler) forgetElsewhere(id string) {
	if parsed, err := store.ParseID(id); err == nil && h.options.Sources != nil {
		h.options.Sources.Forget(parsed)
	}
}
