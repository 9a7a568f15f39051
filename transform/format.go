package transform

import (
	"slices"
	"time"
)

// A Format is an image format that an original or a print can have. Like an Operation, it is declared once, and parser, decoder,
// encoder, reference and tests read it.
type Format struct {
	Name      string // jpeg: as the index and answers in JSON name it
	Extension string // jpg: as the canonical form of an address writes it
	Spellings []string
	Type      string // image/jpeg: the media type
	Doc       string
	// Print is the format of a print whose address names none; nil is the same as the original's.
	Print *Format
	// Off formats are read only where Options.Formats names them: what decodes them does far more than decoding, or runs what it reads.
	Off bool
	// Active says that a browser may run what an original holds, which is therefore sent as a file to be saved.
	Active bool

	Alpha     bool // holds transparency; otherwise it is laid on white
	Animation bool // holds several frames
	Deep      bool // holds 16 bits per sample
	MaxSide   int  // longest side in pixels that the format or its encoder can hold
	// Settings are the settings of the encoder. Others are refused where the format is named, and left out of account where it is
	// negotiated.
	Settings []*Setting
	Quality  int // default of the quality setting, 0 if the format has none
	Effort   int // default of the effort setting, on its scale of 0 to 9

	saver saver
	cost  codecCost // with the default settings
}

// Takes tells whether the setting means anything to the format.
func (f *Format) Takes(s *Setting) bool {
	return s == page || s == dpr || s == metadata || s == describe || s.Delivery || slices.Contains(f.Settings, s)
}

// Written tells whether a print can have the format.
func (f *Format) Written() bool { return slices.Contains(Formats, f) }

// ofPrint returns the format of a print of the original whose address names none: what a browser shows, and the transparency kept.
func (f *Format) ofPrint(original Original) *Format {
	switch {
	case f.Print == nil:
		return f
	case original.Alpha && !f.Print.Alpha:
		return png
	}
	return f.Print
}

// FormatNamed returns the format called name (jpeg, png, …), of originals or prints; nil if there is none.
func FormatNamed(name string) *Format {
	return find(Originals, func(f *Format) bool { return f.Name == name })
}

// FormatByExtension returns the format of prints with the given extension, without its dot, in any of its spellings; nil if there is
// none.
func FormatByExtension(extension string) *Format { return byExtension(Formats, extension) }

// OriginalByExtension does the same for originals.
func OriginalByExtension(extension string) *Format { return byExtension(Originals, extension) }

func byExtension(formats []*Format, extension string) *Format {
	return find(formats, func(f *Format) bool { return f.Extension == extension || slices.Contains(f.Spellings, extension) })
}

func find(formats []*Format, is func(*Format) bool) *Format {
	if i := slices.IndexFunc(formats, is); i >= 0 {
		return formats[i]
	}
	return nil
}

// extensions are all that may stand behind the last dot of an address.
func extensions() []string { return append(extensionsOf(Formats), "auto", "json") }

// otherSpellings leads from the second spelling of an extension to the first.
func otherSpellings(formats []*Format) map[string]string {
	spellings := map[string]string{}
	for _, f := range formats {
		for _, s := range f.Spellings {
			spellings[s] = f.Extension
		}
	}
	return spellings
}

func extensionsOf(formats []*Format) []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Extension
	}
	return names
}

var jpeg = &Format{
	Name: "jpeg", Extension: "jpg", Spellings: []string{"jpeg"}, Type: "image/jpeg",
	Doc: "For photographs, everywhere. Quality 90 and above keeps the full resolution of colors (4:4:4), below it is halved " +
		"(4:2:0). Effort 0 uses fixed Huffman tables, all above it optimised ones. " +
		"The gain map of an Ultra HDR original goes with its JPEG print as long as operations only crop, trim, resize, flip, or turn by quarters; others " +
		"leave it out, and so do maxbytes and metadata:keep.",
	MaxSide:  65500,
	Settings: []*Setting{quality, progressive, effort, subsample, maxbytes, icc},
	Quality:  80, Effort: 4,
	saver: saveJPEG,
	cost:  codecCost{decode: 8, encode: 20, decodeMemory: 8, encodeMemory: 8},
}

var png = &Format{
	Name: "png", Extension: "png", Type: "image/png",
	Doc:   "Lossless, with transparency and 16 bits. Effort is the level of zlib and, with colors, how long a palette is searched for.",
	Alpha: true, Deep: true, MaxSide: 65500,
	Settings: []*Setting{progressive, effort, depth, palette, icc},
	Effort:   6,
	saver:    savePNG,
	cost:     codecCost{decode: 25, encode: 180, decodeMemory: 8, encodeMemory: 8},
}

var gif = &Format{
	Name: "gif", Extension: "gif", Type: "image/gif",
	Doc:   "256 colors and animation, for old clients; WebP does the same in far fewer bytes.",
	Alpha: true, Animation: true, MaxSide: 65500,
	Settings: []*Setting{frames, progressive, effort, palette},
	Effort:   6,
	saver:    saveGIF,
	cost:     codecCost{decode: 10, encode: 1500, decodeMemory: 8, encodeMemory: 32},
}

