package transform

import "slices"

// A Setting is a value that holds for the whole print and has no place in the order of operations. Like an Operation, it
// is declared once; everything that knows of settings reads Settings.
type Setting struct {
	Name, Doc string
	Param     Param
	Example   string // a whole spelling, as in quality:70
	// Delivery is set if it says how the print is sent, and has no part in what the print is.
	Delivery bool
	// Selects is set if it chooses among the pictures of the original, so that already the first operation depends on it.
	Selects bool
}

// index is the place of the setting in Settings, which is its place in a Chain.
func (s *Setting) index() int {
	return slices.IndexFunc(Settings, func(t *Setting) bool { return t.Name == s.Name })
}

var page = &Setting{
	Name: "page",
	Doc:  "Takes one picture out of an animation, to be printed as a still.",
	Param: Param{
		Name: "number", Doc: "Counts from 0.",
		Kind: Integer, Max: 99999, Usual: [2]float64{0, 100},
	},
	Example: "page:0",
	Selects: true,
}

var frames = &Setting{
	Name: "frames",
	Doc:  "Keeps only the first pictures of an animation; without it all are kept, with their delays and their loops.",
	Param: Param{
		Name: "number", Doc: "1 makes a still of the first.",
		Kind: Integer, Min: 1, Max: 99999, Usual: [2]float64{1, 100},
	},
	Example: "frames:1",
	Selects: true,
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

// automatic is the quality that is measured.
const automatic = "auto"

var quality = &Setting{
	Name: "quality",
	Doc: "Trades bytes for likeness in formats with loss. Each format has its own scale; the defaults look alike. auto takes the lowest " +
		"of eight qualities at which this print looks as good as prints with the defaults usually do: three are tried, and what structure (SSIM) " +
		"each has lost, at four sizes, is measured.",
	Param: Param{
		Name: "level", Doc: "1 is smallest, 100 is best.",
		Kind: Integer, Min: 1, Max: 100, Words: []string{automatic},
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

var subsample = &Setting{
	Name: "subsample",
	Doc:  "Chooses the resolution of the colors, apart from that of the lightness.",
	Param: Param{
		Name: "sampling", Doc: "420 halves it both ways, 444 keeps all of it.",
		Kind: Word, Words: []string{"420", "444"},
	},
	Example: "subsample:444",
}

var depth = &Setting{
	Name: "depth",
	Doc:  "Chooses how finely samples are told apart. Without it originals of more than 8 bits keep 16.",
	Param: Param{
		Name: "bits", Doc: "Bits for each sample.",
		Kind: Word, Words: []string{"8", "16"},
	},
	Example: "depth:8",
}

var palette = &Setting{
	Name: "colors",
	Doc: "Writes the print with so many colors at most, chosen for the picture (libimagequant), and mixes others by dithering. PNG is then several times " +
		"smaller; GIF has 256 without it.",
	Param: Param{
		Name: "number", Doc: "Colors, transparent ones among them.",
		Kind: Word, Words: []string{"2", "4", "16", "256"},
	},
	Example: "colors:16",
}

var maxbytes = &Setting{
	Name: "maxbytes",
	Doc:  "Bounds the bytes of the print: the quality is lowered until it fits, from the one that is set. What does not fit even at quality 1 is refused.",
	Param: Param{
		Name: "bytes", Doc: "Most bytes.",
		Kind: Integer, Min: 1000, Max: 999999, Usual: [2]float64{1000, 300000},
	},
	Example: "maxbytes:20000",
}

var metadata = &Setting{
	Name: "metadata",
	Doc: "What the print keeps of the original's EXIF, XMP and IPTC: nothing, the author's and the copyright's EXIF fields, or all " +
		"of it, places included. Orientation is always applied. Color profiles are the matter of icc.",
	Param: Param{
		Name: "which", Doc: "What is kept.",
		Kind: Word, Words: []string{"strip", "copyright", "keep"}, Default: "strip",
	},
	Example: "metadata:copyright",
}

var icc = &Setting{
	Name: "icc",
	Doc: "Says in which colors the print is. Operations count in these; colors in the address are always meant as sRGB and are converted. " +
		"grayscale, bitonal, tint and duotone leave colors of sRGB. A profile that is damaged or has more than 1 MiB is not kept.",
	Param: Param{
		Name: "colors", Doc: "auto is sRGB, and Display P3 for originals in wide spaces: Display P3 itself, Adobe RGB, ProPhoto, Rec. 2020. srgb is sRGB " +
			"for all. p3 is Display P3 for all but gray ones. keep leaves the colors of RGB and gray originals as they are, and their profile goes into the print; " +
			"CMYK becomes sRGB.",
		Kind: Word, Words: []string{"auto", "srgb", "keep", "p3"}, Default: "auto",
	},
	Example: "icc:p3",
}

// What a description may tell.
const (
	tellLook = "look"
	tellEXIF = "exif"
)

var describe = &Setting{
	Name: "describe",
	Doc: "Says what .json tells beside size, bytes, plan and cost. look: what the print looks like, that is whether something is transparent, its colors, a " +
		"BlurHash, a ThumbHash, a perceptual hash, and a tiny picture as a data URI. exif: what the original says of camera, lens, exposure, date, author and copyright; never of the place.",
	Param: Param{
		Name: "what", Doc: "What is told.",
		Kind: Words, Words: []string{tellLook, tellEXIF},
	},
	Example: "describe:look,exif",
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
