package handler

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"calotype/store"
	"calotype/transform"
)

// uploadForm shows the page to choose images on.
func (h *Handler) uploadForm(ctx *fasthttp.RequestCtx) error {
	t := h.tenantOf(ctx)
	view := uploadPage{MaxBytes: t.MaxUploadBytes, MaxPixels: t.Limits.Pixels}
	for _, c := range h.engine.Capabilities() {
		if c.Read {
			view.Formats = append(view.Formats, c.Format)
		}
	}
	ctx.Response.Header.Set("Cache-Control", keepPage)
	h.writePage(ctx, view)
	return nil
}

// An uploadResult is what became of one file.
type uploadResult struct {
	name     string
	original store.Original
	err      error
}

// upload takes images and keeps them. What it answers 201 to is on disk.
func (h *Handler) upload(ctx *fasthttp.RequestCtx) error {
	h.shareUpload(ctx)
	body := newUploadBody(ctx, h.options.UploadPause, h.options.allowance)
	results, several, err := []uploadResult(nil), false, h.mayUpload(ctx)
	if err == nil {
		results, several, err = h.keepFiles(ctx, body)
	}
	if err == nil {
		err = h.tellResults(ctx, results, several)
	}
	return h.endUpload(ctx, body, err)
}

// endUpload ends a request with a body, of which not all may have been read: it is answered, by err if there is one, before the connection is closed.
func (h *Handler) endUpload(ctx *fasthttp.RequestCtx, body *uploadBody, err error) error {
	if body.complete() {
		return err
	}
	if err != nil {
		h.fail(ctx, err)
	}
	switch {
	case body.cut && isFiles(pathOf(ctx)):
		hangUp(ctx)
	case body.cut: // by the client, or because it was too slow: there is nobody to wait for
		ctx.SetConnectionClose()
	default:
		return linger(ctx)
	}
	return nil
}

// mayUpload returns why no upload is taken now, whatever it is. It reads the head of the request only.
func (h *Handler) mayUpload(ctx *fasthttp.RequestCtx) error {
	bytes := min(max(0, int64(ctx.Request.Header.ContentLength())), h.tenantOf(ctx).MaxUploadBytes)
	// A form has more bytes than its images.
	return h.mayKeep(ctx, bytes, 1)
}

// mayKeep returns why nothing of so many bytes is taken now, with an image of at least so many.
func (h *Handler) mayKeep(ctx *fasthttp.RequestCtx, bytes, image int64) error {
	if h.Draining() {
		return transform.ErrStopping
	}
	if err := h.store.Room(bytes); err != nil {
		return err
	}
	t := h.tenantOf(ctx)
	return h.store.MayAdd(h.work, t.Name, image, t.Most)
}

// keepFiles keeps the files of a form, or the body itself. It is an error of the whole request if the form cannot be read to
// its end; what was kept before stays, since its ids are nowhere and it can be sent again at no cost.
func (h *Handler) keepFiles(ctx *fasthttp.RequestCtx, body *uploadBody) (results []uploadResult, several bool, err error) {
	mediaType, parameters, err := mime.ParseMediaType(string(ctx.Request.Header.ContentType()))
	if err != nil || mediaType != "multipart/form-data" {
		if length := ctx.Request.Header.ContentLength(); int64(length) > h.tenantOf(ctx).MaxUploadBytes {
			return nil, false, h.tenantOf(ctx).tooLarge()
		}
		_, disposition, _ := mime.ParseMediaType(string(ctx.Request.Header.Peek("Content-Disposition")))
		result := h.keep(ctx, body, cleanName(disposition["filename"]))
		if errors.Is(result.err, errNoFile) {
			return nil, false, errNoFile
		}
		return []uploadResult{result}, false, nil
	}
	form, err := newFormReader(body, parameters["boundary"])
	if err != nil {
		return nil, false, err
	}
	for {
		part, err := form.next()
		if err == io.EOF {
			if len(results) == 0 {
				return nil, false, errNoFile
			}
			body.skipRest()
			return results, len(results) > 1, nil
		}
		if err != nil {
			if len(results) == 1 && results[0].err != nil {
				// What is wrong with the only file says more than that the rest of the form is missing.
				return results, false, nil
			}
			return nil, false, formError(err)
		}
		name := cleanName(part.FileName())
		if name == "" && part.Header.Get("Content-Type") == "" {
			continue // a plain field
		}
		if len(results) == maxFiles {
			return nil, false, fmt.Errorf("%w: more than %d files", errBadForm, maxFiles)
		}
		result := h.keep(ctx, part, name)
		if errors.Is(result.err, errNoFile) && name == "" {
			continue // a file field in which nothing was chosen
		}
		results = append(results, result)
	}
}

func formError(err error) error {
	if errors.Is(err, errBadForm) {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the form is cut off", errCutOff)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w: nothing came for too long", errCutOff)
	}
	return fmt.Errorf("%w: it is not well formed", errBadForm)
}

// keep spools one file to disk, looks what it is, and keeps it.
func (h *Handler) keep(ctx *fasthttp.RequestCtx, file io.Reader, name string) uploadResult {
	original, err := h.keepOne(ctx, file, name)
	return uploadResult{name: name, original: original, err: err}
}

func (h *Handler) keepOne(ctx *fasthttp.RequestCtx, file io.Reader, name string) (store.Original, error) {
	spool, err := h.store.Spool()
	if err != nil {
		return store.Original{}, err
	}
	defer spool.Discard()
	t := h.tenantOf(ctx)
	counted := &countedReader{reader: file}
	n, err := io.Copy(spool, io.LimitReader(counted, t.MaxUploadBytes+1))
	switch {
	case err != nil && counted.err != nil:
		return store.Original{}, formError(err)
	case err != nil:
		return store.Original{}, err
	case n > t.MaxUploadBytes:
		return store.Original{}, t.tooLarge()
	case n == 0:
		return store.Original{}, errNoFile
	}
	return h.keepSpool(ctx, spool, name, store.ID{})
}

// keepSpool looks what it is that was spooled, and keeps it: under an id of its own, or under the one that is given.
func (h *Handler) keepSpool(ctx *fasthttp.RequestCtx, spool *store.Spool, name string, id store.ID) (store.Original, error) {
	t := h.tenantOf(ctx)
	found, err := h.engine.Inspect(h.work, spool.File(), transform.Asker{Original: spool.Digest().String(), Client: t.asker(h.clientOf(ctx))})
	if err == nil {
		err = t.Limits.Check(found)
	}
	if err != nil {
		return store.Original{}, err
	}
	o := originalOf(found)
	o.ID, o.Tenant, o.Name = id, t.Name, name
	return h.store.Add(h.work, spool, o, t.Most)
}

// countedReader tells failures of the client from failures of the disk.
type countedReader struct {
	reader io.Reader
	err    error
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.reader.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

func (t *Tenant) tooLarge() error {
	return fmt.Errorf("%w: at most %s are taken", errUploadSize, exactBytes(t.MaxUploadBytes))
}

// cleanName takes from an uploader's file name what is not for showing: folders, control characters, invalid UTF-8, and
// what is too long.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, name))
	if name == "." || name == "/" || name == ".." {
		return ""
	}
	for len(name) > store.MaxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}
