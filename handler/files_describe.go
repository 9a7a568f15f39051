package handler

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/tus"
	"calotype/store"
)

// describeFile serves HEAD and GET /files/{id}. HEAD is of the protocol: whoever asks wants to go on, and whoever else works on the upload ends. GET is
// for those who want to know, and have no part in it.
func (h *Handler) describeFile(ctx *fasthttp.RequestCtx) error {
	h.shareUpload(ctx)
	id, err := fileID(pathOf(ctx))
	if err != nil {
		return err
	}
	if ctx.IsHead() {
		if err := checkTus(ctx); err != nil {
			return err
		}
	}
	done, err := h.endedFile(ctx, id)
	if err != nil {
		return err
	}
	if done == (store.Original{}) {
		var r store.Resumable
		if r, done, err = h.lookAtFile(ctx, id); err != nil {
			return err
		}
		if done == (store.Original{}) {
			h.tellFile(ctx, r)
			return sendJSON(ctx, fasthttp.StatusOK, describeResumable(r))
		}
	}
	h.tellImage(ctx, done)
	return sendJSON(ctx, fasthttp.StatusOK, h.tenantOf(ctx).describeUpload(uploadResult{original: done}))
}

// lookAtFile tells what is known of an upload, or what image it has become.
func (h *Handler) lookAtFile(ctx *fasthttp.RequestCtx, id store.ID) (store.Resumable, store.Original, error) {
	if !ctx.IsHead() {
		r, err := h.store.Resumable(id)
		if err == nil {
			err = refused(r)
		}
		return r, store.Original{}, noUpload(err)
	}
	file, err := h.holdFile(id)
	if errors.Is(err, errNoUpload) { // it has become an image meanwhile
		done, err := h.endedFile(ctx, id)
		return store.Resumable{}, done, err
	}
	if err != nil {
		return store.Resumable{}, store.Original{}, err
	}
	defer file.Release()
	if err := refused(file.Resumable); err != nil {
		return store.Resumable{}, store.Original{}, err
	}
	if !file.Complete() || file.Part {
		return file.Resumable, store.Original{}, nil
	}
	// All bytes came, and then something else failed, or the server ended. A client that is told that they are there asks no more.
	done, err := h.keepFile(ctx, file)
	if err != nil && file.Refused == "" && !errors.Is(err, store.ErrGone) {
		err = fmt.Errorf("%w: its image cannot be kept now: %w", store.ErrHeld, err)
	}
	return store.Resumable{}, done, err
}

// tellImage tells in headers all that is known of an upload that has become an image.
func (h *Handler) tellImage(ctx *fasthttp.RequestCtx, kept store.Original) {
	h.tellKept(ctx, kept)
	header := &ctx.Response.Header
	header.Set(tus.HeaderLength, strconv.FormatInt(kept.Bytes, 10))
	if kept.Name != "" {
		header.Set(tus.HeaderMetadata, tus.Metadata{"filename": kept.Name}.String())
	}
}

// tellKept tells in headers where the image is that an upload has become.
func (h *Handler) tellKept(ctx *fasthttp.RequestCtx, kept store.Original) {
	tellTus(ctx)
	ctx.Response.Header.Set(tus.HeaderOffset, strconv.FormatInt(kept.Bytes, 10))
	ctx.Response.Header.Set("Content-Location", h.tenantOf(ctx).describe(kept).URL)
}

// tellFile tells in headers all that is known of an upload.
func (h *Handler) tellFile(ctx *fasthttp.RequestCtx, r store.Resumable) {
	tellOffset(ctx, r)
	header := &ctx.Response.Header
	if r.Length >= 0 {
		header.Set(tus.HeaderLength, strconv.FormatInt(r.Length, 10))
	} else {
		header.Set(tus.HeaderDeferLength, "1")
	}
	if r.Note != "" {
		header.Set(tus.HeaderMetadata, r.Note)
	}
	if r.Part {
		header.Set(tus.HeaderConcat, "partial")
	}
}

// tellOffset tells in headers how far an upload is, and how long it is waited for.
func tellOffset(ctx *fasthttp.RequestCtx, r store.Resumable) {
	tellTus(ctx)
	ctx.Response.Header.Set(tus.HeaderOffset, strconv.FormatInt(r.Offset, 10))
	tellExpiry(ctx, r)
}

// tellExpiry tells until when an upload is waited for.
func tellExpiry(ctx *fasthttp.RequestCtx, r store.Resumable) {
	ctx.Response.Header.Set(tus.HeaderExpires, string(fasthttp.AppendHTTPDate(nil, r.Expires)))
}

// tellTus tells what every answer by the protocol does.
func tellTus(ctx *fasthttp.RequestCtx) {
	header := &ctx.Response.Header
	header.Set(tus.HeaderResumable, tus.Version)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
}

// tellTusOptions tells what of the protocol there is.
func (h *Handler) tellTusOptions(ctx *fasthttp.RequestCtx) {
	header := &ctx.Response.Header
	header.Set(tus.HeaderResumable, tus.Version)
	header.Set(tus.HeaderVersion, tus.Version)
	header.Set(tus.HeaderExtension, tus.Extensions)
	header.Set(tus.HeaderMaxSize, strconv.FormatInt(h.tenantOf(ctx).MaxUploadBytes, 10))
	header.Set(tus.HeaderAlgorithms, tus.Algorithms())
}

// fileDescription is what is known of an upload that has not become an image.
type fileDescription struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Offset  int64  `json:"offset"`           // bytes that have come
	Length  *int64 `json:"length,omitempty"` // that will come; none if that is not known
	Expires string `json:"expires"`          // RFC 3339
}

func describeResumable(r store.Resumable) fileDescription {
	d := fileDescription{ID: r.ID.String(), Name: r.Name, Offset: r.Offset, Expires: r.Expires.UTC().Format(time.RFC3339)}
	if r.Length >= 0 {
		d.Length = &r.Length
	}
	return d
}
