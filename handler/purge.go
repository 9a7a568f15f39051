package handler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/preset"
	"calotype/handler/purge"
	"calotype/store"
)

// The bounds of a request to purge.
const (
	purgeMost  = 1000      // ids, tags, prefixes and presets
	purgeBytes = 256 << 10 // of the body
	purgeWait  = 20 * time.Second
)

// purgeRequest is what is to be forgotten: all that shows one of the images, that has one of the tags, whose canonical address
// begins with one of the prefixes, or that has the tag of one of the presets.
type purgeRequest struct {
	IDs      []string `json:"ids"`
	Tags     []string `json:"tags"`
	Prefixes []string `json:"prefixes"`
	Presets  []string `json:"presets"`
}

// purgeAnswer tells what was purged.
type purgeAnswer struct {
	Prints int            `json:"prints"` // forgotten here
	Hooks  []purge.Answer `json:"hooks"`
}

// purge serves POST /purge: this process and the others forget first, so that no cache in front can fetch again what is to be
// forgotten.
func (h *Handler) purge(ctx *fasthttp.RequestCtx) error {
	body := newUploadBody(ctx, h.options.UploadPause, h.options.allowance)
	what, err := readPurge(string(ctx.Request.Header.ContentType()), body)
	status := fasthttp.StatusOK
	if err == nil {
		what, err = h.within(h.tenantOf(ctx), what)
	}
	if err == nil {
		err = h.tellOthers(what)
	}
	if err == nil {
		answer := purgeAnswer{Prints: h.forgetAll(what), Hooks: []purge.Answer{}}
		waiting, cancel := context.WithTimeout(h.work, purgeWait)
		defer cancel()
		answer.Hooks = append(answer.Hooks, h.hooks.Purge(waiting, what)...)
		if slices.ContainsFunc(answer.Hooks, func(a purge.Answer) bool { return a.Outcome != purge.Accepted }) {
			status = fasthttp.StatusBadGateway
		}
		ctx.Response.Header.Set("Cache-Control", "no-store")
		err = sendJSON(ctx, status, answer)
	}
	if body.ended {
		return err
	}
	if err != nil {
		h.fail(ctx, err)
	}
	return linger(ctx)
}

// readPurge reads and checks a request. What it returns is in the one spelling of each thing.
func readPurge(contentType string, body io.Reader) (what purge.What, err error) {
	var asked purgeRequest
	if err := readJSON(contentType, body, purgeBytes, &asked, errBadPurge, "of ids, tags, prefixes and presets"); err != nil {
		return what, err
	}
	switch n := len(asked.IDs) + len(asked.Tags) + len(asked.Prefixes) + len(asked.Presets); {
	case n == 0:
		return what, fmt.Errorf("%w: it names nothing", errBadPurge)
	case n > purgeMost:
		return what, fmt.Errorf("%w: it names %d things, and at most %d are taken", errBadPurge, n, purgeMost)
	}
	for _, text := range asked.IDs {
		id, err := store.ParseID(text)
		if err != nil {
			return what, fmt.Errorf("%w: %q is no id", errBadPurge, quoted(text))
		}
		what.IDs = append(what.IDs, id.String())
	}
	for _, name := range asked.Presets {
		asked.Tags = append(asked.Tags, preset.Tag(name))
	}
	for _, tag := range asked.Tags {
		if !isTag(tag) {
			return what, fmt.Errorf("%w: a tag has 1 to 128 letters, digits, points, hyphens and underscores, not %q", errBadPurge, quoted(tag))
		}
		// Caches that know no tags can purge an image all the same.
		if id, is := imageOfTag(tag); is {
			what.IDs = append(what.IDs, id.String())
			continue
		}
		what.Tags = append(what.Tags, tag)
	}
	for _, prefix := range asked.Prefixes {
		if purge.ImageOf(prefix) == "" {
			return what, fmt.Errorf("%w: a prefix is the beginning of a canonical address, /download/ and the id at least, not %q", errBadPurge, quoted(prefix))
		}
		what.Paths = append(what.Paths, prefix)
	}
	return what, nil
}

// imageOfTag returns the id of the image that a tag is of.
func imageOfTag(tag string) (id store.ID, is bool) {
	text, named := strings.CutPrefix(tag, imageTag)
	if !named {
		return id, false
	}
	id, err := store.ParseID(text)
	return id, err == nil
}

// within returns what of a purge is its tenant's affair: his own images, and what is of nobody, which does no harm.
func (h *Handler) within(t *tenant, what purge.What) (purge.What, error) {
	what.Tenant = t.Name
	var failed error
	other := func(id string) bool {
		if parsed, err := store.ParseID(id); err == nil && livesElsewhere(parsed) {
			// Others may have prints of it, too: it is forgotten by the tag that is this tenant's.
			what.Tags = append(what.Tags, imageTag+id)
			return true
		}
		o, err := h.record(id)
		if err != nil && !errors.Is(err, store.ErrGone) {
			if !errors.Is(err, store.ErrNotFound) {
				failed = err
			}
			return false
		}
		return !t.owns(o)
	}
	what.IDs = slices.DeleteFunc(what.IDs, other)
	what.Paths = slices.DeleteFunc(what.Paths, func(path string) bool { return other(purge.ImageOf(path)) })
	for i, tag := range what.Tags {
		owned := false
		if what.Tags[i], owned = purge.Untagged(t.Name, tag); !owned {
			return what, fmt.Errorf("%w: %s is a tag of another tenant", errBadPurge, quoted(tag))
		}
	}
	return what, failed
}

// isTag tells whether a text can be a cache tag in every header that carries them.
func isTag(text string) bool {
	return len(text) >= 1 && len(text) <= 128 && strings.IndexFunc(text, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && r != '.' && r != '-' && r != '_'
	}) < 0
}

// forgetAll forgets what is told, and returns how many prints that were. The order counts if images have been removed from the
// index before: once no record is known here, whoever has made a print finds out that an image of it is gone, and what
// was made until then is forgotten.
func (h *Handler) forgetAll(what purge.What) int {
	ids, elsewhere, extensions := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, id := range what.IDs {
		h.records.Remove(id)
		ids[id] = true
	}
	for _, tag := range what.Tags {
		if extension, is := strings.CutPrefix(tag, formatTag); is {
			extensions["."+extension] = true
		} else if id, is := imageOfTag(tag); is {
			h.forgetElsewhere(id.String())
			elsewhere[id.String()] = true
		}
	}
	var named func(key string) bool // as of the tenant, and having a tag or a prefix
	if len(extensions)+len(elsewhere)+len(what.Paths) > 0 {
		named = func(key string) bool {
			address, tenant := readKey(key)
			return tenant == what.Tenant && (extensions[path.Ext(address)] || showsAny(key, elsewhere) ||
				slices.ContainsFunc(what.Paths, func(prefix string) bool { return strings.HasPrefix(address, prefix) }))
		}
	}
	h.forgetOnDisk(h.work, what, named) // before memory, so that nothing comes back from there
	match := func(key string) bool { return showsAny(key, ids) || named != nil && named(key) }
	h.deliveries.Purge(match) // they have names of files
	return h.prints.Purge(match)
}

// showsAny tells whether a print shows one of the images: its own, or one that is laid on it. In a canonical address an id
// has its one spelling and follows the slash of its route, the name of an operation or another argument.
func showsAny(address string, ids map[string]bool) bool {
	const length = 36 // of an id
	for i := 0; i+length < len(address); i++ {
		if strings.IndexByte("/:,=", address[i]) >= 0 && ids[address[i+1:i+1+length]] {
			return true
		}
	}
	return false
}
