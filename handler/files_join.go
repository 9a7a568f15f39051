package handler

import (
	"errors"

	"github.com/valyala/fasthttp"

	"calotype/store"
)

// joinFiles makes an upload of others that are complete, in the order in which they are named. It can be asked for again: the upload is then the same.
func (h *Handler) joinFiles(ctx *fasthttp.RequestCtx, c creation) error {
	t := h.tenantOf(ctx)
	for _, id := range c.parts {
		if r, err := h.store.Resumable(id); err != nil || r.Tenant != t.Name {
			return errNoUpload
		}
	}
	join, err := h.store.JoinResumables(h.work, c.Resumable, c.parts, t.MaxUploadBytes, mostFiles)
	switch {
	case errors.Is(err, store.ErrNotParts):
		return errNotParts
	case errors.Is(err, store.ErrTooLong):
		return t.tooLarge()
	case err != nil:
		return noUpload(err)
	}
	defer join.Release()
	if join.File == nil { // it was made before
		done, err := h.endedFile(ctx, join.ID)
		if err := errors.Join(err, join.Done()); err != nil {
			return err
		}
		return h.tellMade(ctx, done)
	}
	if err := refused(join.File.Resumable); err != nil {
		return err
	}
	done, err := h.keepFile(ctx, join.File)
	if err != nil && join.File.Refused == "" {
		return err
	}
	if err := errors.Join(err, join.Done()); err != nil {
		return err
	}
	return h.tellMade(ctx, done)
}
