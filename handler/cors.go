package handler

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"calotype/handler/tus"
)

// exposedHeaders are those that scripts of other sites may read, beside the ones that they always may, such as Cache-Control,
// Content-Type and Last-Modified.
const exposedHeaders = "Accept-Ranges, Cache-Status, Calotype-Error, Content-Disposition, Content-Length, Content-Location, Content-Range, ETag, Link, " +
	"Location, Repr-Digest, Retry-After, Server-Timing, X-Request-Id"

// exposedOfFiles are those of uploads that can be resumed.
const exposedOfFiles = exposedHeaders + ", " + tus.ResponseHeaders

// What a preflight may be told (Fetch, 3.3): for reading images, and for uploading them.
const (
	readMethods, readHeaders     = "GET, HEAD, OPTIONS", "Range, If-None-Match"
	uploadMethods, uploadHeaders = "POST", "Authorization, Content-Type, Content-Disposition"
	filesMethods, filesHeaders   = "DELETE, GET, HEAD, PATCH, POST", "Authorization, Content-Type, X-Request-Id, " + tus.RequestHeaders
	preflightSeconds             = "86400"
)

// tellOptions answers OPTIONS, and with it the question of a browser whether a page of another site may do what it is about to do.
func (h *Handler) tellOptions(ctx *fasthttp.RequestCtx, r *route) {
	header := &ctx.Response.Header
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	header.Set("X-Content-Type-Options", "nosniff")
	methods, headers := readMethods, readHeaders
	if isFiles(pathOf(ctx)) {
		h.tellTusOptions(ctx)
	}
	switch {
	case r.shared:
		header.Set("Access-Control-Allow-Origin", "*")
	case takesUploads(pathOf(ctx)) && h.allowUploader(ctx):
		methods, headers = uploadMethods, uploadHeaders
		if isFiles(pathOf(ctx)) {
			methods, headers = filesMethods, filesHeaders
			header.Set("Access-Control-Expose-Headers", exposedOfFiles)
		}
	default:
		return
	}
	header.Set("Access-Control-Allow-Methods", methods)
	header.Set("Access-Control-Allow-Headers", headers)
	header.Set("Access-Control-Max-Age", preflightSeconds)
}

// takesUploads tells whether an address is one to which pages of other sites may be let upload.
func takesUploads(path []byte) bool { return string(path) == uploadPath || isFiles(path) }

// shareUpload lets the page that uploads read what is answered, if it may.
func (h *Handler) shareUpload(ctx *fasthttp.RequestCtx) {
	if !h.allowUploader(ctx) {
		return
	}
	exposed := exposedHeaders
	if isFiles(pathOf(ctx)) {
		exposed = exposedOfFiles
	}
	ctx.Response.Header.Set("Access-Control-Expose-Headers", exposed)
}

// allowUploader lets the page that sends a request read the answer, if it is of a site whose pages may upload. It tells whether it is.
func (h *Handler) allowUploader(ctx *fasthttp.RequestCtx) bool {
	allowed := h.tenantOf(ctx).UploadOrigins
	if len(allowed) == 0 {
		return false
	}
	header := &ctx.Response.Header
	varyBy(header, "Origin")
	origin := string(ctx.Request.Header.Peek("Origin"))
	if !slices.Contains(allowed, origin) {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origin)
	return true
}

// allowsUploader tells whether a request is an upload for a page of a site whose pages may.
func (h *Handler) allowsUploader(ctx *fasthttp.RequestCtx) bool {
	return takesUploads(pathOf(ctx)) && slices.Contains(h.tenantOf(ctx).UploadOrigins, string(ctx.Request.Header.Peek("Origin")))
}

// shareProblem lets scripts read what was wrong: those of all sites, but for uploads.
func (h *Handler) shareProblem(ctx *fasthttp.RequestCtx) {
	if takesUploads(pathOf(ctx)) {
		h.shareUpload(ctx)
		return
	}
	header := &ctx.Response.Header
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", exposedHeaders)
}

var originPattern = regexp.MustCompile(`^https?://([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?$`)

// IsOrigin tells whether s is the origin of a page as browsers write it: lower case, no path, and the port only if it is not the usual one.
func IsOrigin(s string) bool {
	usual := strings.HasPrefix(s, "http:") && strings.HasSuffix(s, ":80") || strings.HasPrefix(s, "https:") && strings.HasSuffix(s, ":443")
	return originPattern.MatchString(s) && !usual
}

// varyBy adds a request header to those that the answer depends on.
func varyBy(header *fasthttp.ResponseHeader, name string) {
	switch vary := header.Peek("Vary"); {
	case len(vary) == 0:
		header.Set("Vary", name)
	case !bytes.Contains(vary, []byte(name)):
		header.Set("Vary", string(vary)+", "+name)
	}
}
