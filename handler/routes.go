package handler

import (
	"bytes"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"calotype/handler/tus"
)

// A route is a resource: an address, or all that begin like it, and what can be done there. The API description reads the
// same table.
type route struct {
	path     string // in the API description; what stands before a brace is compared with the request
	access   access // who may use it
	methods  []method
	internal bool // not part of the API
	shared   bool // scripts of all sites may read what is answered
}

// uploadPath is where images are sent to.
const uploadPath = "/upload-image"

type method struct {
	name    string
	summary string
	serve   func(h *Handler, ctx *fasthttp.RequestCtx) error
}

// routes are all resources. A request belongs to the first that fits.
var routes = []route{
	{path: uploadPath, access: managed, methods: []method{
		{"GET", "A page to choose images and upload them.", (*Handler).uploadForm},
		{"POST", "Uploads images: the files of a form, or one image as the body.", (*Handler).upload},
	}},
	{path: filesPath, access: managed, methods: []method{
		{"POST", "Begins an upload that can be resumed, by the protocol tus 1.0.0.", (*Handler).createFile},
	}},
	{path: filesPath + "{id}", access: managed, methods: []method{
		{"GET", "How far an upload is that can be resumed, or what image it has become.", (*Handler).describeFile},
		{"PATCH", "Sends more of it.", (*Handler).appendFile},
		{"DELETE", "Ends it, before it has become an image.", (*Handler).deleteFile},
	}},
	{path: "/download", access: publicIfNamed, shared: true, methods: []method{
		{"GET", "The original with the id of the query, or a gallery of the types in exts.", (*Handler).downloadQuery},
	}},
	{path: "/download/{id}", access: public, shared: true, methods: []method{
		{"GET", "The original, or with a chain and an extension a print of it.", (*Handler).download},
	}},
	{path: "/proxy/{signature}/{source}", access: public, shared: true, methods: []method{
		{"GET", "An original that lives elsewhere, or with a chain and an extension a print of it.", (*Handler).proxied},
	}},
	{path: "/srcset/{id}", access: public, shared: true, methods: []method{
		{"GET", "A tag for a page, or its parts as JSON: prints of the image in several widths, with the size and a placeholder.", (*Handler).srcset},
	}},
	{path: playgroundPath, access: public, methods: []method{
		{"GET", "A page to choose an image for the playground.", (*Handler).choosePlayground},
	}},
	{path: playgroundRoute + "{id}", access: public, methods: []method{
		{"GET", "A page that shows an image and a print of it, and on which the print's address is made by hand.", (*Handler).playground},
	}},
	{path: "/images", access: managed, methods: []method{
		{"GET", "The originals, the newest first, page by page.", (*Handler).listImages},
	}},
	{path: "/images/{id}", access: managed, methods: []method{
		{"GET", "What is known of an original.", (*Handler).describeImage},
		{"DELETE", "Deletes an original for ever, and with it all its prints.", (*Handler).deleteImage},
	}},
	{path: "/presets", access: managed, methods: []method{
		{"GET", "All presets.", (*Handler).listPresets},
	}},
	{path: "/presets/{name}", access: managed, methods: []method{
		{"GET", "A preset with all its versions.", (*Handler).describePreset},
		{"PUT", "Makes a chain the newest version of a preset, or the first.", (*Handler).putPreset},
		{"DELETE", "Removes a preset with all its versions.", (*Handler).deletePreset},
	}},
	{path: "/purge", access: managed, methods: []method{
		{"POST", "Has this server and the caches in front of it forget prints. Nothing is deleted.", (*Handler).purge},
	}},
	{path: signPath, access: managed, methods: []method{
		{"POST", "Signs the address of an image, by the first key of this server.", (*Handler).sign},
	}},
	{path: "/capabilities", access: public, shared: true, methods: []method{
		{"GET", "The formats that this server reads and writes.", (*Handler).capabilities},
	}},
	{path: "/openapi.json", access: public, shared: true, methods: []method{
		{"GET", "This description.", (*Handler).description},
	}},
	{path: referencePath, access: public, methods: []method{
		{"GET", "A page with the reference of operations, settings and formats.", (*Handler).reference},
	}},
	{path: apiPath, access: public, methods: []method{
		{"GET", "A page with this description.", (*Handler).describeAPI},
	}},
	{path: assetRoute + "{name}", access: public, internal: true, methods: []method{
		{"GET", "", (*Handler).sendAsset},
	}},
	{path: signInPath, access: managed, internal: true, methods: []method{
		{"GET", "", (*Handler).signIn},
	}},
	{path: "/", access: public, internal: true, methods: []method{
		{"GET", "", (*Handler).home},
	}},
}

// fits tells whether a request path belongs to the route.
func (r *route) fits(path []byte) bool {
	prefix, _, open := strings.Cut(r.path, "{")
	if open {
		return bytes.HasPrefix(path, []byte(prefix))
	}
	return string(path) == prefix
}

// allow lists the methods of the route for an Allow header.
func (r *route) allow() string {
	names := []string{"OPTIONS"}
	for _, m := range r.methods {
		names = append(names, m.name)
		if m.name == "GET" {
			names = append(names, "HEAD")
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// find returns the resource and the method that a request asks for, if whoever sends it may use them. The method is nil for
// OPTIONS.
func (h *Handler) find(ctx *fasthttp.RequestCtx, path []byte) (*route, *method, error) {
	i := slices.IndexFunc(routes, func(r route) bool { return r.fits(path) })
	if i < 0 {
		return nil, nil, errNoRoute
	}
	r := &routes[i]
	name := methodOf(ctx, path)
	if name == "HEAD" {
		name = "GET" // the server leaves out the body
	}
	for i := range r.methods {
		if r.methods[i].name == name {
			return r, &r.methods[i], h.admit(ctx, r.access)
		}
	}
	if name == "OPTIONS" {
		return r, nil, nil
	}
	ctx.Response.Header.Set("Allow", r.allow())
	return nil, nil, errMethod
}

// methodOf returns the method of a request. Where a client may have to do without PATCH and DELETE, POST stands for them if a header says so.
func methodOf(ctx *fasthttp.RequestCtx, path []byte) string {
	name := string(ctx.Method())
	if override := headerOf(ctx, tus.HeaderOverride); name == "POST" && isFiles(path) && tus.IsMethod(override) {
		return override
	}
	return name
}

// route answers a request by its route.
func (h *Handler) route(ctx *fasthttp.RequestCtx, path []byte) error {
	r, m, err := h.find(ctx, path)
	if err != nil {
		return err
	}
	if m != nil {
		return m.serve(h, ctx)
	}
	ctx.Response.Header.Set("Allow", r.allow())
	h.tellOptions(ctx, r)
	return nil
}
