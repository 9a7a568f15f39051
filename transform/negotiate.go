package transform

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// negotiable are the formats that a client gets only if its Accept header names them, best first.
var negotiable = []*Format{avif, webp}

// Offers returns the formats that the chain's print may have, best first. It is one where the chain names it. For .auto the last is for
// those who name none of the others: it is the chain's own or, if that is nil, the one that suits the picture. Formats that this
// libvips does not write, or that cannot hold the print, are not offered beside it.
func (e *Engine) Offers(c Chain, original Original) []*Format { return c.offers(original, e.writes) }

// Settle returns the chain with the one among its Offers that an Accept header prefers.
func (e *Engine) Settle(c Chain, original Original, accept string) Chain {
	return c.In(choose(accept, e.Offers(c, original)))
}

// Settle is the Settle of an Engine that writes all formats.
func (c Chain) Settle(original Original, accept string) Chain {
	return c.In(choose(accept, c.offers(original, func(*Format) bool { return true })))
}

// In returns the chain with a concrete format, one of its Offers. Where it was negotiated the settings that the format lacks are
// taken out: who asks for whatever suits a browser cannot know which they are. So are those that come from a preset, which is for all formats.
func (c Chain) In(f *Format) Chain {
	c.Format = f
	for i, s := range Settings {
		if (c.Negotiated || c.isLent(i)) && !f.Takes(s) {
			c.settings[i] = Value{}
		}
	}
	c.Negotiated, c.lent = false, 0
	return c
}

func (c Chain) offers(original Original, writes func(*Format) bool) []*Format {
	if !c.Negotiated {
		if c.Format != nil {
			return []*Format{c.Format}
		}
		return []*Format{FormatNamed(original.Format).ofPrint(original)}
	}
	last := c.plainest(original)
	var offers []*Format
	for _, f := range negotiable {
		if f == last {
			break
		}
		if writes(f) && c.fits(f, original) {
			offers = append(offers, f)
		}
	}
	return append(offers, last)
}

// plainest returns the format for those who accept nothing better.
func (c *Chain) plainest(original Original) *Format {
	switch {
	case c.Format != nil:
		return c.Format
	case c.moves(original):
		return gif
	case original.Alpha:
		return png
	}
	return jpeg
}

// fits tells whether a format holds the print: its frames and its size.
func (c Chain) fits(f *Format, original Original) bool {
	if c.moves(original) && !f.Animation {
		return false
	}
	layers := make([]Original, len(c.Images()))
	for i := range layers {
		layers[i] = Original{Format: png.Name, Size: Size{1, 1}, Frames: 1} // what is laid on changes no size
	}
	_, err := NewPlan(c.In(f), original, Limits{}, layers...)
	return !errors.Is(err, ErrTooLarge)
}

// moves tells whether the print is an animation if its format can be one.
func (c *Chain) moves(original Original) bool {
	still := c.Get(page).Set || c.Get(frames).Set && c.Get(frames).X == 1
	return original.Frames > 1 && !still
}

// choose returns the offer to which an Accept header gives the highest weight (RFC 9110, 12.5.1), the first of several. Those that
// are no last resort must be named: image/* and */* come from clients that know neither WebP nor AVIF.
func choose(accept string, offers []*Format) *Format {
	last := offers[len(offers)-1]
	if len(offers) == 1 {
		return last
	}
	best, most := last, 0.0
	for i, f := range offers {
		names := []string{f.Type}
		if i == len(offers)-1 {
			names = append(names, "image/*", "*/*")
		}
		if w := weightOf(accept, names...); w > most {
			best, most = f, w
		}
	}
	return best
}

// weightOf returns the weight that an Accept header gives the first of some names that it has, 0 if it has none.
func weightOf(accept string, names ...string) float64 {
	for _, name := range names {
		for entry := range strings.SplitSeq(accept, ",") {
			mediaType, parameters, _ := strings.Cut(entry, ";")
			if strings.EqualFold(strings.TrimSpace(mediaType), name) {
				return qualityOf(parameters)
			}
		}
	}
	return 0
}

// qualityOf returns the q among the parameters of a media type, 1 if there is none and 0 if it is no weight.
func qualityOf(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		value = strings.TrimSpace(value)
		if len(value) > len("0.999") || slices.ContainsFunc([]byte(value), func(c byte) bool { return c != '.' && !isDigit(c) }) {
			return 0
		}
		if q, err := strconv.ParseFloat(value, 64); err == nil && q <= 1 {
			return q
		}
		return 0
	}
	return 1
}
