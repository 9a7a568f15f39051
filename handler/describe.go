package handler

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/store"
)

// printDescription is the answer to .json: the print without its pixels.
type printDescription struct {
	ID       string              `json:"id"`
	URL      string              `json:"url"` // canonical address of the print
	Format   string              `json:"format"`
	Type     string              `json:"type"`
	Width    int                 `json:"width"`
	Height   int                 `json:"height"`
	Frames   int                 `json:"frames"`
	Bytes    int                 `json:"bytes"`
	DPR      float64             `json:"dpr"` // the factor that came true
	Plan     []string            `json:"plan"`
	Original originalDescription `json:"original"`
	*lookDescription
}

// originalDescription is what answers in JSON say of an original.
type originalDescription struct {
	ID      string `json:"id"`
	URL     string `json:"url"`
	Name    string `json:"name,omitempty"`
	Format  string `json:"format"`
	Width   int    `json:"width"` // as a viewer sees it
	Height  int    `json:"height"`
	Frames  int    `json:"frames"`
	Bytes   int64  `json:"bytes"`
	Created string `json:"created"` // RFC 3339
}

func describeOriginal(o store.Original) originalDescription {
	size := seen(o).Upright()
	return originalDescription{
		ID: o.ID.String(), URL: "/download/" + o.ID.String(), Name: o.Name, Format: o.Format,
		Width: size.Width, Height: size.Height, Frames: o.Frames, Bytes: o.Bytes,
		Created: o.Created.UTC().Format(time.RFC3339Nano),
	}
}

// sendDescription answers .json. The print is made, since its bytes are counted; it is then in memory for the request that
// is likely to follow. With look its pixels are looked at, too.
func (h *Handler) sendDescription(ctx *fasthttp.RequestCtx, wanted order, look bool) error {
	o, plan, p := wanted.original, wanted.plan, wanted.print
	tag := []byte(tagOf("description", string(p.tag), fmt.Sprint(look)))
	header := &ctx.Response.Header
	header.SetCanonical(headerETag, tag)
	header.SetCanonical(headerLastModified, p.modified)
	header.Set("Cache-Control", keepDescription)
	setImageHeaders(header)
	if notModified(ctx, tag, p.modified, p.created) {
		return nil
	}
	p, _, err := h.loadPrint(ctx, wanted)
	if err != nil {
		return err
	}
	r := p.rendition
	var seen *lookDescription
	if look {
		if seen, err = h.look(ctx, wanted); err != nil {
			return err
		}
	}
	return sendJSON(ctx, fasthttp.StatusOK, printDescription{
		ID: o.ID.String(), URL: p.path, Format: r.Format.Name, Type: r.Format.Type,
		Width: r.Size.Width, Height: r.Size.Height, Frames: r.Frames, Bytes: len(r.Body),
		DPR: plan.Density, Plan: append(plan.Describe(), r.Notes...), Original: describeOriginal(o),
		lookDescription: seen,
	})
}

// sendJSON writes a value as the body.
func sendJSON(ctx *fasthttp.RequestCtx, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	ctx.SetStatusCode(status)
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.SetBody(append(body, '\n'))
	return nil
}
