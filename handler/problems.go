package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"calotype/cache"
	"calotype/docs"
	"calotype/handler/quota"
	"calotype/handler/signing"
	"calotype/handler/token"
	"calotype/handler/tus"
	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

// The ways in which a request can be wrong that only HTTP knows of.
var (
	errBadRequest = errors.New("the request is not HTTP/1.1")
	errLongHead   = errors.New("the headers are too long")
	errSlow       = errors.New("nothing came for too long")
	errNoRoute    = errors.New("there is nothing at this address")
	errMethod     = errors.New("this address does not take the method")
	errNoFile     = errors.New("no file was sent")
	errBadForm    = errors.New("the form cannot be read")
	errBadQuery   = errors.New("the query is not understood")
	errUploadSize = errors.New("the file is too large")
	errBadPurge   = errors.New("it is not understood what is to be purged")
	errCutOff     = errors.New("the upload ended early")
	errGone       = errors.New("the client has gone")
	errRange      = errors.New("nothing of the image lies in the range")

	errPrecondition = errors.New("it is not what the request takes it for")
)

// A problem is what a client is told of one kind of failure.
type problem struct {
	err    error
	status int
	code   string // last part of the type of an RFC 9457 problem, and the value of Calotype-Error
	title  string
	keep   string // Cache-Control: how long the answer may be believed
}

