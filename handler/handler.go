// Package handler speaks HTTP: routes, headers, problems, uploads, downloads and pages. Beside the main program it is the
// only package that knows fasthttp.
package handler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/cache"
	"calotype/cache/disk"
	"calotype/handler/forwarded"
	"calotype/handler/metrics"
	"calotype/handler/purge"
	"calotype/handler/quota"
	"calotype/handler/signing"
	"calotype/handler/token"
	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

// Options configure a Handler.
type Options struct {
	Store  *store.Store
	Engine *transform.Engine
	// CacheBytes bounds what is kept in memory: prints, and a 16th of it for records of originals and for ways to send prints.
	CacheBytes int64
	// DiskDir is the folder for prints that are to outlive the process, within DiskBytes of the disk; "" for none.
	DiskDir   string
	DiskBytes int64
	// MaxUploadBytes bounds one uploaded image.
	MaxUploadBytes int64
	// UploadPause is how long an upload may send nothing before its connection is closed; 0 means 30 seconds.
	UploadPause time.Duration
	// Canonical says what becomes of images that are asked for by another spelling than the canonical one; "" means CanonicalLink.
	Canonical string
	// UnknownQuery says what becomes of queries of images; "" means QueryIgnored.
	UnknownQuery string
	// UploadOrigins are the sites whose pages may upload, as browsers name them: https://example.org.
	UploadOrigins []string
	// IdleTimeout is how long a connection is kept without a request; 0 means 2 minutes.
	IdleTimeout time.Duration
	// allowance is what slow clients are allowed; none means the usual one.
	allowance allowance
	// Access says who may upload, list and delete.
	Access Access
	// Sign says which addresses must be signed; "" means SignRemote.
	Sign string
	// Keys are those whose signatures are good; nil if there are none.
	Keys *signing.Keys
	// Trusted are the networks of the proxies that are believed whom they speak for.
	Trusted forwarded.Networks
	// Quota bounds how many different prints are made for one client and of one original; nil bounds nothing.
	Quota *quota.Quota
	// Sources gets the originals that live elsewhere of AllowedSources; nil gets none. It stays the caller's to close.
	Sources        *remote.Keeper
	AllowedSources *remote.Allowed
	// SourceHeaders are the names of the headers that are passed on to where they live: what is answered then depends on them.
	SourceHeaders []string
	// Presets are those of a file, which were checked.
	Presets []transform.Preset
	// Policy says which chains are served; nil serves all.
	Policy *transform.Policy
	// CacheTags are the headers that carry the tags by which a cache in front can forget an answer, such as Cache-Tag.
	CacheTags []string
	// Hooks are told what to forget. They need not answer for the service to work.
	Hooks []*purge.Hook
	// Metrics count what is done; nil means that nobody reads them.
	Metrics *metrics.Metrics
	// ServerTiming says in every answer with a print what took how long.
	ServerTiming bool
	Log          *slog.Logger
}

// A Handler answers requests. Its methods may be called concurrently.
type Handler struct {
	options Options
	store   *store.Store
	engine  *transform.Engine
	presets presetSets
	tenants atomic.Pointer[tenants]
	prints  *cache.Cache[*printed]
	records *cache.Cache[store.Original] // by id; they change as little as the prints do
	disk    *disk.Cache                  // prints that are not in memory; nil keeps none
	hooks   *purge.Queue
	tags    []tagHeader
	log     *slog.Logger
	metrics *metrics.Metrics
	// deliveries are by canonical address. They need no purging: without its print none is of use.
	deliveries *cache.Cache[*delivery]
	// attempts counts wrong tokens.
	attempts *token.Attempts
	// draining is set when the server is about to stop.
	draining atomic.Bool
	ids      requestIDs
	// work is the context of all that requests wait for. A request has none of its own: fasthttp's context of one ends when
	// the server begins to stop, and what runs is to be finished.
	work   context.Context
	cancel context.CancelFunc
	// looks finds out what originals look like.
	looks *looker
	// following are those who listen to what others do who have the same originals.
	following      sync.WaitGroup
	began          time.Time
	epoch          string // whatever the bytes of a print depend on beside original and address
	openAPI        *compressed
	openAPIByToken *compressed // where some of it needs a token
	apiPage        fixedPage   // openAPI for people
	apiPageByToken fixedPage
}

