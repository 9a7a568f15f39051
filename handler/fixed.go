package handler

import (
	"bytes"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

// pagePolicy lets pages load styles and images from here, and nothing else from anywhere.
const pagePolicy = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// A page is one of the HTML pages.
type page interface{ render(w io.Writer) error }

// writePage sends a page with the status that has been set.
func (h *Handler) writePage(ctx *fasthttp.RequestCtx, p page) {
	var body bytes.Buffer
	if err := p.render(&body); err != nil {
		h.log.Error("a page cannot be made", "error", err)
		ctx.Error("", fasthttp.StatusInternalServerError)
		return
	}
	setPageHeaders(&ctx.Response.Header)
	ctx.SetBody(body.Bytes())
	if ctx.Response.StatusCode() == fasthttp.StatusOK {
		tellUnchanged(ctx)
	}
}

func setPageHeaders(header *fasthttp.ResponseHeader) {
	header.SetContentType("text/html; charset=utf-8")
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
}

// tellUnchanged gives the answer, which is complete and may be another the next time, an entity tag, and makes it 304 for a client that
// has it. It has no date by which that could be told.
func tellUnchanged(ctx *fasthttp.RequestCtx) {
	tag := []byte(tagOf("page", string(ctx.Response.Body())))
	ctx.Response.Header.SetCanonical(headerETag, tag)
	if len(ctx.Request.Header.Peek("If-None-Match")) > 0 && known(&ctx.Request.Header, tag, nil, time.Time{}) {
		sendUnchanged(ctx)
	}
}

// home leads who opens the bare address to the upload page.
func (h *Handler) home(ctx *fasthttp.RequestCtx) error {
	ctx.Response.Header.Set("Location", "/upload-image")
	ctx.Response.Header.Set("Cache-Control", "no-cache")
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.Response.Header.SetContentLength(0) // fasthttp tells no length of no body to HEAD
	ctx.SetStatusCode(fasthttp.StatusFound)
	return nil
}

// capabilities lists the formats that the linked libvips reads and writes.
func (h *Handler) capabilities(ctx *fasthttp.RequestCtx) error {
	setKeep(&ctx.Response.Header, keepDescription, time.Time{})
	ctx.Response.Header.Set("Access-Control-Allow-Origin", "*")
	return sendJSON(ctx, fasthttp.StatusOK, map[string]any{"formats": h.engine.Capabilities()})
}

// description serves the API description.
func (h *Handler) description(ctx *fasthttp.RequestCtx) error {
	setKeep(&ctx.Response.Header, keepDescription, time.Time{})
	ctx.Response.Header.Set("Access-Control-Allow-Origin", "*")
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.Response.Header.SetContentType("application/json")
	body := h.openAPI
	if h.tenantOf(ctx).Access.Tokens != nil {
		body = h.openAPIByToken
	}
	body.send(ctx)
	return nil
}
