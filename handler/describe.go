package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/transform"
)

// printDescription is the answer to .json: the print without its pixels.
type printDescription struct {
	ID          string              `json:"id"`
	URL         string              `json:"url"` // canonical address of the print
	Format      string              `json:"format"`
	Type        string              `json:"type"`
	Width       int                 `json:"width"`
	Height      int                 `json:"height"`
	Frames      int                 `json:"frames"`
	Bytes       int                 `json:"bytes"`
	DPR         float64             `json:"dpr"`         // the factor that came true
	Orientation int                 `json:"orientation"` // that of EXIF which was undone, 1 to 8
	Plan        []string            `json:"plan"`
	Cost        costDescription     `json:"cost"`
	Original    originalDescription `json:"original"`
	EXIF        *transform.EXIF     `json:"exif,omitempty"`
	*lookDescription
}

// costDescription is what a print is predicted to take; by it is decided when it is made, and whether.
type costDescription struct {
	Milliseconds float64 `json:"milliseconds"` // of a processor
	Memory       int64   `json:"memory"`       // bytes, more than will be used
}

func describeCost(c transform.Cost) costDescription {
	return costDescription{Milliseconds: float64(c.Time.Round(100*time.Microsecond)) / float64(time.Millisecond), Memory: c.Memory}
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
	Alpha   bool   `json:"alpha"` // it has an alpha channel
	Bytes   int64  `json:"bytes"`
	Created string `json:"created"` // RFC 3339
}

func describeOriginal(o subject) originalDescription {
	size := seen(o.Original).Upright()
	return originalDescription{
		ID: o.ID.String(), URL: o.place, Name: o.Name, Format: o.Format,
		Width: size.Width, Height: size.Height, Frames: o.Frames, Alpha: o.Alpha, Bytes: o.Bytes,
		Created: o.Created.UTC().Format(time.RFC3339Nano),
	}
}

// sendDescription answers .json. The print is made, since its bytes are counted; it is then in memory for the request that
// is likely to follow. Where the chain says so its pixels are looked at, too, and the original's EXIF is read. The address is that of the print.
func (h *Handler) sendDescription(ctx *fasthttp.RequestCtx, a asking, wanted order, chain transform.Chain, address string) error {
	o, plan, p := wanted.subject, wanted.plan, wanted.print
	tag := []byte(tagOf("description", string(p.tag), address, fmt.Sprint(chain.Looks(), chain.TellsEXIF())))
	header := &ctx.Response.Header
	header.SetCanonical(headerETag, tag)
	setModified(header, p.modified)
	a.terms(o).setKeep(header, keepDescription)
	h.setTags(header, h.tagValues(append(tagsOf("json", o.Original, wanted.layers...), a.presetTags()...)))
	setImageHeaders(header)
	h.setIgnoredQuery(header)
	if done, err := decided(ctx, tag, p.modified, p.created); done || err != nil {
		return err
	}
	p, _, err := h.loadPrint(ctx, wanted)
	if err != nil {
		return err
	}
	r := p.rendition
	var seen *lookDescription
	if chain.Looks() {
		if seen, err = h.look(ctx, wanted); err != nil {
			return err
		}
	}
	var exif *transform.EXIF
	if chain.TellsEXIF() {
		if exif, err = h.exif(ctx, o); err != nil {
			return err
		}
	}
	return sendJSON(ctx, fasthttp.StatusOK, printDescription{
		ID: o.ID.String(), URL: address, Format: r.Format.Name, Type: r.Format.Type,
		Width: r.Size.Width, Height: r.Size.Height, Frames: r.Frames, Bytes: len(r.Body),
		DPR: plan.Density, Orientation: plan.Orientation, Plan: append(plan.Describe(), r.Notes...), Cost: describeCost(plan.Cost()), Original: describeOriginal(o),
		EXIF: exif, lookDescription: seen,
	})
}

// exif reads the EXIF of an original.
func (h *Handler) exif(ctx context.Context, o subject) (*transform.EXIF, error) {
	file, err := h.openSubject(ctx, o)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	e, err := transform.ReadEXIF(file, o.Bytes)
	return &e, err
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
