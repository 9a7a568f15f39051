package handler

import (
	"strings"

	"github.com/valyala/fasthttp"
)

// uploadedDescription is the answer to an upload.
type uploadedDescription struct {
	ID     string       `json:"id,omitempty"`
	URL    string       `json:"url,omitempty"`
	Name   string       `json:"name,omitempty"`
	Format string       `json:"format,omitempty"`
	Width  int          `json:"width,omitempty"` // as a viewer sees it
	Height int          `json:"height,omitempty"`
	Frames int          `json:"frames,omitempty"`
	Bytes  int64        `json:"bytes,omitempty"`
	Error  *problemBody `json:"error,omitempty"`
}

func (t *Tenant) describeUpload(r uploadResult) uploadedDescription {
	if r.err != nil {
		_, body := explain(r.err)
		return uploadedDescription{Name: r.name, Error: &body}
	}
	d := t.describe(r.original)
	return uploadedDescription{
		ID: d.ID, URL: d.URL, Name: d.Name, Format: d.Format, Width: d.Width, Height: d.Height, Frames: d.Frames, Bytes: d.Bytes,
	}
}

// tellResults answers an upload: 201 if anything was kept, else what was wrong with the first file.
func (h *Handler) tellResults(ctx *fasthttp.RequestCtx, results []uploadResult, several bool) error {
	t, status := h.tenantOf(ctx), fasthttp.StatusCreated
	kept := 0
	for _, r := range results {
		if r.err == nil {
			kept++
			continue
		}
		if p, _ := explain(r.err); p.ours() {
			h.log.Error("an upload failed", "error", r.err)
		}
	}
	if kept == 0 {
		if !several && !prefersHTML(ctx) {
			return results[0].err
		}
		p, _ := explain(results[0].err)
		status = p.status
	}
	header := &ctx.Response.Header
	header.Set("Cache-Control", "no-store")
	if !several && kept == 1 {
		header.Set("Location", t.describeUpload(results[0]).URL)
	}
	if prefersHTML(ctx) {
		view := uploadedPage{}
		for _, r := range results {
			d := t.describeUpload(r)
			image := uploadedImage{Name: r.name, ID: d.ID, URL: d.URL, Format: d.Format, Width: d.Width, Height: d.Height, Bytes: d.Bytes}
			if d.Error != nil {
				image.Problem = inWords(d.Error)
			} else {
				image.Thumbnail = t.printOf(r.original, thumbnail)
				image.Prints = samplePrints(func(chain string) string { return t.printOf(r.original, chain) })
			}
			view.Images = append(view.Images, image)
		}
		ctx.SetStatusCode(status)
		h.writePage(ctx, view)
		return nil
	}
	if !several {
		return sendJSON(ctx, status, t.describeUpload(results[0]))
	}
	answer := struct {
		Images []uploadedDescription `json:"images"`
	}{}
	for _, r := range results {
		answer.Images = append(answer.Images, t.describeUpload(r))
	}
	return sendJSON(ctx, status, answer)
}

// inWords makes a sentence of a problem.
func inWords(p *problemBody) string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
