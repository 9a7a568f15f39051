package handler

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/quota"
	"calotype/transform"
)

// headers are the header fields of an answer, all of them: what is not named must not be there. Words in angle brackets stand for what
// differs from one answer to the next; "" takes a field out of a set.
type headers map[string]string

var placeholders = map[string]string{
	"<date>": `(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT`,
	"<tag>":  `"[A-Za-z0-9_-]{22}-\d+"`,
	"<id>":   `[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`,
	"<n>":    `[1-9]\d*`,

	"<request>": `[A-Z2-7]{12}-[0-9a-z]+`,
	"<digest>":  `sha-256=:[A-Za-z0-9+/]{43}=:`,
}

// The sets of fields that answers have in common. Whoever adds a field to a class of answers adds it here.
var (
	inAll    = headers{"Date": "<date>", "X-Content-Type-Options": "nosniff", "X-Request-Id": "<request>"}
	withBody = inAll.and(headers{"Content-Length": "<n>"})
	exposed  = headers{
		"Access-Control-Allow-Origin": "*",
		"Access-Control-Expose-Headers": "Accept-Ranges, Cache-Status, Calotype-Error, Content-Disposition, Content-Length, Content-Location, Content-Range, ETag, Link, " +
			"Location, Repr-Digest, Retry-After, Server-Timing, X-Request-Id",
	}
	// For whatever a page of another site may show.
	forPages = exposed.and(headers{
		"Content-Security-Policy":      "default-src 'none'; style-src 'unsafe-inline'; sandbox",
		"Cross-Origin-Resource-Policy": "cross-origin",
		"Timing-Allow-Origin":          "*",
	})
	validated = headers{"Etag": "<tag>", "Last-Modified": "<date>"}
	kept      = headers{"Cache-Control": "public, max-age=2592000, s-maxage=31536000, immutable, stale-while-revalidate=86400, stale-if-error=2592000"}
	anyQuery  = headers{"No-Vary-Search": "params"}
	tagged    = headers{"Cache-Tag": "img-<id>,fmt-png"}
	inParts   = headers{"Accept-Ranges": "bytes", "Repr-Digest": "<digest>"}
	notInPart = headers{"Accept-Ranges": "", "Repr-Digest": ""}

	// Originals and prints, by their path.
	ofImage      = withBody.and(forPages, validated, kept, anyQuery, inParts, tagged)
	ofPrint      = ofImage.and(headers{"Content-Type": "image/png", "Content-Disposition": `inline; filename="<id>.png"`, "Cache-Status": "calotype; fwd=uri-miss; stored"})
	negotiated   = headers{"Vary": "Accept"}
	unmodified   = headers{"Content-Length": "", "Content-Type": "", "Content-Disposition": "", "Cache-Status": "", "Accept-Ranges": "", "Repr-Digest": ""}
	ofPage       = withBody.and(headers{"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": pagePolicyText, "Referrer-Policy": "same-origin"})
	ofOptions    = inAll.and(headers{"Allow": "GET, HEAD, OPTIONS"})
	ofPreflight  = ofOptions.and(headers{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Allow-Headers": "Range, If-None-Match", "Access-Control-Max-Age": "86400"})
	ofUpload     = withBody.and(headers{"Content-Type": "application/json", "Cache-Control": "no-store"})
	ofRedirect   = inAll.and(forPages, anyQuery, headers{"Content-Length": "0", "Cache-Control": "public, max-age=31536000"})
	ofProblem    = withBody.and(exposed, headers{"Content-Type": "application/problem+json"})
	ofOwnProblem = withBody.and(headers{"Content-Type": "application/problem+json"}) // of an upload, for nobody else's scripts
)

const pagePolicyText = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// keeping is how long each problem may be believed, by its code.
var keeping = map[string]struct {
	status int
	keep   string
}{
	"bad-request":         {400, "no-store"},
	"ambiguous-request":   {400, "no-store"},
	"unknown-expectation": {417, "no-store"},
	"http-version":        {505, "no-store"},
	"too-slow":            {408, "no-store"},
	"no-file":             {400, "no-store"},
	"bad-purge":           {400, "no-store"},
	"bad-sign":            {400, "no-store"},
	"no-sign-keys":        {409, "no-store"},
	"bad-preset":          {400, "no-store"},
	"preset-in-file":      {409, "no-store"},
	"preset-in-use":       {409, "no-store"},
	"too-many-presets":    {409, "no-store"},
	"not-allowed":         {403, "public, max-age=10"},
	"no-such-preset":      {404, "public, max-age=10"},
	"bad-form":            {400, "no-store"},
	"upload-cut-off":      {400, "no-store"},
	"bad-query":           {400, "public, max-age=60"},
	"unknown-query":       {400, "no-store"},
	"not-canonical":       {400, "public, max-age=60"},
	"bad-chain":           {400, "public, max-age=60"},
	"unauthorized":        {401, "no-store"},
	"needs-token":         {403, "no-store"},
	"cross-site":          {403, "no-store"},
	"not-signed":          {403, "public, max-age=10"},
	"bad-signature":       {403, "public, max-age=10"},
	"outside-grant":       {403, "public, max-age=10"},
	"signature-expired":   {410, "public, max-age=3600"},
	"bad-upload":          {400, "no-store"},
	"unknown-checksum":    {400, "no-store"},
	"not-parts":           {400, "no-store"},
	"whole-upload":        {403, "no-store"},
	"no-such-upload":      {404, "no-store"},
	"wrong-offset":        {409, "no-store"},
	"tus-version":         {412, "no-store"},
	"bad-content-type":    {415, "no-store"},
	"upload-held":         {423, "no-store"},
	"too-many-uploads":    {429, "no-store"},
	"wrong-checksum":      {460, "no-store"},
	"no-such-address":     {404, "public, max-age=10"},
	"no-such-image":       {404, "public, max-age=10"},
	"method-not-allowed":  {405, "public, max-age=60"},
	"image-deleted":       {410, "public, max-age=3600"},
	"upload-too-large":    {413, "no-store"},
	"precondition-failed": {412, "no-store"},
	"range-outside":       {416, "no-store"},
	"address-too-long":    {414, "public, max-age=60"},
	"unsupported-image":   {415, "no-store"},
	"unwritten-format":    {415, "no-store"},
	"outside-image":       {422, "public, max-age=60"},
	"unwritable-text":     {422, "public, max-age=60"},
	"too-many-pixels":     {422, "public, max-age=60"},
	"damaged-image":       {422, "public, max-age=60"},
	"too-expensive":       {422, "public, max-age=60"},
	"too-many-prints":     {429, "no-store"},
	"too-many-attempts":   {429, "no-store"},
	"headers-too-long":    {431, "no-store"},
	"internal":            {500, "no-store"},
	"damaged-original":    {502, "no-store"},
	"busy":                {503, "no-store"},
	"client-gone":         {503, "no-store"},
	"stopping":            {503, "no-store"},
	"store-unavailable":   {503, "no-store"},
	"no-sources":          {403, "public, max-age=10"},
	"bad-source":          {400, "public, max-age=60"},
	"source-not-allowed":  {403, "public, max-age=10"},
	"source-loop":         {403, "public, max-age=10"},
	"source-missing":      {404, "public, max-age=10"},
	"source-too-large":    {422, "public, max-age=60"},
	"source-too-slow":     {504, "no-store"},
	"source-resting":      {503, "no-store"},
	"source-changed":      {503, "no-store"},
	"source-failed":       {502, "no-store"},
	"unusable-source":     {415, "public, max-age=10"},
	"store-full":          {507, "no-store"},
	"tenant-full":         {507, "no-store"},
}

// problem are the fields that tell of a problem.
func (h headers) problem(code string) headers {
	h = h.and(headers{"Calotype-Error": code, "Cache-Control": keeping[code].keep})
	switch keeping[code].status {
	case 401:
		h["Www-Authenticate"] = `Bearer realm="calotype"`
	case 423, 503:
		h["Retry-After"] = "<n>"
	}
	return h
}

// and returns the fields of h and of others, which win.
func (h headers) and(others ...headers) headers {
	all := maps.Clone(h)
	for _, other := range others {
		maps.Copy(all, other)
	}
	return all
}

// matches tells what is wrong with the header of an answer, or "".
func (h headers) matches(got http.Header) string {
	var wrong []string
	for name, want := range h {
		values := got[name]
		if want == "" {
			if len(values) > 0 {
				wrong = append(wrong, fmt.Sprintf("there is %s: %s", name, values))
			}
			continue
		}
		pattern := regexp.QuoteMeta(want)
		for word, is := range placeholders {
			pattern = strings.ReplaceAll(pattern, word, is)
		}
		if len(values) != 1 || !regexp.MustCompile("^("+pattern+")$").MatchString(values[0]) {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %s", name, values, want))
		}
	}
	for name, values := range got {
		if _, expected := h[name]; !expected {
			wrong = append(wrong, fmt.Sprintf("there is %s: %q", name, values))
		}
	}
	slices.Sort(wrong)
	return strings.Join(wrong, "\n\t")
}

// want holds an answer against its status and all of its header fields.
func (h headers) want(t *testing.T, what string, a answer, status int) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d %.200s, want %d", what, a.status, a.body, status)
		return
	}
	if a.closed {
		a.header.Set("Connection", "close") // the client has taken it out
	}
	if challenges := a.header.Values("WWW-Authenticate"); len(challenges) > 1 {
		a.header.Set("WWW-Authenticate", strings.Join(challenges, ", ")) // each has a line of its own
	}
	if wrong := h.matches(a.header); wrong != "" {
		t.Errorf("%s:\n\t%s", what, wrong)
	}
	if _, told := h["Content-Length"]; told && h["Content-Length"] != "" && a.length < 0 {
		t.Errorf("%s comes in chunks", what)
	}
}

