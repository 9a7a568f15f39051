package handler

import (
	"fmt"
	"mime"

	"github.com/valyala/fasthttp"

	"calotype/handler/tus"
	"calotype/store"
	"calotype/transform"
)

// A creation is what POST /files/ asks for.
type creation struct {
	store.Resumable
	parts    []store.ID   // of which it is made
	bytes    bool         // the first come along
	checksum tus.Checksum // of those
}

// readCreation reads the head of a POST, and says whether such an upload is taken: by its size, by what its tenant has and by the room there is.
func (h *Handler) readCreation(ctx *fasthttp.RequestCtx) (c creation, err error) {
	if err := checkTus(ctx); err != nil {
		return c, err
	}
	t := h.tenantOf(ctx)
	c.Tenant, c.Client, c.Note = t.Name, h.clientOf(ctx), headerOf(ctx, tus.HeaderMetadata)
	metadata, err := tus.ParseMetadata(c.Note)
	if err != nil {
		return c, err
	}
	c.Name = cleanName(metadata.FileName())
	concatenation, err := tus.ParseConcatenation(headerOf(ctx, tus.HeaderConcat))
	if err != nil {
		return c, err
	}
	c.Part = concatenation.Partial
	for _, address := range concatenation.Final {
		id, err := fileID([]byte(address))
		if err != nil {
			return c, err
		}
		c.parts = append(c.parts, id)
	}
	c.bytes = isChunk(ctx) && ctx.Request.Header.ContentLength() != 0
	if c.checksum, err = tus.ParseChecksum(headerOf(ctx, tus.HeaderChecksum)); err != nil {
		return c, err
	}
	c.Length, err = readLength(ctx, c)
	if err == nil {
		err = h.mayCreate(ctx, c)
	}
	return c, err
}

// readLength returns the length that a creation announces, or -1 if it is not known yet. That of parts is the sum of theirs.
func readLength(ctx *fasthttp.RequestCtx, c creation) (int64, error) {
	length, deferred := headerOf(ctx, tus.HeaderLength), headerOf(ctx, tus.HeaderDeferLength)
	switch {
	case len(c.parts) > 0 && length == "" && deferred == "":
		return -1, nil
	case len(c.parts) > 0:
		return 0, fmt.Errorf("%w: an upload that is made of others has their length", tus.ErrHeader)
	case length != "" && deferred == "":
		return tus.ParseNumber(tus.HeaderLength, length)
	case length == "" && deferred == "1":
		return -1, nil
	}
	return 0, fmt.Errorf("%w: either %s, or %s: 1", tus.ErrHeader, tus.HeaderLength, tus.HeaderDeferLength)
}

// mayCreate returns why an upload is not begun, before its first byte.
func (h *Handler) mayCreate(ctx *fasthttp.RequestCtx, c creation) error {
	came := int64(0)
	if c.bytes {
		came = max(0, int64(ctx.Request.Header.ContentLength()))
	}
	switch {
	case c.Length == 0:
		return errNoFile
	case c.Length > h.tenantOf(ctx).MaxUploadBytes || came > h.tenantOf(ctx).MaxUploadBytes:
		return h.tenantOf(ctx).tooLarge()
	case c.Length >= 0 && came > c.Length:
		return fmt.Errorf("%w: more than its %s", errUploadSize, tus.HeaderLength)
	}
	// CreateResumable asks for the room, beside what others have announced.
	return h.mayKeep(ctx, 0, max(1, c.Length))
}

// A chunk is what PATCH /files/{id} brings.
type chunk struct {
	offset   int64
	length   int64 // of the whole upload; -1 if it does not say
	bytes    int64 // that come; negative if that is not said
	checksum tus.Checksum
}

// readChunk reads the head of a PATCH.
func readChunk(ctx *fasthttp.RequestCtx) (c chunk, err error) {
	if err := checkTus(ctx); err != nil {
		return c, err
	}
	if !isChunk(ctx) {
		return c, errChunkType
	}
	c.length, c.bytes = -1, int64(ctx.Request.Header.ContentLength())
	if c.offset, err = tus.ParseNumber(tus.HeaderOffset, headerOf(ctx, tus.HeaderOffset)); err != nil {
		return c, err
	}
	if length := headerOf(ctx, tus.HeaderLength); length != "" {
		if c.length, err = tus.ParseNumber(tus.HeaderLength, length); err != nil {
			return c, err
		}
	}
	c.checksum, err = tus.ParseChecksum(headerOf(ctx, tus.HeaderChecksum))
	return c, err
}

// mayAppend returns why an upload does not take a chunk, before its first byte.
func (h *Handler) mayAppend(ctx *fasthttp.RequestCtx, r store.Resumable, c chunk) error {
	most := h.tenantOf(ctx).MaxUploadBytes
	length := r.Length
	if length < 0 {
		length = c.length
	}
	switch {
	case h.Draining():
		return transform.ErrStopping
	case r.Refused != "":
		return refused(r)
	case len(r.Parts) > 0:
		return errWholeUpload
	case c.offset != r.Offset:
		return fmt.Errorf("%w: it is %d, and not %d", errOffset, r.Offset, c.offset)
	case c.length >= 0 && r.Length >= 0 && c.length != r.Length:
		return fmt.Errorf("%w: %s was %d", tus.ErrHeader, tus.HeaderLength, r.Length)
	case length > most || length < 0 && c.bytes > most-r.Offset:
		return h.tenantOf(ctx).tooLarge()
	case length == 0:
		return errNoFile
	case length >= 0 && length < r.Offset:
		return fmt.Errorf("%w: %d bytes have come, which is more than %s", tus.ErrHeader, r.Offset, tus.HeaderLength)
	case length >= 0 && c.bytes > length-r.Offset:
		return fmt.Errorf("%w: %d bytes are missing", errUploadSize, length-r.Offset)
	}
	return h.mayKeep(ctx, max(0, c.bytes), max(1, length))
}

// mayFiles returns what is wrong with a request for uploads that can be resumed, as far as its head tells.
func (h *Handler) mayFiles(ctx *fasthttp.RequestCtx, m *method) error {
	switch m.name {
	case "POST":
		_, err := h.readCreation(ctx)
		return err
	case "PATCH":
		c, err := readChunk(ctx)
		if err != nil {
			return err
		}
		id, err := fileID(pathOf(ctx))
		if err != nil {
			return err
		}
		r, err := h.store.Resumable(id)
		if err != nil || r.Tenant != h.tenantOf(ctx).Name {
			return nil // it may be an image by now
		}
		return h.mayAppend(ctx, r, c)
	}
	return nil
}

// checkTus refuses requests by another version of the protocol.
func checkTus(ctx *fasthttp.RequestCtx) error {
	if headerOf(ctx, tus.HeaderResumable) != tus.Version {
		return errTusVersion
	}
	return nil
}

// isChunk tells whether the body is bytes of an upload.
func isChunk(ctx *fasthttp.RequestCtx) bool {
	mediaType, _, err := mime.ParseMediaType(string(ctx.Request.Header.ContentType()))
	return err == nil && mediaType == tus.ContentType
}

func headerOf(ctx *fasthttp.RequestCtx, name string) string {
	return string(ctx.Request.Header.Peek(name))
}
