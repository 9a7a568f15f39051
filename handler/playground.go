package handler

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"calotype/handler/signing"
	"calotype/store"
	"calotype/transform"
)

// The playground shows an image and a print of it, and how the print's address is made. Its own address is that of the print, but for the
// route: /playground/ID/crop:ar=1x1.webp. Its script reads the operations from the API description; without scripts the chain is
// written into a field.

const (
	playgroundPath  = "/playground"
	playgroundRoute = playgroundPath + "/"
)

// playgroundPage is the page for one image.
type playgroundPage struct {
	Original originalDescription
	Chain    string // as it was asked for, with its slash or dot
	Print    string // address of the print; "" if there is none
	Width    int    // of the print, as far as it is known before it is made
	Height   int
	Problem  string // why not
	Data     string // a playgroundData in JSON, for the script
}

// playgroundChoice is the page on which an image is chosen. Images are the newest, if whoever asks may see them.
type playgroundChoice struct{ Images []galleryImage }

// playgroundData is what the script of the page must know.
type playgroundData struct {
	Original originalDescription `json:"original"`
	Prints   string              `json:"prints"`          // what the addresses of prints begin with, unsigned
	Signed   bool                `json:"signed"`          // they must be signed
	Names    []string            `json:"names,omitempty"` // the operations and settings that are served, if not all are
}

// choosePlayground serves /playground: the newest images to choose from, or with an id in the query the way to its page.
func (h *Handler) choosePlayground(ctx *fasthttp.RequestCtx) error {
	if id := string(ctx.QueryArgs().Peek("id")); id != "" {
		leadTo(ctx, playgroundRoute+url.PathEscape(strings.TrimSpace(id)))
		return nil
	}
	ctx.Response.Header.Set("Cache-Control", keepPage)
	view := playgroundChoice{}
	if h.admit(ctx, managed) == nil {
		t := h.tenantOf(ctx)
		originals, _, err := h.store.List(h.work, store.Query{Tenant: t.Name, Limit: playgroundChoices})
		if err != nil {
			return err
		}
		for _, o := range originals {
			view.Images = append(view.Images, galleryImage{shownDescription: t.describeShown(o), Created: o.Created})
		}
	}
	h.writePage(ctx, view)
	return nil
}

// playgroundChoices is how many images there are to choose from.
const playgroundChoices = 24

// playground serves /playground/{id} and /playground/{id}/{chain}.{ext}. A chain in which something is wrong has a page as well: it tells what.
func (h *Handler) playground(ctx *fasthttp.RequestCtx) error {
	t := h.tenantOf(ctx)
	if t.wantsSignature(downloadRoute, true) { // what is known of an original is then not for all who know its id
		if err := h.admit(ctx, managed); err != nil {
			return err
		}
	}
	written := string(pathOf(ctx))[len(playgroundRoute):]
	end := strings.IndexAny(written, "/.")
	if end < 0 {
		end = len(written)
	}
	o, err := h.original(t, written[:end])
	if err != nil {
		return err
	}
	if query := ctx.QueryArgs(); query.Has("chain") {
		leadTo(ctx, playgroundRoute+o.ID.String()+chainAsPath(string(query.Peek("chain"))))
		return nil
	}
	view := playgroundPage{Original: describeOriginal(keptHere(o)), Chain: written[end:]}
	if decoded, err := url.PathUnescape(view.Chain); err == nil {
		view.Chain = decoded
	}
	if err := h.tryChain(ctx, t, o, o.ID.String()+written[end:], &view); err != nil {
		_, body := explain(err)
		view.Problem = body.Detail
	}
	data := playgroundData{Original: view.Original, Prints: keptHere(o).place, Signed: t.wantsSignature(downloadRoute, false), Names: t.Policy.Served()}
	encoded, err := json.Marshal(data)
	if err != nil {
		return err
	}
	view.Data = string(encoded)
	ctx.Response.Header.Set("Cache-Control", keepPage)
	h.writePage(ctx, view)
	return nil
}

// tryChain plans the print of an original by what stands behind /download/, and has the page show it.
func (h *Handler) tryChain(ctx *fasthttp.RequestCtx, t *tenant, o store.Original, path string, view *playgroundPage) error {
	target, err := transform.Parse(path)
	if err != nil {
		return err
	}
	chain, err := t.Policy.Apply(target.Chain)
	if err != nil {
		return err
	}
	expanded, _, err := chain.Expand(t.presets.Current())
	if err != nil {
		return err
	}
	size := seen(o).Upright()
	if !expanded.IsOriginal() {
		wanted, err := h.newOrder(ctx, t, keptHere(o), h.engine.Settle(expanded, seen(o), ""))
		if err != nil {
			return err
		}
		size = wanted.plan.Size
	}
	address := keptHere(o).address(chain.Sent())
	if free := chain.IsOriginal() || chain.IsPreset(); t.wantsSignature(downloadRoute, free) {
		if h.admit(ctx, managed) != nil {
			return signing.ErrMissing
		}
		address = t.handOut(address, free)
	}
	view.Print, view.Width, view.Height = address, size.Width, size.Height
	return nil
}

// chainAsPath makes what somebody has written into a field what stands behind an id in an address.
func chainAsPath(text string) string {
	text = strings.TrimSpace(text)
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded
	}
	if text != "" && !strings.HasPrefix(text, ".") {
		text = "/" + strings.TrimLeft(text, "/")
	}
	return (&url.URL{Path: text}).EscapedPath()
}

// leadTo sends a browser to another page.
func leadTo(ctx *fasthttp.RequestCtx, path string) {
	header := &ctx.Response.Header
	header.Set("Location", path)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.SetContentLength(0) // fasthttp tells no length of no body to HEAD
	ctx.SetStatusCode(fasthttp.StatusSeeOther)
}
