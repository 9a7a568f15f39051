package main

import (
	"cmp"
	"slices"
	"strings"
)

// An encoding is how a picture is made into bytes. Where quality, effort or subsample is empty, the server does what it does by
// itself.
type encoding struct {
	Format                     string // jpg, webp or avif
	Quality, Effort, Subsample string
}

// chain returns what follows the id in the URL of the print.
func (e encoding) chain() string {
	var chain string
	for _, setting := range []struct{ name, value string }{{"quality", e.Quality}, {"effort", e.Effort}, {"subsample", e.Subsample}} {
		if setting.value != "" {
			chain += "/" + setting.name + ":" + setting.value
		}
	}
	return chain + "." + e.Format
}

// mediaType returns the content type of the print.
func (e encoding) mediaType() string {
	return "image/" + cmp.Or(map[string]string{"jpg": "jpeg"}[e.Format], e.Format)
}

// A curve is what a format does at one effort and all qualities of sweepQualities.
type curve struct{ format, effort, subsample string }

var sweepCurves = []curve{
	{"jpg", "4", ""},
	{"jpg", "4", "444"},
	{"webp", "1", ""},
	{"webp", "3", ""},
	{"webp", "6", ""},
	{"avif", "0", ""},
	{"avif", "1", ""},
	{"avif", "2", ""},
	{"avif", "1", "444"},
}

var sweepQualities = map[string][]string{
	"jpg":  {"55", "65", "73", "80", "88"},
	"webp": {"55", "65", "73", "79", "88"},
	"avif": {"40", "50", "57", "63", "75"},
}

// at returns the encodings of a curve, the lowest quality first.
func (c curve) at() []encoding {
	var all []encoding
	for _, quality := range sweepQualities[c.format] {
		all = append(all, encoding{c.format, quality, c.effort, c.subsample})
	}
	return all
}

// holds tells whether an encoding, of any quality, is on the curve.
func (c curve) holds(e encoding) bool {
	return c == curve{e.Format, e.Effort, e.Subsample}
}

// sweepDefaults are the defaults of this server. They are named here to be shown, and the sweep makes sure that they are.
var sweepDefaults = []encoding{{"jpg", "80", "4", ""}, {"webp", "80", "6", ""}, {"avif", "63", "1", ""}}

// sweepPeer are the defaults of imgproxy 4.0.12 (processing/config.go, vips/config.go) for WebP and AVIF: it calls the same encoders of
// libvips with no other options than these. Its WebP effort of 4, of 6, is 6 of 9 here; its AVIF speed of 8 is effort 1. Its JPEG has
// other quantization tables, which this server writes only where libvips has no mozjpeg.
var sweepPeer = []encoding{{"webp", "79", "6", ""}, {"avif", "63", "1", ""}}

// sweepMeasured lets the server choose the quality.
var sweepMeasured = []encoding{{Format: "jpg", Quality: "auto"}, {Format: "webp", Quality: "auto"}, {Format: "avif", Quality: "auto"}}

// sweepEncodings returns all encodings of the sweep, each once.
func sweepEncodings() []encoding {
	var all []encoding
	known := map[encoding]bool{}
	add := func(more []encoding) {
		for _, e := range more {
			if !known[e] {
				known[e] = true
				all = append(all, e)
			}
		}
	}
	for _, c := range sweepCurves {
		add(c.at())
	}
	add(sweepDefaults)
	add(sweepPeer)
	add(sweepMeasured)
	return all
}

// peerOf returns imgproxy's default for a format, if it can be had of this server.
func peerOf(format string) (encoding, bool) {
	i := slices.IndexFunc(sweepPeer, func(e encoding) bool { return e.Format == format })
	if i < 0 {
		return encoding{}, false
	}
	return sweepPeer[i], true
}

func (e encoding) String() string {
	words := []string{e.Format}
	if e.Quality != "" {
		words = append(words, "quality "+e.Quality)
	}
	if e.Effort != "" {
		words = append(words, "effort "+e.Effort)
	}
	if e.Subsample != "" {
		words = append(words, e.Subsample)
	}
	return strings.Join(words, ", ")
}

func (c curve) String() string { return encoding{c.format, "", c.effort, c.subsample}.String() }