// problems map failures to answers. It is the only place that knows the statuses of failures; the API description reads it
// too. The first that fits counts.
var problems = []problem{
	{errBadRequest, fasthttp.StatusBadRequest, "bad-request", "The request cannot be read", "no-store"},
	{errLongHead, fasthttp.StatusRequestHeaderFieldsTooLarge, "headers-too-long", "The request cannot be read", "no-store"},
	{errFraming, fasthttp.StatusBadRequest, "ambiguous-request", "The request cannot be read", "no-store"},
	{errExpectation, fasthttp.StatusExpectationFailed, "unknown-expectation", "The request cannot be served", "no-store"},
	{errVersion, fasthttp.StatusHTTPVersionNotSupported, "http-version", "The request cannot be read", "no-store"},
	{errSlow, fasthttp.StatusRequestTimeout, "too-slow", "The request came too slowly", "no-store"},
	{errNoRoute, fasthttp.StatusNotFound, "no-such-address", "There is nothing here", "public, max-age=10"},
	{errMethod, fasthttp.StatusMethodNotAllowed, "method-not-allowed", "The method does not fit the address", "public, max-age=60"},
	{errNoToken, fasthttp.StatusUnauthorized, "unauthorized", "A token is needed", "no-store"},
	{errNeedsToken, fasthttp.StatusForbidden, "needs-token", "This needs a token", "no-store"},
	{errCrossSite, fasthttp.StatusForbidden, "cross-site", "The request comes from another site", "no-store"},
	{token.ErrAttempts, fasthttp.StatusTooManyRequests, "too-many-attempts", "Too many wrong tokens", "no-store"},
	{errNoFile, fasthttp.StatusBadRequest, "no-file", "No file was sent", "no-store"},
	{errBadForm, fasthttp.StatusBadRequest, "bad-form", "The form cannot be read", "no-store"},
	{errUnknownQuery, fasthttp.StatusBadRequest, "unknown-query", "The address has a query", "no-store"}, // some caches would keep it for the address without one
	{errSpelling, fasthttp.StatusBadRequest, "not-canonical", "The address is not spelled canonically", "public, max-age=60"},
	{errBadQuery, fasthttp.StatusBadRequest, "bad-query", "The query is not understood", "public, max-age=60"},
	{errBadPurge, fasthttp.StatusBadRequest, "bad-purge", "It is not understood what is to be purged", "no-store"},
	{signing.ErrNone, fasthttp.StatusConflict, "no-sign-keys", "This server has no keys to sign with", "no-store"},
	{errBadSign, fasthttp.StatusBadRequest, "bad-sign", "It is not understood what is to be signed", "no-store"},
	{errBadPreset, fasthttp.StatusBadRequest, "bad-preset", "It is no preset", "no-store"},
	{errPresetInFile, fasthttp.StatusConflict, "preset-in-file", "The preset stands in a file", "no-store"},
	{errPresetInUse, fasthttp.StatusConflict, "preset-in-use", "Other presets need it", "no-store"},
	{store.ErrManyPresets, fasthttp.StatusConflict, "too-many-presets", "There are too many presets", "no-store"},
	{errCutOff, fasthttp.StatusBadRequest, "upload-cut-off", "The upload ended early", "no-store"},
	{errUploadSize, fasthttp.StatusRequestEntityTooLarge, "upload-too-large", "The file is too large", "no-store"},
	{tus.ErrHeader, fasthttp.StatusBadRequest, "bad-upload", "The upload is not understood", "no-store"},
	{tus.ErrAlgorithm, fasthttp.StatusBadRequest, "unknown-checksum", "The checksum cannot be checked", "no-store"},
	{errTusVersion, fasthttp.StatusPreconditionFailed, "tus-version", "Another version of the protocol", "no-store"},
	{errChunkType, fasthttp.StatusUnsupportedMediaType, "bad-content-type", "Not bytes of an upload", "no-store"},
	{errOffset, fasthttp.StatusConflict, "wrong-offset", "The upload goes on elsewhere", "no-store"},
	{errChecksum, statusChecksum, "wrong-checksum", "The bytes are not those that were meant", "no-store"},
	{errNotParts, fasthttp.StatusBadRequest, "not-parts", "Not the parts of an upload", "no-store"},
	{errWholeUpload, fasthttp.StatusForbidden, "whole-upload", "Nothing can be done to the upload any more", "no-store"},
	{errNoUpload, fasthttp.StatusNotFound, "no-such-upload", "There is no such upload", "no-store"},
	{store.ErrHeld, fasthttp.StatusLocked, "upload-held", "Another request works on the upload", "no-store"},
	{store.ErrManyResumables, fasthttp.StatusTooManyRequests, "too-many-uploads", "Too many uploads are under way", "no-store"},
	{errRange, fasthttp.StatusRequestedRangeNotSatisfiable, "range-outside", "There is no such part", "no-store"},
	{errPrecondition, fasthttp.StatusPreconditionFailed, "precondition-failed", "Not the version that was expected", "no-store"},
	{transform.ErrNotAllowed, fasthttp.StatusForbidden, "not-allowed", "This is not served here", "public, max-age=10"},
	{transform.ErrNoPreset, fasthttp.StatusNotFound, "no-such-preset", "There is no such preset", "public, max-age=10"},
	{signing.ErrMissing, fasthttp.StatusForbidden, "not-signed", "The address needs a signature", "public, max-age=10"},
	{signing.ErrSignature, fasthttp.StatusForbidden, "bad-signature", "The signature is not valid", "public, max-age=10"},
	{signing.ErrOutside, fasthttp.StatusForbidden, "outside-grant", "The signature does not grant this", "public, max-age=10"},
	{signing.ErrExpired, fasthttp.StatusGone, "signature-expired", "The signature has ended", "public, max-age=3600"},
	{transform.ErrSyntax, fasthttp.StatusBadRequest, "bad-chain", "The address is not well formed", "public, max-age=60"},
	{transform.ErrTooLong, fasthttp.StatusRequestURITooLong, "address-too-long", "The address is too long", "public, max-age=60"},
	{transform.ErrPath, fasthttp.StatusNotFound, "no-such-address", "There is nothing here", "public, max-age=10"},
	{store.ErrNotFound, fasthttp.StatusNotFound, "no-such-image", "There is no such image", "public, max-age=10"},
	{store.ErrGone, fasthttp.StatusGone, "image-deleted", "The image was deleted", "public, max-age=3600"},
	{errNoSources, fasthttp.StatusForbidden, "no-sources", "Nothing is fetched from elsewhere", "public, max-age=10"},
	{remote.ErrSource, fasthttp.StatusBadRequest, "bad-source", "This is no address of an original", "public, max-age=60"},
	{remote.ErrNotAllowed, fasthttp.StatusForbidden, "source-not-allowed", "Nothing is fetched from there", "public, max-age=10"},
	{remote.ErrLoop, fasthttp.StatusForbidden, "source-loop", "The original would be fetched from here", "public, max-age=10"},
	{remote.ErrMissing, fasthttp.StatusNotFound, "source-missing", "The original does not exist", "public, max-age=10"},
	{remote.ErrTooLarge, fasthttp.StatusUnprocessableEntity, "source-too-large", "The original is too large", "public, max-age=60"},
	{remote.ErrTimeout, fasthttp.StatusGatewayTimeout, "source-too-slow", "The original takes too long to come", "no-store"},
	{remote.ErrResting, fasthttp.StatusServiceUnavailable, "source-resting", "The original cannot be fetched now", "no-store"},
	{remote.ErrBusy, fasthttp.StatusServiceUnavailable, "busy", "The server has too much to do", "no-store"},
	{remote.ErrChanged, fasthttp.StatusServiceUnavailable, "source-changed", "The original has just changed", "no-store"},
	{remote.ErrClosed, fasthttp.StatusServiceUnavailable, "stopping", "The server is stopping", "no-store"},
	{remote.ErrOrigin, fasthttp.StatusBadGateway, "source-failed", "The original cannot be fetched", "no-store"},
	{store.ErrDamaged, fasthttp.StatusBadGateway, "damaged-original", "The original is damaged", "no-store"}, // its bytes here, not those that were uploaded
	{store.ErrQuota, fasthttp.StatusInsufficientStorage, "tenant-full", "No more images are kept here", "no-store"},
	{store.ErrFull, fasthttp.StatusInsufficientStorage, "store-full", "The server has no room for more images", "no-store"},
	{store.ErrUnavailable, fasthttp.StatusServiceUnavailable, "store-unavailable", "The originals cannot be reached now", "no-store"},
	{transform.ErrUnsupported, fasthttp.StatusUnsupportedMediaType, "unsupported-image", "Not an image that can be used here", "no-store"},
	{transform.ErrUnwritten, fasthttp.StatusUnsupportedMediaType, "unwritten-format", "Not a format that is written here", "no-store"},
	{transform.ErrOutside, fasthttp.StatusUnprocessableEntity, "outside-image", "Nothing of the picture is left", "public, max-age=60"},
	{transform.ErrNoGlyph, fasthttp.StatusUnprocessableEntity, "unwritable-text", "The text cannot be written", "public, max-age=60"},
	{transform.ErrTooLarge, fasthttp.StatusUnprocessableEntity, "too-many-pixels", "The picture is too large", "public, max-age=60"},
	{transform.ErrBroken, fasthttp.StatusUnprocessableEntity, "damaged-image", "The image is damaged", "public, max-age=60"},
	{remote.ErrUnusable, fasthttp.StatusUnsupportedMediaType, "unusable-source", "Not an image that can be used here", "public, max-age=10"},
	{quota.ErrExceeded, fasthttp.StatusTooManyRequests, "too-many-prints", "Too many different prints", "no-store"},
	{transform.ErrBusy, fasthttp.StatusServiceUnavailable, "busy", "The server has too much to do", "no-store"},
	{errGone, fasthttp.StatusServiceUnavailable, "client-gone", "The client has gone", "no-store"},
	{transform.ErrExpensive, fasthttp.StatusUnprocessableEntity, "too-expensive", "The print takes too long to make", "public, max-age=60"},
	{transform.ErrStopping, fasthttp.StatusServiceUnavailable, "stopping", "The server is stopping", "no-store"},
	{cache.ErrClosed, fasthttp.StatusServiceUnavailable, "stopping", "The server is stopping", "no-store"},
}

