package transform

import (
	"strconv"

	"calotype/transform/ultrahdr"
)

// An Encoding is how the pixels of a print become bytes.
type Encoding struct {
	Quality     int    // 1 to 100
	Auto        bool   // the quality is measured, Quality is not used
	MaxBytes    int    // 0 for any number
	Effort      int    // 0 to 9
	Colors      int    // of a palette; 0 for as many as the format has
	Subsample   string // 420 or 444, or "" for what the format does by itself
	Lossless    bool
	Progressive bool
	Metadata    string // strip, copyright or keep
	ICC         string // auto, srgb, keep or p3

	gain *ultrahdr.GainMap // that the worker has found; nil if the print has none
}

// encodingOf reads the settings of the encoder from a chain whose format is settled.
func encodingOf(c *Chain) Encoding {
	e := Encoding{
		Quality:     c.Format.Quality,
		Effort:      c.Format.Effort,
		Lossless:    c.Get(lossless).X == 1,
		Progressive: c.Get(progressive).X == 1,
		Metadata:    c.Word(metadata),
		ICC:         c.Word(icc),
		Subsample:   c.Word(subsample),
		MaxBytes:    int(c.Get(maxbytes).X),
	}
	if v := c.Get(quality); v.Set {
		e.Quality, e.Auto = int(v.X), v.X < 0
	}
	if n, err := strconv.Atoi(c.Word(palette)); err == nil {
		e.Colors = n
	}
	if v := c.Get(effort); v.Set {
		e.Effort = int(v.X)
	}
	return e
}

// refuseForeignSettings returns an error if a setting means nothing to the format.
func (c *Chain) refuseForeignSettings() error {
	for i, s := range Settings {
		if c.settings[i].Set && !c.Format.Takes(s) {
			return &SyntaxError{Operation: s.Name, Expected: "is no setting of " + c.Format.Name + " prints"}
		}
	}
	return nil
}

// refuseContradictions returns an error if two settings cannot both be had.
func (c *Chain) refuseContradictions() error {
	if c.settings[describe.index()].Set && !c.Described {
		return &SyntaxError{Operation: describe.Name, Expected: "is a setting of .json"}
	}
	one, other := c.contradiction()
	switch {
	case one == nil:
		return nil
	case one == quality:
		return &SyntaxError{Operation: quality.Name, Expected: "cannot be measured beside " + other.Name}
	}
	return &SyntaxError{Operation: one.Name, Expected: "cannot stand beside " + other.Name}
}

// contradiction returns two settings of the chain that cannot both be had, or nil.
func (c *Chain) contradiction() (one, other *Setting) {
	noLoss := c.Get(lossless).X == 1
	set := func(s *Setting) bool { return c.settings[s.index()].Set }
	switch {
	case set(frames) && set(page):
		return frames, page
	case set(maxbytes) && noLoss:
		return maxbytes, lossless
	case set(subsample) && noLoss:
		return subsample, lossless
	case set(depth) && set(palette):
		return depth, palette
	case c.Get(quality).X < 0 && noLoss:
		return quality, lossless
	}
	return nil, nil
}
