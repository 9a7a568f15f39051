package handler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/transform"
)

// srcsetPolicy lets who opens the answer in a browser see the picture, and nothing else.
const srcsetPolicy = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; sandbox"

// usualWidth is the width up to which a print is named in src, in pixels: for mails, feeds and browsers that know no srcset.
const usualWidth = 1280

// A picture is what a page says of an image so that every browser takes the print that suits it.
type picture struct {
	ID          string          `json:"id"`
	Src         string          `json:"src"`
	Width       int             `json:"width"` // of src
	Height      int             `json:"height"`
	Sizes       string          `json:"sizes"`
	Alt         string          `json:"alt"`
	Loading     string          `json:"loading"`
	Placeholder string          `json:"placeholder,omitempty"` // a data URI; none for what is transparent, since it would be seen through it
	Sources     []pictureSource `json:"sources"`               // the best first; the last is for all browsers
}

// A pictureSource is the picture in one format.
type pictureSource struct {
	Type   string         `json:"type"`
	Srcset string         `json:"srcset"`
	Prints []picturePrint `json:"prints"` // from the narrowest to the widest
}

type picturePrint struct {
	URL    string `json:"url"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// srcset serves /srcset/{id}.{ext} and /srcset/{id}/{chain}.{ext}. No print is made but a small one for the placeholder.
func (h *Handler) srcset(ctx *fasthttp.RequestCtx) error {
	a, err := h.readBelow(ctx, srcsetRoute, pathOf(ctx)[len(srcsetRoute):], false)
	if err != nil {
		return err
	}
	// What is told here is signed if it must be: not for everyone.
	prints := downloadRoute
	if a.target.Source != "" {
		prints = proxyRoute
	}
	if a.tenant.wantsSignature(prints, false) {
		if err := h.admit(ctx, managed); err != nil {
			return err
		}
	}
	if a.chain.Described {
		return &transform.SyntaxError{Operation: "format", Expected: "must be a format of images; as=json in the query asks for JSON", Got: ".json"}
	}
	query, err := readSrcsetQuery(queryOf(ctx))
	if err != nil {
		return err
	}
	usual, _ := readWidths(defaultWidths)
	if query.widths, err = a.tenant.Policy.Widths(query.widths, usual); err != nil {
		return err
	}
	o, err := h.subjectOf(ctx, a)
	if err != nil {
		return err
	}
	offers := h.engine.Offers(a.chain, seen(o.Original))
	shown, err := h.describePicture(o, a, offers, query)
	if err != nil {
		return err
	}
	body, err := shown.body(query.as)
	if err != nil {
		return err
	}
	header := &ctx.Response.Header
	tag := []byte(tagOf("srcset", string(body), o.Digest.String(), fmt.Sprint(query.placeholder), h.epoch))
	modified := o.modified()
	header.SetCanonical(headerETag, tag)
	setModified(header, modified)
	setKeep(header, keepByQuery, time.Time{})
	setImageHeaders(header)
	header.Set("Content-Security-Policy", srcsetPolicy)
	if done, err := decided(ctx, tag, modified, o.Created); done || err != nil {
		return err
	}
	if query.placeholder {
		if shown.Placeholder, err = h.placeholder(ctx, a.tenant, o, a.chain.In(offers[0])); err != nil {
			return err
		}
		if body, err = shown.body(query.as); err != nil {
			return err
		}
	}
	header.SetContentType("text/html; charset=utf-8")
	if query.as == "json" {
		header.SetContentType("application/json")
	}
	ctx.SetBody(body)
	return nil
}

// describePicture plans the prints of all formats and widths.
func (h *Handler) describePicture(o subject, a asking, offers []*transform.Format, query srcsetQuery) (*picture, error) {
	layers, err := h.layers(a.tenant, a.chain)
	if err != nil {
		return nil, err
	}
	p := &picture{ID: o.ID.String(), Sizes: query.sizes, Alt: query.alt, Loading: query.loading}
	for _, f := range offers {
		candidates, err := a.chain.In(f).Candidates(seen(o.Original), a.tenant.Limits, query.widths, seenAll(layers)...)
		if err != nil {
			return nil, err
		}
		source := pictureSource{Type: f.Type}
		var list []string
		for _, c := range candidates {
			chain, err := a.sentAs(f).Narrowed(c)
			if err == nil {
				chain, err = a.tenant.Policy.Apply(chain)
			}
			if err != nil {
				return nil, err
			}
			url := printAddress(query.base, a.tenant, o, chain)
			source.Prints = append(source.Prints, picturePrint{URL: url, Width: c.Size.Width, Height: c.Size.Height})
			list = append(list, fmt.Sprintf("%s %dw", url, c.Size.Width))
		}
		source.Srcset = strings.Join(list, ", ")
		p.Sources = append(p.Sources, source)
	}
	prints := p.Sources[len(p.Sources)-1].Prints
	usual := prints[0]
	for _, print := range prints {
		if print.Width <= usualWidth {
			usual = print
		}
	}
	p.Src, p.Width, p.Height = usual.URL, usual.Width, usual.Height
	return p, nil
}

// printAddress is what a page writes to get a print. Commas are written as tildes: browsers know where an address in a srcset ends,
// but many programs that read pages cut it at every comma.
func printAddress(base string, t *tenant, o subject, chain transform.Chain) string {
	return base + t.handOut(strings.ReplaceAll(o.address(chain), ",", "~"), false)
}

// placeholderSide is the longer side of the print that is looked at for a placeholder, in pixels.
const placeholderSide = 32

// placeholder makes the tiny picture that is seen until a print is there.
func (h *Handler) placeholder(ctx *fasthttp.RequestCtx, t *tenant, o subject, chain transform.Chain) (string, error) {
	small, err := chain.Resized(placeholderSide, placeholderSide)
	if err != nil {
		return "", err
	}
	wanted, err := h.newOrder(ctx, t, o, small)
	if err != nil {
		return "", err
	}
	look, err := h.look(ctx, wanted)
	if err != nil || look.Alpha {
		return "", err
	}
	return look.Placeholder, nil
}

// body writes the picture as it is asked for.
func (p *picture) body(as string) ([]byte, error) {
	if as == "json" {
		body, err := json.Marshal(p)
		return append(body, '\n'), err
	}
	return p.html(), nil
}

// html writes an img element, in a picture element if there are several formats.
func (p *picture) html() []byte {
	var b bytes.Buffer
	last := len(p.Sources) - 1
	if last > 0 {
		b.WriteString("<picture>\n")
		for _, s := range p.Sources[:last] {
			writeTag(&b, "source", "type", s.Type, "sizes", p.Sizes, "srcset", s.Srcset)
		}
	}
	attributes := []string{
		"loading", p.Loading, "decoding", "async", "width", fmt.Sprint(p.Width), "height", fmt.Sprint(p.Height), "alt", p.Alt,
		"sizes", p.Sizes, "srcset", p.Sources[last].Srcset, "src", p.Src,
	}
	if p.Placeholder != "" {
		attributes = append(attributes, "style", "background:url("+p.Placeholder+") center/cover no-repeat")
	}
	writeTag(&b, "img", attributes...)
	if last > 0 {
		b.WriteString("</picture>\n")
	}
	return b.Bytes()
}

// writeTag writes a tag on a line of its own. Attributes are pairs of names and values.
func writeTag(b *bytes.Buffer, name string, attributes ...string) {
	b.WriteString("<" + name)
	for i := 0; i < len(attributes); i += 2 {
		b.WriteString(" " + attributes[i] + `="` + html.EscapeString(attributes[i+1]) + `"`)
	}
	b.WriteString(">\n")
}
