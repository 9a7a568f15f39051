package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/valyala/fasthttp"

	"calotype/handler/purge"
	"calotype/store"
	"calotype/transform"
)

// imageDescription is what those who manage images are told of one.
type imageDescription struct {
	originalDescription
	Digest string   `json:"digest"` // SHA-256 of the bytes, in hexadecimal digits
	ETag   string   `json:"etag"`   // of the original; If-Match takes it
	Tags   []string `json:"tags"`   // cache tags of the original
	thumbnails
}

func (t *Tenant) describeManaged(o store.Original) imageDescription {
	return imageDescription{
		t.describe(o), o.Digest.String(), originalTag(o), tagsOf(transform.FormatNamed(o.Format).Extension, o),
		t.thumbnailsOf(o),
	}
}

// imageList is a page of images.
type imageList struct {
	Images []imageDescription `json:"images"`
	Next   string             `json:"next,omitempty"` // address of the next page
}

// listImages serves GET /images.
func (h *Handler) listImages(ctx *fasthttp.RequestCtx) error {
	page, err := imagesListing.read(ctx.QueryArgs(), h.tenantOf(ctx).Name)
	if err != nil {
		return err
	}
	originals, last, err := h.store.List(h.work, page)
	if err != nil {
		return err
	}
	t, answer := h.tenantOf(ctx), imageList{Images: []imageDescription{}, Next: imagesListing.next(page, last)}
	for _, o := range originals {
		answer.Images = append(answer.Images, t.describeManaged(o))
	}
	ctx.Response.Header.Set("Cache-Control", keepPage)
	return sendJSON(ctx, fasthttp.StatusOK, answer)
}

// managedID returns the id at the end of the path, which may be of any spelling.
func managedID(ctx *fasthttp.RequestCtx) (store.ID, error) {
	text := string(pathOf(ctx)[len("/images/"):])
	id, err := store.ParseID(text)
	if err != nil {
		err = fmt.Errorf("%w: %q is no id", store.ErrNotFound, quoted(text))
	}
	return id, err
}

// describeImage serves GET /images/{id}.
func (h *Handler) describeImage(ctx *fasthttp.RequestCtx) error {
	id, err := managedID(ctx)
	if err != nil {
		return err
	}
	o, err := h.original(h.tenantOf(ctx), id.String())
	if err != nil {
		return err
	}
	tag, err := h.tenantOf(ctx).managedTag(o)
	if err != nil {
		return err
	}
	modified := fasthttp.AppendHTTPDate(nil, o.Created)
	header := &ctx.Response.Header
	header.SetCanonical(headerETag, tag)
	header.SetCanonical(headerLastModified, modified)
	header.Set("Cache-Control", keepPage)
	header.Set("X-Content-Type-Options", "nosniff")
	if done, err := decided(ctx, tag, modified, o.Created); done || err != nil {
		return err
	}
	return sendJSON(ctx, fasthttp.StatusOK, h.tenantOf(ctx).describeManaged(o))
}

// managedTag is the entity tag of the description of an image.
func (t *Tenant) managedTag(o store.Original) ([]byte, error) {
	body, err := json.Marshal(t.describeManaged(o))
	return []byte(tagOf("image", string(body))), err
}

// deleteImage serves DELETE /images/{id}. When it has answered 204 or 410, nothing of the image is served any more.
func (h *Handler) deleteImage(ctx *fasthttp.RequestCtx) error {
	id, err := managedID(ctx)
	if err != nil {
		return err
	}
	release := h.hooks.Hold() // until this process has forgotten it, too
	defer release()
	o, err := h.store.Get(h.work, id)
	if !h.tenantOf(ctx).owns(o) {
		return fmt.Errorf("original %s: %w", id, store.ErrNotFound)
	}
	if err == nil {
		// What a record holds never changes until it is removed, so that this is true of what is removed below.
		if err := h.checkMatch(ctx, o); err != nil {
			return err
		}
		err = h.store.Remove(h.work, id, h.hooks.Names()...)
	}
	if errors.Is(err, store.ErrNotFound) {
		return err
	}
	// Also if it was gone before: whoever deleted it may not have come to this point yet.
	h.forgetAll(purge.What{IDs: []string{id.String()}})
	h.hooks.Wake()
	if errors.Is(err, store.ErrLeft) {
		h.log.Error("an image was deleted, but its bytes are still on the disk; it is tried again every minute", "id", id, "error", err)
		err = nil
	}
	if err != nil {
		return err
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	return nil
}

// checkMatch evaluates If-Match (RFC 9110, 13.1.1) for an image that is there. The entity tags of its description and of its
// bytes are the same to it: neither changes without the other.
func (h *Handler) checkMatch(ctx *fasthttp.RequestCtx, o store.Original) error {
	lists := ctx.Request.Header.PeekAll("If-Match")
	if len(lists) == 0 {
		return nil
	}
	description, err := h.tenantOf(ctx).managedTag(o)
	if err != nil {
		return err
	}
	for _, tag := range [][]byte{description, []byte(originalTag(o))} {
		if slices.ContainsFunc(lists, func(list []byte) bool { return matches(list, tag, false) }) {
			return nil
		}
	}
	return errPrecondition
}