// statusChecksum is what tus answers where a checksum does not fit.
const statusChecksum = 460

// internal answers for all other failures, whose cause is ours and not the client's to read.
var internal = problem{
	status: fasthttp.StatusInternalServerError, code: "internal", title: "Something went wrong here", keep: "no-store",
}

// ours tells whether the cause lies with the server, so that its operator must hear of it.
func (p problem) ours() bool {
	return p.err == nil || p.err == store.ErrFull || p.err == store.ErrUnavailable
}

// problemBody is the body of an RFC 9457 answer.
type problemBody struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Instance names the request, as its X-Request-Id and the log do.
	Instance string `json:"instance,omitempty"`
	// The rest tells of faults in a chain.
	Segment   int    `json:"segment,omitempty"`
	Offset    int    `json:"offset,omitempty"`
	Operation string `json:"operation,omitempty"`
	Parameter string `json:"parameter,omitempty"`
	Expected  string `json:"expected,omitempty"`
	Got       string `json:"got,omitempty"`
}

// problemType is the type of a problem by RFC 9457.
func problemType(p problem) string { return "urn:calotype:problem:" + p.code }

// explain finds the problem that an error is, and what to tell of it.
func explain(err error) (problem, problemBody) {
	p := internal
	var told *refusal
	if errors.As(err, &told) {
		return told.problem(), told.problemBody
	}
	for _, known := range problems {
		if errors.Is(err, known.err) {
			p = known
			break
		}
	}
	body := problemBody{Type: problemType(p), Title: p.title, Status: p.status}
	var syntax *transform.SyntaxError
	var spelling *spellingError
	switch {
	case errors.As(err, &spelling):
		body.Detail, body.Expected = spelling.Error(), spelling.canonical
	case errors.As(err, &syntax):
		body.Detail = syntax.Error()
		if p.err == errBadPreset {
			body.Detail = err.Error() // which says of which preset it is
		}
		body.Segment, body.Offset = syntax.Segment, syntax.Offset
		body.Operation, body.Parameter = syntax.Operation, syntax.Parameter
		body.Expected, body.Got = syntax.Expected, syntax.Got
	case p.err == transform.ErrBroken:
		// What libvips says is for the log: it may name files, or tell of another request.
		body.Detail = "its data cannot be decoded"
	case p.status < 500, p.err == store.ErrQuota:
		body.Detail = err.Error()
	}
	return p, body
}

