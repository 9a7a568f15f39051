package handler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/tus"
	"calotype/store"
)

// filesPath is where uploads that can be resumed are, by the protocol tus 1.0.0: each has an address of its own, under which its image is then found
// in the index.
const filesPath = "/files/"

// isFiles tells whether an address is one of those.
func isFiles(path []byte) bool { return bytes.HasPrefix(path, []byte(filesPath)) }

// mostFiles bounds the uploads that are under way. An image may be one of up to tus.MaxParts.
var mostFiles = store.MostResumables{All: 2500, Client: 250}

// holdWait is how long a request waits for another that works on the same upload.
const holdWait = 10 * time.Second

// The ways in which a request can be wrong that only tus knows of.
var (
	errTusVersion  = errors.New("the header Tus-Resumable must be 1.0.0")
	errChunkType   = errors.New("the bytes of an upload have the Content-Type " + tus.ContentType)
	errOffset      = errors.New("the upload has come to another offset")
	errChecksum    = errors.New("the bytes do not have the checksum that was told")
	errNoUpload    = errors.New("there is no such upload, or it has expired")
	errNotParts    = errors.New("an image is made of uploads whose Upload-Concat is partial, and that are complete")
	errWholeUpload = errors.New("the upload is complete, or made of others")
)

// createFile serves POST /files/: the extensions creation, with the bytes that may come along, and concatenation.
func (h *Handler) createFile(ctx *fasthttp.RequestCtx) error {
	h.shareUpload(ctx)
	body := newUploadBody(ctx, h.options.UploadPause, h.options.allowance)
	return h.endUpload(ctx, body, h.beginFile(ctx, body))
}

func (h *Handler) beginFile(ctx *fasthttp.RequestCtx, body *uploadBody) error {
	c, err := h.readCreation(ctx)
	if err != nil {
		return err
	}
	if len(c.parts) > 0 {
		return h.joinFiles(ctx, c)
	}
	r, err := h.store.CreateResumable(c.Resumable, mostFiles)
	if err != nil {
		return err
	}
	file, err := h.store.HoldResumable(h.work, r.ID, false)
	if err != nil {
		return err
	}
	defer file.Release()
	if !c.bytes {
		tellExpiry(ctx, r)
		return h.tellCreated(ctx, r.ID, describeResumable(r))
	}
	kept, err := h.receive(ctx, body, file, c.checksum)
	switch {
	case err != nil:
		file.Remove() // its address was told to nobody
		return err
	case kept.ID != store.ID{}:
		return h.tellMade(ctx, kept)
	}
	tellOffset(ctx, file.Resumable)
	return h.tellCreated(ctx, r.ID, describeResumable(file.Resumable))
}

// tellCreated answers the creation of an upload, with what is known of it.
func (h *Handler) tellCreated(ctx *fasthttp.RequestCtx, id store.ID, known any) error {
	tellTus(ctx)
	ctx.Response.Header.Set("Location", filesPath+id.String())
	return sendJSON(ctx, fasthttp.StatusCreated, known)
}

// tellMade answers a creation that has come to an image at once.
func (h *Handler) tellMade(ctx *fasthttp.RequestCtx, kept store.Original) error {
	h.tellKept(ctx, kept)
	return h.tellCreated(ctx, kept.ID, h.tenantOf(ctx).describeUpload(uploadResult{original: kept}))
}

// appendFile serves PATCH /files/{id}.
func (h *Handler) appendFile(ctx *fasthttp.RequestCtx) error {
	h.shareUpload(ctx)
	body := newUploadBody(ctx, h.options.UploadPause, h.options.allowance)
	return h.endUpload(ctx, body, h.appendBytes(ctx, body))
}

func (h *Handler) appendBytes(ctx *fasthttp.RequestCtx, body *uploadBody) error {
	c, err := readChunk(ctx)
	if err != nil {
		return err
	}
	id, err := fileID(pathOf(ctx))
	if err != nil {
		return err
	}
	switch done, err := h.endedFile(ctx, id); {
	case err != nil:
		return err
	case done == (store.Original{}):
	case c.offset != done.Bytes:
		return errOffset
	default:
		h.tellKept(ctx, done)
		ctx.SetStatusCode(fasthttp.StatusNoContent)
		return nil
	}
	file, err := h.store.HoldResumable(h.work, id, false)
	if err != nil {
		return noUpload(err)
	}
	defer file.Release()
	if err := h.mayAppend(ctx, file.Resumable, c); err != nil {
		return err
	}
	if c.length >= 0 && file.Length < 0 {
		if err := file.SetLength(c.length); err != nil {
			return err
		}
	}
	file.OnInterrupt(body.Stop)
	kept, err := h.receive(ctx, body, file, c.checksum)
	if err != nil {
		return err
	}
	if kept.ID != (store.ID{}) {
		h.tellKept(ctx, kept)
	} else {
		tellOffset(ctx, file.Resumable)
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}

// deleteFile serves DELETE /files/{id}: the extension termination.
func (h *Handler) deleteFile(ctx *fasthttp.RequestCtx) error {
	h.shareUpload(ctx)
	if err := checkTus(ctx); err != nil {
		return err
	}
	id, err := fileID(pathOf(ctx))
	if err != nil {
		return err
	}
	if done, err := h.endedFile(ctx, id); err != nil {
		return err
	} else if done != (store.Original{}) {
		return fmt.Errorf("%w: DELETE /images/%s deletes the image", errWholeUpload, id)
	}
	file, err := h.holdFile(id)
	if err != nil {
		return err
	}
	file.Remove()
	file.Release()
	tellTus(ctx)
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}

// holdFile holds an upload that somebody else may be working on, who is asked to end: mostly it is a connection that is dead and does not know it yet.
func (h *Handler) holdFile(id store.ID) (*store.Held, error) {
	wait, cancel := context.WithTimeout(h.work, holdWait)
	defer cancel()
	file, err := h.store.HoldResumable(wait, id, true)
	return file, noUpload(err)
}

// noUpload says that it is no upload that is not found.
func noUpload(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return errNoUpload
	}
	return err
}

// endedFile looks for an upload of the tenant. If it is the image already, it returns that; one that is still an upload is the zero Original. Neither
// is errNoUpload, and an image that was deleted since is store.ErrGone.
func (h *Handler) endedFile(ctx *fasthttp.RequestCtx, id store.ID) (store.Original, error) {
	t := h.tenantOf(ctx)
	if r, err := h.store.Resumable(id); err == nil {
		if r.Tenant != t.Name {
			err = errNoUpload
		}
		return store.Original{}, err
	}
	o, err := h.original(t, id.String())
	return o, noUpload(err)
}

// fileID returns the id in the address of an upload.
func fileID(path []byte) (store.ID, error) {
	id, err := store.ParseID(tus.FileID(string(path)))
	if err != nil {
		return id, errNoUpload
	}
	return id, nil
}