// What every class of answers says in its head, and nothing else.
func TestHeadersOfAnswers(t *testing.T) {
	s := serve(t, func(o *Options) { o.CacheTags = []string{"Cache-Tag"} })
	u := s.upload(draws(t, "rg", "by"))
	png := headers{"Content-Type": "image/png", "Content-Disposition": `inline; filename="<id>.png"`}
	linked := func(rest string) headers { return headers{"Link": "<" + u.URL + rest + `>; rel="canonical"`} }
	hit := headers{"Cache-Status": "calotype; hit"}
	// get asks twice, with GET and HEAD, and then with the entity tag. The second answer tells of a hit where the first tells of a print that was made.
	get := func(what, target string, want headers, request ...string) {
		t.Helper()
		a := s.get(target, request...)
		want.want(t, what, a, http.StatusOK)
		second := want
		if want["Cache-Status"] != "" {
			second = want.and(hit)
		}
		b := s.do("HEAD", target, nil, request...)
		second.want(t, what+", HEAD", b, http.StatusOK)
		if a.length != b.length {
			t.Errorf("%s: %d bytes, HEAD says %d", what, a.length, b.length)
		}
		if tag := a.header.Get("ETag"); tag != "" {
			s := s.get(target, append(request, "If-None-Match", tag)...)
			s.header.Del("Cache-Status") // from memory it tells of the hit
			want.and(unmodified).want(t, what+", 304", s, http.StatusNotModified)
		}
	}
	get("the original", u.URL, ofImage.and(png))
	get("the original, to be saved", u.URL+"/name:cat/attach:1", ofImage.and(png, headers{"Content-Disposition": `attachment; filename="cat.png"`}))
	get("the original by another spelling", "/download/"+strings.ToUpper(u.ID), ofImage.and(png, linked("")))
	get("a print", u.URL+"/rotate:90.png", ofPrint)
	get("a print under a name", u.URL+"/rotate:90/name:cat/v:2.png", ofPrint.and(hit, headers{"Content-Disposition": `inline; filename="cat.png"`}))
	get("a print by another spelling", u.URL+"/Rotate:90.png", ofPrint.and(hit, linked("/rotate:90.png")))
	get("a print without an extension", u.URL+"/rotate:180", ofPrint.and(linked("/rotate:180.png")))
	get("a negotiated print", u.URL+"/rotate:270.auto", ofPrint.and(negotiated, headers{
		"Content-Type": "image/webp", "Cache-Tag": "img-<id>,fmt-webp", "Content-Disposition": `inline; filename="<id>.webp"`, "Content-Location": u.URL + "/rotate:270.webp",
	}), "Accept", "image/webp,*/*")
	get("a negotiated print by another spelling", u.URL+"/rotate:270.AUTO", ofPrint.and(negotiated, hit, linked("/rotate:270.auto"), headers{
		"Content-Type": "image/webp", "Cache-Tag": "img-<id>,fmt-webp", "Content-Disposition": `inline; filename="<id>.webp"`, "Content-Location": u.URL + "/rotate:270.webp",
	}), "Accept", "image/webp,*/*")
	byQuery := headers{"Cache-Control": "private, max-age=86400", "No-Vary-Search": "", "Content-Location": u.URL}
	get("the original by query", "/download?id="+u.ID, ofImage.and(png, linked(""), byQuery))
	get("the original by query, to be saved", "/download?id="+u.ID+"&dl=1", ofImage.and(png, linked("/attach:1"), byQuery, headers{
		"Content-Location": u.URL + "/attach:1", "Content-Disposition": `attachment; filename="<id>.png"`,
	}))
	get("a description", u.URL+"/rotate:90.json", ofImage.and(notInPart, headers{"Cache-Tag": "img-<id>,fmt-json", "Content-Type": "application/json", "Cache-Control": "public, max-age=3600"}))
	ofPicture := headers{
		"Cache-Tag":     "",
		"Cache-Control": "private, max-age=86400", "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; sandbox", "No-Vary-Search": "",
	}
	get("a tag for a page", u.srcset(".auto?widths=1"), ofImage.and(ofPicture, notInPart, headers{"Content-Type": "text/html; charset=utf-8"}))
	get("a tag for a page as JSON", u.srcset(".auto?widths=1&as=json"), ofImage.and(ofPicture, notInPart, headers{"Content-Type": "application/json"}))
	notKept := headers{"Cache-Control": "private, no-cache", "Etag": "<tag>"}
	get("the upload page", "/upload-image", ofPage.and(notKept))
	get("the gallery", "/download", ofPage.and(notKept, headers{"Vary": "Accept"}), "Accept", "text/html")
	get("the gallery as JSON", "/download?exts=png", withBody.and(notKept, headers{"Content-Type": "application/json", "Vary": "Accept"}), "Accept", "application/json")
	style := mustAsset("style.css")
	get("the style sheet", style, withBody.and(headers{"Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}))
	described := headers{"Content-Type": "application/json", "Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"}
	ofManaged := headers{"Content-Type": "application/json", "Cache-Control": "private, no-cache"}
	get("the list of images", "/images", withBody.and(ofManaged))
	get("an image for its manager", "/images/"+u.ID, withBody.and(ofManaged, validated))
	get("the capabilities", "/capabilities", withBody.and(described))
	get("the API description", "/openapi.json", withBody.and(described, headers{"Vary": "Accept-Encoding"}))

	for _, method := range []string{"GET", "HEAD"} {
		inAll.and(headers{"Location": "/upload-image", "Content-Length": "0", "Cache-Control": "no-cache"}).want(t, method+" of the bare address", s.do(method, "/", nil), http.StatusFound)
	}
	post := func(data []byte, request ...string) answer {
		return s.do("POST", "/upload-image", bytes.NewReader(data), request...)
	}
	location := headers{"Location": "/download/<id>"}
	ofUpload.and(location).want(t, "an upload", post(draws(t, "r")), http.StatusCreated)
	ofPage.and(location, headers{"Cache-Control": "no-store"}).want(t, "an upload by a form", post(draws(t, "r"), "Accept", "text/html"), http.StatusCreated)
	two, contentType := form(t, part{"image", "a.png", "image/png", string(draws(t, "r"))}, part{"image", "b.png", "image/png", "no image"})
	ofUpload.want(t, "two uploads", s.do("POST", "/upload-image", two, "Content-Type", contentType), http.StatusCreated)

	ofTus := inAll.and(headers{"Cache-Control": "no-store", "Tus-Resumable": "1.0.0"})
	begun := ofTus.and(headers{"Upload-Expires": "<date>"})
	begun.and(headers{"Content-Type": "application/json", "Content-Length": "<n>", "Location": "/files/<id>"}).want(t, "an upload that can be resumed", s.tus("POST", "/files/", nil, "Upload-Length", "100"), http.StatusCreated)
	file := s.begin(len(draws(t, "r")), "Upload-Metadata", "filename YS5wbmc=")
	begun.and(headers{"Upload-Offset": "0", "Upload-Length": "<n>", "Upload-Metadata": "filename YS5wbmc=", "Content-Type": "application/json", "Content-Length": "<n>"}).want(t, "what it is", s.tus("HEAD", file, nil), http.StatusOK)
	begun.and(headers{"Upload-Offset": "10"}).want(t, "a part of it", s.send(file, 0, draws(t, "r")[:10]), http.StatusNoContent)
	ofTus.and(headers{"Upload-Offset": "<n>", "Content-Location": "/download/<id>"}).want(t, "the rest of it", s.send(file, 10, draws(t, "r")[10:]), http.StatusNoContent)
	ofTus.want(t, "the end of one", s.tus("DELETE", s.begin(100), nil), http.StatusNoContent)
	ofTusOptions := ofOptions.and(headers{
		"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0", "Tus-Max-Size": "<n>", "Tus-Checksum-Algorithm": "sha256,sha1,md5,crc32",
		"Tus-Extension": "checksum,concatenation,creation,creation-defer-length,creation-with-upload,expiration,termination",
	})
	ofTusOptions.and(headers{"Allow": "OPTIONS, POST"}).want(t, "OPTIONS of uploads that can be resumed", s.do("OPTIONS", "/files/", nil), http.StatusNoContent)
	ofTusOptions.and(headers{"Allow": "DELETE, GET, HEAD, OPTIONS, PATCH"}).want(t, "OPTIONS of one", s.do("OPTIONS", file, nil, "Origin", stranger), http.StatusNoContent)

	ofUpload.want(t, "a purge", s.do("POST", "/purge", strings.NewReader(`{"ids":["`+u.ID+`"]}`), "Content-Type", "application/json"), http.StatusOK)
	inAll.and(headers{"Cache-Control": "no-store"}).want(t, "a deletion", s.do("DELETE", "/images/"+u.ID, nil), http.StatusNoContent)
	for _, target := range []string{u.URL, u.URL + "/rotate:90.png", "/download", u.srcset(".png"), "/capabilities", "/openapi.json"} {
		ofPreflight.want(t, "OPTIONS "+target, s.do("OPTIONS", target, nil), http.StatusNoContent)
	}
	for _, target := range []string{"/", style} {
		ofOptions.want(t, "OPTIONS "+target, s.do("OPTIONS", target, nil), http.StatusNoContent)
	}
	ofOptions.and(headers{"Allow": "GET, HEAD, OPTIONS, POST"}).want(t, "OPTIONS of uploads", s.do("OPTIONS", "/upload-image", nil, "Origin", stranger), http.StatusNoContent)

	redirecting, v := canonically(t, CanonicalRedirect)
	ofRedirect.and(headers{"Location": v.URL + "/rotate:90.png"}).want(t, "a redirect", redirecting.get(v.URL+"/Rotate:90.png"), http.StatusMovedPermanently)
}

// How long a problem may be believed, and what it depends on, whoever caused it.
func TestHeadersOfProblems(t *testing.T) {
	s := serve(t, func(o *Options) { o.Quota = quota.New(20, 0, time.Hour) })
	u := s.upload(draws(t, "rg", "by"))
	damaged := s.upload(encodeJPEG(t, photo(600, 400, 1))[:4000])
	provoked := map[string]bool{}
	problem := func(what, code string, a answer, more ...headers) {
		t.Helper()
		provoked[code] = true
		ofProblem.problem(code).and(more...).want(t, what, a, keeping[code].status)
	}
	byQuery := func(code string) headers {
		return headers{"Cache-Control": strings.Replace(keeping[code].keep, "public", "private", 1)}
	}
	byAccept, closing := headers{"Vary": "Accept"}, headers{"Connection": "close"}

	problem("an unknown operation", "bad-chain", s.get(u.URL+"/rotat:90.png"))
	problem("an unknown operation, negotiated", "bad-chain", s.get(u.URL+"/rotat:90.auto"), negotiated)
	problem("an unknown operation, negotiated by a setting", "bad-chain", s.get(u.URL+"/rotat:90/format:auto.jpg"), negotiated)
	problem("a setting of another format", "bad-chain", s.get(u.URL+"/quality:80.png"))
	problem("what contradicts itself, negotiated", "bad-chain", s.get(u.URL+"/describe:look.auto"), negotiated)
	problem("an unknown type", "bad-query", s.get("/download?exts=exe"), byAccept, byQuery("bad-query"))
	problem("an unknown parameter", "bad-query", s.get(u.srcset(".png?x=y")), byQuery("bad-query"))
	problem("an unknown image", "no-such-image", s.get("/download/x.png"))
	problem("an unknown image, negotiated", "no-such-image", s.get("/download/x.auto"), negotiated)
	problem("an unknown image by query", "no-such-image", s.get("/download?id=x"), byAccept, byQuery("no-such-image"))
	problem("nothing", "no-such-address", s.get("/nothing"), byAccept)
	problem("an id that cannot be one, negotiated", "no-such-address", s.get("/download/a_b.auto"), negotiated)
	problem("another method", "method-not-allowed", s.do("DELETE", u.URL+".png", nil), headers{"Allow": "GET, HEAD, OPTIONS"})
	problem("another method on a page", "method-not-allowed", s.do("PUT", "/download", nil), headers{"Allow": "GET, HEAD, OPTIONS"}, byAccept, byQuery("method-not-allowed"))
	problem("an unreadable purge", "bad-purge", s.do("POST", "/purge", strings.NewReader("{")), byAccept, closing)
	problem("an unreadable wish for a signature", "bad-sign", s.do("POST", signPath, strings.NewReader("{")), byAccept, closing)
	problem("a signature without keys", "no-sign-keys", s.postSign(`{"address": "`+u.URL+`"}`), byAccept)
	problem("a tag for an unknown image", "no-such-image", s.get("/srcset/x.png"), byQuery("no-such-image"))
	problem("a tag for a long query", "address-too-long", s.get(u.srcset(".png?alt="+strings.Repeat("x", 5000))), byQuery("address-too-long"))
	problem("a long address", "address-too-long", s.get(u.URL+strings.Repeat("/", transform.MaxPath)))
	problem("a crop outside", "outside-image", s.get(u.URL+"/crop:9,9,1,1.png"))
	problem("a crop outside, negotiated", "outside-image", s.get(u.URL+"/crop:9,9,1,1.auto"), negotiated)
	problem("letters that no font has", "unwritable-text", s.get(u.URL+"/text:5ryi.png"))
	problem("very many pixels", "too-many-pixels", s.get(u.URL+"/resize:9999,9999,stretch,up.png"))
	problem("a damaged image", "damaged-image", s.get(damaged.URL+".png"))
	problem("a damaged image, negotiated", "damaged-image", s.get(damaged.URL+".auto"), negotiated)
	for i := range 30 {
		a := s.get(fmt.Sprintf("%s/rotate:%d.auto", u.URL, 100+i))
		if a.status != http.StatusOK {
			problem("many prints, negotiated", "too-many-prints", a, negotiated, headers{"Retry-After": "<n>"})
			break
		}
	}
	problem("no request", "bad-request", s.raw("hello\r\n\r\n", "GET")[0], byAccept, closing)
	problem("two ends", "ambiguous-request", s.raw("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET")[0], byAccept, closing)
	problem("an expectation", "unknown-expectation", s.raw("GET / HTTP/1.1\r\nHost: h\r\nExpect: much\r\n\r\n", "GET")[0], byAccept, closing)
	problem("another version", "http-version", s.raw("GET / HTTP/3.0\r\nHost: h\r\n\r\n", "GET")[0], byAccept, closing)
	problem("a long head", "headers-too-long", s.raw("GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 20_000)+"\r\n\r\n", "GET")[0], byAccept, closing)

	own := func(what, code string, a answer, more ...headers) {
		t.Helper()
		provoked[code] = true
		ofOwnProblem.problem(code).and(byAccept).and(more...).want(t, what, a, keeping[code].status)
	}
	post := func(data []byte, request ...string) answer {
		t.Helper()
		return s.do("POST", "/upload-image", bytes.NewReader(data), request...)
	}
	own("no file", "no-file", s.do("POST", "/upload-image", nil))
	own("no file in chunks", "no-file", post(nil), closing)
	own("a form without a boundary", "bad-form", post([]byte("x"), "Content-Type", "multipart/form-data"), closing)
	own("a large file", "upload-too-large", post(make([]byte, 5<<20)), closing)
	own("no image", "unsupported-image", post([]byte("no image")))
	own("a form that ends early", "upload-cut-off", post([]byte("--b\r\nContent-Disposition: form-data; name=x; filename=x.png\r\n\r\nabc"), "Content-Type", "multipart/form-data; boundary=b"))

	ofFile := func(code string, a answer) {
		t.Helper()
		provoked[code] = true
		ofOwnProblem.problem(code).and(headers{"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0"}).want(t, code, a, keeping[code].status)
	}
	file := s.begin(100)
	ofFile("bad-upload", s.tus("POST", "/files/", nil))
	ofFile("unknown-checksum", s.send(file, 0, nil, "Upload-Checksum", "sha3 AAAA"))
	ofFile("not-parts", s.tus("POST", "/files/", nil, "Upload-Concat", "final;"+file))
	ofFile("no-such-upload", s.tus("HEAD", "/files/x", nil))
	ofFile("wrong-offset", s.send(file, 1, nil))
	ofFile("tus-version", s.do("DELETE", file, nil))
	ofFile("bad-content-type", s.do("PATCH", file, nil, "Tus-Resumable", "1.0.0"))
	ofFile("wrong-checksum", s.send(file, 0, []byte("x"), "Upload-Checksum", "crc32 AAAAAA=="))

	strict, v := canonically(t, CanonicalStrict)
	problem("another spelling", "not-canonical", strict.get(v.URL+"/Rotate:90.png"))
	problem("another spelling, negotiated", "not-canonical", strict.get(v.URL+"/Rotate:90.auto"), negotiated)
	strict.handler.options.UnknownQuery = QueryRefused
	problem("a query", "unknown-query", strict.get(v.URL+"/rotate:90.png?x"))
	problem("a query, negotiated", "unknown-query", strict.get(v.URL+"/rotate:90.auto?x"), negotiated)
	strict.handler.prints.Close()
	problem("the end", "stopping", strict.get(v.URL+"/rotate:90.auto"), negotiated)

	// The others take a machine in trouble. All of them, of an image and on a page that a person has asked for.
	for _, p := range append(slices.Clone(problems), internal) {
		if _, known := keeping[p.code]; !known {
			t.Errorf("nothing is said of %s", p.code)
		}
		cause := p.err
		if cause == nil {
			cause = http.ErrAbortHandler
		}
		problem(p.code+" of an image", p.code, failed(t, s.handler, "/download/x.png", "", cause))
		onPage := ofPage.and(exposed, byAccept).problem(p.code)
		onPage.want(t, p.code+" on a page", failed(t, s.handler, "/nothing", "text/html", cause), keeping[p.code].status)
		onPage.and(byQuery(p.code)).want(t, p.code+" on a page by query", failed(t, s.handler, "/download", "text/html", cause), keeping[p.code].status)
	}
	for code := range keeping {
		if !provoked[code] {
			t.Errorf("nothing answers %s", code)
		}
	}
}

// failed is the answer to a request that a handler fails for a cause.
func failed(t *testing.T, h *Handler, target, accept string, cause error) answer {
	t.Helper()
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetRequestURI(target)
	ctx.Request.Header.Set("Accept", accept)
	h.ids.name(&ctx)
	h.fail(&ctx, cause)
	var sent bytes.Buffer
	if _, err := ctx.Response.WriteTo(&sent); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(&sent), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := read(t, target, response)
	a.header.Set("Date", time.Now().UTC().Format(http.TimeFormat)) // which the server adds
	return a
}