// fail answers a request that cannot be served, for a person where a page was asked for and else for a program.
func (h *Handler) fail(ctx *fasthttp.RequestCtx, err error) {
	p, body := explain(err)
	id := string(requestID(ctx))
	if p.ours() {
		h.log.Error("a request failed", "target", string(ctx.RequestURI()), "request", id, "error", err)
	} else if p.err == transform.ErrBroken {
		h.log.Info("an original is damaged", "target", string(ctx.RequestURI()), "request", id, "error", err)
	}
	if id != "" {
		body.Instance = "urn:calotype:request:" + id
	}
	header := &ctx.Response.Header
	vary, allow := string(header.Peek("Vary")), string(header.Peek("Allow"))
	header.Reset() // what was said of an image is not true of the problem
	if vary != "" {
		header.Set("Vary", vary)
	}
	if allow != "" {
		header.Set("Allow", allow)
	}
	if id != "" {
		header.SetCanonical(headerRequestID, []byte(id))
	}
	var outside *rangeError
	if errors.As(err, &outside) {
		header.SetCanonical(headerContentRange, []byte("bytes */"+strconv.FormatInt(outside.size, 10)))
	}
	header.Set("Cache-Control", p.keep)
	switch {
	case isManagement(ctx):
		header.Set("Cache-Control", "no-store")
	case isByQuery(ctx):
		header.Set("Cache-Control", strings.Replace(p.keep, "public", "private", 1))
	}
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Calotype-Error", p.code)
	h.shareProblem(ctx)
	if isFiles(pathOf(ctx)) {
		header.Set(tus.HeaderResumable, tus.Version)
		header.Set(tus.HeaderVersion, tus.Version)
	}
	if p.status == fasthttp.StatusUnauthorized {
		challenge(ctx)
	}
	if seconds := retryAfter(p, err); seconds > 0 {
		header.Set("Retry-After", strconv.Itoa(seconds))
	}
	ctx.SetStatusCode(p.status)
	if isPage(ctx) {
		varyBy(header, "Accept")
		if prefersHTML(ctx) {
			if p.status == fasthttp.StatusUnauthorized && ctx.IsGet() && ctx.Request.Header.Peek("Authorization") == nil {
				h.writePage(ctx, lockedPage{SignIn: signInPath})
				return
			}
			h.writePage(ctx, problemPage{Status: p.status, Title: p.title, Detail: body.Detail, Help: helpOn(p, body)})
			return
		}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		encoded = []byte(`{"type":"about:blank","status":500}`)
	}
	header.SetContentType("application/problem+json")
	ctx.SetBody(append(encoded, '\n'))
}

// helpOn is where the reference tells more: of the operation or setting that is in question, else of the problem.
func helpOn(p problem, body problemBody) string {
	if docs.Named(body.Operation) {
		return referencePath + "#" + body.Operation
	}
	return apiPath + "#" + p.code
}

// retryAfter is how many seconds a client should wait before it asks again; 0 if that would not help.
func retryAfter(p problem, err error) int {
	var prints *quota.Exceeded
	var attempts *token.Exceeded
	var host *remote.Resting
	switch {
	case errors.As(err, &prints):
		return int(math.Ceil(prints.Retry.Seconds()))
	case errors.As(err, &attempts):
		return int(math.Ceil(attempts.Retry.Seconds()))
	case errors.As(err, &host):
		return int(math.Ceil(host.Retry.Seconds()))
	case p.status == fasthttp.StatusServiceUnavailable, p.status == fasthttp.StatusLocked:
		return 2
	}
	return 0
}

// isPage tells whether people come to the address by themselves; the others are for img tags and programs.
func isPage(ctx *fasthttp.RequestCtx) bool {
	path := pathOf(ctx)
	return !slices.ContainsFunc([]string{downloadRoute, proxyRoute, srcsetRoute, filesPath}, func(route string) bool { return bytes.HasPrefix(path, []byte(route)) })
}

// isByQuery tells whether the query says what is asked for. Some caches leave it out of their keys: what is wrong with one query must not
// become the answer to all.
func isByQuery(ctx *fasthttp.RequestCtx) bool {
	path := pathOf(ctx)
	return string(path) == "/download" || bytes.HasPrefix(path, []byte(srcsetRoute))
}

// isManagement tells whether an address is for those who manage images; no cache keeps what is said there.
func isManagement(ctx *fasthttp.RequestCtx) bool {
	path := pathOf(ctx)
	return isFiles(path) || bytes.HasPrefix(path, []byte("/images")) || bytes.HasPrefix(path, []byte("/presets")) || string(path) == "/purge" || string(path) == signPath
}

// quoted keeps what a client sent readable in a message.
func quoted(s string) string {
	if unescaped, err := url.QueryUnescape(s); err == nil {
		s = unescaped
	}
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return s
}
