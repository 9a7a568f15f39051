package handler

import (
	"bytes"
	"fmt"

	"github.com/valyala/fasthttp"

	"calotype/handler/signing"
	"calotype/store"
	"calotype/transform"
)

// The number of images on a page of the gallery.
const (
	galleryLimit = 60
	galleryMost  = 500
)

// The prints that pages show.
const (
	thumbnail   = "/resize:320,320.webp"
	thumbnail2x = "/resize:320,320/dpr:2.webp"
)

// thumbnails are the addresses of those of an original.
type thumbnails struct {
	Thumbnail   string `json:"thumbnail"`   // a print within 320×320 pixels
	Thumbnail2x string `json:"thumbnail2x"` // the same for screens of twice the density
}

func (t *Tenant) thumbnailsOf(o store.Original) thumbnails {
	return thumbnails{t.printOf(o, thumbnail), t.printOf(o, thumbnail2x)}
}

// downloadQuery serves /download?id= and /download?exts=, and without either the gallery of all images.
func (h *Handler) downloadQuery(ctx *fasthttp.RequestCtx) error {
	query := ctx.QueryArgs()
	if namesImage(ctx) {
		t := h.tenantOf(ctx)
		if t.wantsSignature(downloadRoute, true) && h.admit(ctx, managed) != nil {
			return fmt.Errorf("%w, as /download/ID can be", signing.ErrMissing)
		}
		o, err := h.original(t, string(query.Peek("id")))
		if err != nil {
			return err
		}
		var chain transform.Chain
		switch saved := string(query.Peek("dl")); saved {
		case "1":
			chain = chain.Attach()
		case "", "0":
		default:
			return fmt.Errorf("%w: dl is 1 or 0, not %q", errBadQuery, quoted(saved))
		}
		return h.sendOriginal(ctx, keptHere(o), asking{tenant: t, path: []byte("/download?id=" + o.ID.String()), target: transform.Target{Chain: chain}})
	}
	page, err := galleryListing.read(query, h.tenantOf(ctx).Name)
	if err != nil {
		return err
	}
	return h.gallery(ctx, page)
}

// namesImage tells whether the query of /download asks for one image.
func namesImage(ctx *fasthttp.RequestCtx) bool { return ctx.QueryArgs().Has("id") }

// galleryDescription is the gallery for programs.
type galleryDescription struct {
	Images []shownDescription `json:"images"`
	Next   string             `json:"next,omitempty"` // address of the next page
}

// shownDescription is what the gallery says of an original.
type shownDescription struct {
	originalDescription
	thumbnails
	Blurhash string `json:"blurhash,omitempty"` // once it is known
}

func (t *Tenant) describeShown(o store.Original) shownDescription {
	d := shownDescription{t.describe(o), t.thumbnailsOf(o), o.Blurhash}
	if d.Blurhash == store.NoBlurhash {
		d.Blurhash = ""
	}
	return d
}

// gallery shows a page of originals, the newest first.
func (h *Handler) gallery(ctx *fasthttp.RequestCtx, page store.Query) error {
	originals, last, err := h.store.List(h.work, page)
	if err != nil {
		return err
	}
	for _, o := range originals {
		h.looks.want(o)
	}
	next := galleryListing.next(page, last)
	header := &ctx.Response.Header
	header.Set("Cache-Control", keepPage)
	header.Set("Vary", "Accept")
	t := h.tenantOf(ctx)
	if prefersJSON(ctx) {
		answer := galleryDescription{Images: []shownDescription{}, Next: next}
		for _, o := range originals {
			answer.Images = append(answer.Images, t.describeShown(o))
		}
		if err := sendJSON(ctx, fasthttp.StatusOK, answer); err != nil {
			return err
		}
		tellUnchanged(ctx)
		return nil
	}
	view := galleryPage{Asked: page, Next: next}
	for _, o := range originals {
		view.Images = append(view.Images, galleryImage{shownDescription: t.describeShown(o), Created: o.Created})
	}
	h.writePage(ctx, view)
	return nil
}

// prefersHTML and prefersJSON read an Accept header as far as pages need it: browsers name text/html, programs that want
// JSON name application/json.
func prefersHTML(ctx *fasthttp.RequestCtx) bool {
	return bytes.Contains(ctx.Request.Header.Peek("Accept"), []byte("text/html"))
}

func prefersJSON(ctx *fasthttp.RequestCtx) bool {
	return !prefersHTML(ctx) && bytes.Contains(ctx.Request.Header.Peek("Accept"), []byte("application/json"))
}
