package handler

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"

	"calotype/docs"
	"calotype/transform/sniff"
)

// referencePath is where the reference of operations, settings and formats is.
const referencePath = "/docs"

// referencePage is the reference, for people. It is the same for all.
type referencePage struct {
	Introduction         []string
	Original             sampleImage
	Operations, Settings []docs.Entry
	Formats              []docs.Format
	Originals            []docs.Original
	OnlyRead, OwnPixels  string   // paragraphs
	Unnamed              []string // paragraphs
}

// sampleImage is a picture of the reference: where it is, and its size in pixels.
type sampleImage struct {
	URL           string
	Width, Height int
}

func (p referencePage) render(w io.Writer) error {
	return renderPage(w, referenceTemplate, "reference", p)
}

var referenceTemplate = parsePage("reference.html")

func newReferencePage() (referencePage, error) {
	original, err := sample(docs.Landscape)
	return referencePage{
		Introduction: docs.Introduction, Original: original, Operations: docs.Operations(), Settings: docs.Settings(),
		Formats: docs.Formats(), Originals: docs.Originals(), OnlyRead: docs.OnOriginals, Unnamed: docs.Unnamed(), OwnPixels: docs.OwnPixels,
	}, err
}

// sampleFolder is where the samples are among the assets.
const sampleFolder = "samples/"

// sample returns one of the pictures of the reference.
func sample(name string) (sampleImage, error) {
	body, err := fs.ReadFile(docs.Samples, name)
	if err != nil {
		return sampleImage{}, err
	}
	head, err := sniff.Read(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return sampleImage{}, fmt.Errorf("sample %s: %w", name, err)
	}
	url, err := assetPath(sampleFolder + name)
	return sampleImage{url, head.Width, head.Height}, err
}

// prose makes what stands between backticks code.
func prose(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(html.EscapeString(text), "`") {
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String())
}

// A fixedPage is the same for all who ask, as long as the program runs.
type fixedPage func() (*compressed, error)

// newFixedPage makes a page when it is first asked for.
func newFixedPage[P page](make func() (P, error)) fixedPage {
	return sync.OnceValues(func() (*compressed, error) {
		p, err := make()
		if err != nil {
			return nil, err
		}
		var body bytes.Buffer
		if err := p.render(&body); err != nil {
			return nil, err
		}
		return compress(body.Bytes()), nil
	})
}

// sendFixed sends a page that is the same for all.
func (h *Handler) sendFixed(ctx *fasthttp.RequestCtx, page fixedPage) error {
	body, err := page()
	if err != nil {
		return err
	}
	setPageHeaders(&ctx.Response.Header)
	ctx.Response.Header.Set("Cache-Control", keepFixedPage)
	body.send(ctx)
	tellUnchanged(ctx)
	return nil
}

var referenceFixed = newFixedPage(newReferencePage)

// reference shows the reference.
func (h *Handler) reference(ctx *fasthttp.RequestCtx) error { return h.sendFixed(ctx, referenceFixed) }
