package transform

import "slices"

// A Setting is a value that holds for the whole print and has no place in the order of operations. Like an Operation, it
// is declared once; everything that knows of settings reads Settings.
type Setting struct {
	Name, Doc string
	Param     Param
	Example   string // a whole spelling, as in quality:70
}

// index is the place of the setting in Settings, which is its place in a Chain.
func (s *Setting) index() int {
	return slices.IndexFunc(Settings, func(t *Setting) bool { return t.Name == s.Name })
}

var dpr = &Setting{
	Name: "dpr",
	Doc: "Multiplies pixel lengths for dense screens. It applies to the first resize and to all that stands behind it; lengths " +
		"before it are pixels of the original. Without up nothing is enlarged: where the original is too small, the factor shrinks.",
	Param: Param{
		Name: "factor", Doc: "Device pixels for each pixel of the page.",
		Kind: Number, Min: 0.5, Max: 4, Step: 0.01, Default: "1",
	},
	Example: "dpr:2",
}

var quality = &Setting{
	Name: "quality",
	Doc:  "Trades bytes for likeness in formats with loss. Each format has its own scale and default.",
	Param: Param{
		Name: "level", Doc: "1 is smallest, 100 is best.",
		Kind: Integer, Min: 1, Max: 100,
	},
	Example: "quality:50",
}

var lossless = &Setting{
	Name:    "lossless",
	Doc:     "Keeps every pixel as it is, in formats that can do either.",
	Param:   Param{Name: "on", Doc: "1 for lossless, 0 for lossy.", Kind: Switch},
	Example: "lossless:1",
}

var progressive = &Setting{
	Name:    "progressive",
	Doc:     "Orders the bytes so that a rough picture shows early: progressive JPEG, interlaced PNG and GIF.",
	Param:   Param{Name: "on", Doc: "1 for progressive, 0 for top to bottom.", Kind: Switch},
	Example: "progressive:1",
}

var effort = &Setting{
	Name: "effort",
	Doc:  "Spends more time on smaller files. Each format maps the scale to its own.",
	Param: Param{
		Name: "level", Doc: "0 is fastest, 9 is smallest.",
		Kind: Integer, Min: 0, Max: 9,
	},
	Example: "effort:0",
}

var metadata = &Setting{
	Name: "metadata",
	Doc: "What the print keeps of the original's EXIF, XMP and IPTC: nothing, the author's and the copyright's EXIF fields, or all " +
		"of it, places included. Orientation is always applied, and colors are converted to sRGB, never lost.",
	Param: Param{
		Name: "which", Doc: "What is kept.",
		Kind: Word, Words: []string{"strip", "copyright", "keep"}, Default: "strip",
	},
	Example: "metadata:copyright",
}

var format = &Setting{
	Name: "format",
	Doc: "The format of the print, for addresses whose extension says something else: format:auto.jpg chooses by the Accept header " +
		"under an extension that caches know, format:webp.json describes the WebP print. Elsewhere it is the same as the extension.",
	Param: Param{
		Name: "name", Doc: "A format, or auto.",
		Kind: Word, Words: append([]string{"auto"}, extensionsOf(Formats)...), Synonyms: otherSpellings(Formats),
	},
	Example: "format:webp",
}
