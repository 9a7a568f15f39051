package handler

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

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
	page, err := readPage(query, "exts")
	if err != nil {
		return err
	}
	page.Tenant = h.tenantOf(ctx).Name
	return h.gallery(ctx, page)
}

// readPage reads which originals a query asks for; the parameter formats lists their types.
func readPage(query *fasthttp.Args, formats string) (page store.Query, err error) {
	page.Limit = galleryLimit
	if page.Formats, err = formatsOf(formats, string(query.Peek(formats))); err != nil {
		return page, err
	}
	if query.Has("limit") {
		page.Limit, err = strconv.Atoi(string(query.Peek("limit")))
		if err != nil || page.Limit < 1 || page.Limit > galleryMost {
			return page, fmt.Errorf("%w: limit is a number from 1 to %d, not %q", errBadQuery, galleryMost, quoted(string(query.Peek("limit"))))
		}
	}
	if query.Has("before") {
		page.Before, err = store.ParseID(string(query.Peek("before")))
		if err != nil {
			return page, fmt.Errorf("%w: before is the id of an image, not %q", errBadQuery, quoted(string(query.Peek("before"))))
		}
	}
	return page, nil
}

// namesImage tells whether the query of /download asks for one image.
func namesImage(ctx *fasthttp.RequestCtx) bool { return ctx.QueryArgs().Has("id") }

// formatsOf reads a list of types such as jpeg|jpg|png, which is the value of a parameter. Commas, semicolons and spaces do
// as well. Nothing means all.
func formatsOf(parameter, list string) ([]string, error) {
	var names []string
	separator := func(r rune) bool { return strings.ContainsRune("|,; +", r) }
	for _, word := range strings.FieldsFunc(strings.ToLower(list), separator) {
		f := transform.OriginalByExtension(strings.TrimPrefix(word, "."))
		if f == nil {
			var known []string
			for _, f := range transform.Originals {
				known = append(known, f.Extension)
			}
			return nil, fmt.Errorf("%w: %s lists types among %s, and %q is none of them", errBadQuery, parameter, strings.Join(known, ", "), quoted(word))
		}
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

// galleryDescription is the gallery for programs.
type galleryDescription struct {
	Images []originalDescription `json:"images"`
	Next   string                `json:"next,omitempty"` // address of the next page
}

// gallery shows a page of originals, the newest first.
func (h *Handler) gallery(ctx *fasthttp.RequestCtx, page store.Query) error {
	originals, last, err := h.listPage(page)
	if err != nil {
		return err
	}
	next := ""
	if last != "" {
		next = galleryAddress(page, last)
	}
	header := &ctx.Response.Header
	header.Set("Cache-Control", keepPage)
	header.Set("Vary", "Accept")
	t := h.tenantOf(ctx)
	if prefersJSON(ctx) {
		answer := galleryDescription{Images: []originalDescription{}, Next: next}
		for _, o := range originals {
			answer.Images = append(answer.Images, t.describe(o))
		}
		if err := sendJSON(ctx, fasthttp.StatusOK, answer); err != nil {
			return err
		}
		tellUnchanged(ctx)
		return nil
	}
	view := galleryPage{Types: page.Formats, Next: next}
	if page.Before != (store.ID{}) {
		view.First = galleryAddress(page, "")
	}
	for _, o := range originals {
		d := t.describe(o)
		view.Images = append(view.Images, galleryImage{
			ID: d.ID, Name: d.Name, URL: d.URL, Format: d.Format, Width: d.Width, Height: d.Height, Bytes: d.Bytes, Created: o.Created,
			Thumbnail: t.printOf(o, thumbnail), Thumbnail2x: t.printOf(o, thumbnail2x),
		})
	}
	h.writePage(ctx, view)
	return nil
}

// listPage returns the originals of a page, and the id before which the page after it begins; "" if there is none.
func (h *Handler) listPage(page store.Query) (originals []store.Original, next string, err error) {
	originals, last, err := h.store.List(h.work, page)
	if last != (store.ID{}) {
		next = last.String()
	}
	return originals, next, err
}

// galleryAddress is the address of a page of the gallery, after the image with the id before or from the newest.
func galleryAddress(page store.Query, before string) string {
	query := url.Values{}
	if len(page.Formats) > 0 {
		query.Set("exts", strings.Join(page.Formats, "|"))
	}
	if page.Limit != galleryLimit {
		query.Set("limit", strconv.Itoa(page.Limit))
	}
	if before != "" {
		query.Set("before", before)
	}
	if len(query) == 0 {
		return "/download"
	}
	return "/download?" + query.Encode()
}

// prefersHTML and prefersJSON read an Accept header as far as pages need it: browsers name text/html, programs that want
// JSON name application/json.
func prefersHTML(ctx *fasthttp.RequestCtx) bool {
	return bytes.Contains(ctx.Request.Header.Peek("Accept"), []byte("text/html"))
}

func prefersJSON(ctx *fasthttp.RequestCtx) bool {
	return !prefersHTML(ctx) && bytes.Contains(ctx.Request.Header.Peek("Accept"), []byte("application/json"))
}