// New returns a handler over a store and an engine, which stay the caller's to close.
func New(o Options) (*Handler, error) {
	share := o.CacheBytes / smallShare
	prints, err := cache.New(o.CacheBytes-2*share, func(p *printed) int64 { return p.size() })
	if err != nil {
		return nil, err
	}
	records, err := cache.New(share, recordSize)
	if err != nil {
		prints.Close()
		return nil, err
	}
	deliveries, err := cache.New(share, func(d *delivery) int64 { return d.size() })
	if err != nil {
		prints.Close()
		records.Close()
		return nil, err
	}
	if o.UploadPause <= 0 {
		o.UploadPause = 30 * time.Second
	}
	if o.Canonical == "" {
		o.Canonical = CanonicalLink
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 2 * time.Minute
	}
	if o.allowance == (allowance{}) {
		o.allowance = usual
	}
	h := &Handler{
		options: o, store: o.Store, engine: o.Engine, prints: prints, records: records, deliveries: deliveries, log: o.Log,
		metrics: o.Metrics, attempts: token.NewAttempts(maxAttempts, attemptWindow), epoch: transform.Epoch(), ids: newRequestIDs(), tags: tagHeaders(o.CacheTags),
	}
	if h.metrics == nil {
		h.metrics = metrics.New("", transform.LibvipsVersion())
	}
	h.began = time.Now()
	h.SetTenants(Tenant{
		Access: o.Access, Sign: o.Sign, Keys: o.Keys, Quota: o.Quota, Sources: o.AllowedSources, UploadOrigins: o.UploadOrigins,
		Presets: o.Presets, Policy: o.Policy,
	})
	h.work, h.cancel = context.WithCancel(context.Background())
	h.looks = startLooker(h)
	h.openAPI, err = openAPI(false)
	if err == nil {
		h.openAPIByToken, err = openAPI(true)
	}
	h.apiPage = newFixedPage(func() (apiPage, error) { return newAPIPage(h.openAPI.plain) })
	h.apiPageByToken = newFixedPage(func() (apiPage, error) { return newAPIPage(h.openAPIByToken.plain) })
	if err == nil {
		err = h.readPresets(h.work)
	}
	if err == nil {
		err = h.openDisk()
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	var delay time.Duration
	if h.store.HasOthers() {
		delay = othersForget
	}
	h.hooks = purge.Start(o.Hooks, h.store, delay, h.metrics.Purged, h.log)
	h.metrics.Hooks(h.hooks.Names())
	h.metrics.Watch(h.snapshot)
	h.following.Go(func() { h.follow(o.Store) })
	return h, nil
}

// Close stops the prints that are being made, writes what is to be kept on disk, and frees the cache. No request may come later.
func (h *Handler) Close() {
	h.disk.Close()
	h.cancel()
	h.following.Wait()
	h.looks.done.Wait()
	h.hooks.Close()
	h.prints.Close()
	h.records.Close()
	h.deliveries.Close()
}

// smallShare is the part of the cache, 1/smallShare, for records of originals, and as much for deliveries.
const smallShare = 32

// recordSize is what a record costs the cache.
func recordSize(o store.Original) int64 {
	const fields = 160 // of the struct
	return fields + int64(len(o.Name)+len(o.Format)+len(o.Blurhash))
}

// Serve answers one request, if it is one: from memory if the very same address has been answered before, else by its route.
func (h *Handler) Serve(ctx *fasthttp.RequestCtx) {
	defer h.finish(ctx)
	h.ids.name(ctx)
	h.chooseTenant(ctx)
	if err := checkFraming(&ctx.Request.Header); err != nil {
		h.fail(ctx, err)
		ctx.SetConnectionClose()
		return
	}
	if err := h.answer(ctx, pathOf(ctx)); err != nil {
		h.fail(ctx, err)
	}
	if endBody(ctx) != nil {
		ctx.SetConnectionClose()
	}
}

// answer looks into memory first, if that is where the answer to a request may be.
func (h *Handler) answer(ctx *fasthttp.RequestCtx, path []byte) error {
	if (ctx.IsGet() || ctx.IsHead()) && !h.refusesQuery(ctx) {
		if done, err := h.sendKept(ctx, path); done || err != nil {
			return err
		}
	}
	return h.route(ctx, path)
}

// finish counts an answer. It turns a panic into one, and into a line in the log, so that it costs one request.
func (h *Handler) finish(ctx *fasthttp.RequestCtx) {
	if cause := recover(); cause != nil {
		ctx.Response.Reset()
		h.fail(ctx, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		ctx.SetConnectionClose()
	}
	h.metrics.Answered(ctx.Response.StatusCode())
}

// pathOf returns the path of the request as the client wrote it. It is the only source of keys: fasthttp's own notion of
// a path is decoded and cleaned. The slice is valid as long as ctx.
func pathOf(ctx *fasthttp.RequestCtx) []byte {
	target, _, _ := bytes.Cut(ctx.Request.Header.RequestURI(), []byte("?"))
	if len(target) > 0 && target[0] != '/' {
		// The absolute form, http://host/path, is for proxies and must be understood by all servers (RFC 9112, 3.2.2).
		if _, rest, absolute := bytes.Cut(target, []byte("://")); absolute {
			if i := bytes.IndexByte(rest, '/'); i >= 0 {
				return rest[i:]
			}
			return []byte("/")
		}
	}
	return target
}

// queryOf returns the query of the request as the client wrote it, without its question mark.
func queryOf(ctx *fasthttp.RequestCtx) string {
	_, query, _ := bytes.Cut(ctx.Request.Header.RequestURI(), []byte("?"))
	return string(query)
}

// original finds what the index knows of an id in an address that a tenant is asked for. Once an image is deleted, it is store.ErrGone. Of
// what another tenant has, nothing is known.
func (h *Handler) original(t *tenant, id string) (store.Original, error) {
	o, err := h.record(id)
	if (err == nil || errors.Is(err, store.ErrGone)) && !t.owns(o) {
		return store.Original{}, fmt.Errorf("original %s: %w", o.ID, store.ErrNotFound) // in the store's own words
	}
	return o, err
}

// record finds what the index knows of an id, whosever it is. With store.ErrGone it is what is left.
func (h *Handler) record(id string) (store.Original, error) {
	parsed, err := store.ParseID(id)
	if err != nil {
		return store.Original{}, fmt.Errorf("%w: %q is no id", store.ErrNotFound, id)
	}
	if o, known := h.records.Lookup([]byte(id)); known {
		return o, nil
	}
	o, _, err := h.records.Load(h.work, parsed.String(), func(ctx context.Context) (store.Original, error) {
		return h.store.Get(ctx, parsed)
	})
	return o, err
}

// seen returns what a plan must know of an original.
func seen(o store.Original) transform.Original {
	return transform.Original{
		Format: o.Format, Size: transform.Size{Width: o.Width, Height: o.Height},
		Orientation: o.Orientation, Frames: o.Frames, Depth: o.Depth, Alpha: o.Alpha,
	}
}