var webp = &Format{
	Name: "webp", Extension: "webp", Type: "image/webp",
	Doc:   "Smaller than JPEG and PNG in all current browsers, with transparency and animation.",
	Alpha: true, Animation: true, MaxSide: 16383,
	Settings: []*Setting{frames, quality, lossless, effort, maxbytes, icc},
	Quality:  80, Effort: 6,
	saver: saveWebP,
	cost:  codecCost{decode: 12, encode: 130, decodeMemory: 8, encodeMemory: 16, losslessTime: 10, losslessMemory: 4},
}

var avif = &Format{
	Name: "avif", Extension: "avif", Type: "image/avif",
	Doc:   "The smallest for photographs, and the slowest to make.",
	Alpha: true, MaxSide: 16384,
	Settings: []*Setting{quality, lossless, effort, subsample, maxbytes, icc},
	Quality:  63, Effort: 1,
	saver: saveAVIF,
	cost:  codecCost{decode: 20, encode: 300, decodeMemory: 16, encodeMemory: 48, losslessTime: 3, losslessMemory: 2},
}

var tiff = &Format{
	Name: "tiff", Extension: "tif", Spellings: []string{"tiff"}, Type: "image/tiff",
	Doc:   "Lossless (deflate), with transparency and 16 bits, for print and archives; browsers do not show it.",
	Alpha: true, Deep: true, MaxSide: 65500,
	Settings: []*Setting{depth, icc},
	saver:    saveTIFF,
	cost:     codecCost{decode: 10, encode: 150, decodeMemory: 8, encodeMemory: 12},
}

var ico = &Format{
	Name: "ico", Extension: "ico", Type: "image/vnd.microsoft.icon",
	Doc: "Icons of sites and of Windows, with transparency: one PNG of at most 256×256. Of an original, the largest picture is read; cursors are " +
		"read as well.",
	Print: png,
	Alpha: true, MaxSide: 256,
	Settings: []*Setting{effort},
	Effort:   6,
	saver:    saveICO,
	cost:     codecCost{decode: 25, encode: 180, decodeMemory: 8, encodeMemory: 8},
}

var bmp = &Format{
	Name: "bmp", Extension: "bmp", Spellings: []string{"dib"}, Type: "image/bmp",
	Doc: "1 to 32 bits a pixel, with palette, masks or runs (RLE). Not read: JPEG and PNG inside a BMP, the Huffman and RLE24 codes of OS/2; a color " +
		"profile is left out of account.",
	Print: png,
	Alpha: true,
	cost:  codecCost{decode: 10, decodeMemory: 4},
}

var heif = &Format{
	Name: "heic", Extension: "heic", Spellings: []string{"heif"}, Type: "image/heic",
	Doc: "Photographs of phones (HEVC). Where the linked libvips has no decoder of HEVC, as the pinned one, the first of a " +
		"worker takes half a second more, 10 bits become 8, and transparency and metadata are not kept.",
	Print: jpeg,
	Alpha: true, Deep: true,
	cost: codecCost{start: 500 * time.Millisecond, startMemory: 64 << 20, decode: 100, decodeMemory: 24},
}

var jxl = &Format{
	Name: "jxl", Extension: "jxl", Type: "image/jxl",
	Doc: "JPEG XL, where the linked libvips has it, which the pinned one has not. Chosen by its name only: `auto` leaves it out, as few browsers " +
		"show it.",
	Print: jpeg,
	Alpha: true, Deep: true, MaxSide: 65500,
	Settings: []*Setting{quality, lossless, effort, depth, maxbytes, icc},
	Quality:  75, Effort: 4,
	saver: saveJXL,
	cost:  codecCost{decode: 80, encode: 300, decodeMemory: 32, encodeMemory: 64, losslessTime: 6, losslessMemory: 2},
}

var svg = &Format{
	Name: "svg", Extension: "svg", Type: "image/svg+xml",
	Doc: "Off unless `--formats` names it. Drawn at its own size, an inch having 72 pixels; nothing that it refers to outside of itself is loaded. Refused: " +
		"text, which must be converted to paths, declarations of entities, and encodings other than UTF-8.",
	Print: png,
	Off:   true, Active: true,
	Alpha: true,
	cost:  codecCost{decode: 200, decodeMemory: 16},
}

var pdf = &Format{
	Name: "pdf", Extension: "pdf", Type: "application/pdf",
	Doc: "Off unless `--formats` names it, and only where the linked libvips has a reader of PDF, which the pinned one has not. " +
		"The first page, at 150 pixels an inch, without text in fonts that it does not embed.",
	Print: jpeg,
	Off:   true, Active: true,
	cost: codecCost{decode: 200, decodeMemory: 24},
}
