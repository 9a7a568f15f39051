// Package sniff tells what an image file is from its structure alone: format, size, frames, orientation and the
// weight of its metadata. It decodes no pixel and no compressed data, so it can look at a hostile file before any
// codec does, and it answers in microseconds.
//
// Where decoders disagree about a malformed file, Read follows the libraries that will decode it (libjpeg-turbo,
// libpng, libnsgif, libwebp, libheif and libtiff, as libvips uses them), because a limit that is checked against
// another reading of the same bytes is no limit.
package sniff

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// A Format is the short name of an image format, in lower case.
type Format string

// The formats of which Read tells the size and everything else that a Header holds.
const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	GIF  Format = "gif"
	WebP Format = "webp"
	AVIF Format = "avif"
	TIFF Format = "tiff"
	HEIC Format = "heic"
	BMP  Format = "bmp"
	ICO  Format = "ico"
)

// The formats that Read only names, for those who ask a decoder or refuse them. The head of an SVG is looked at.
const (
	SVG Format = "svg"
	PDF Format = "pdf"
	JXL Format = "jxl"
	JP2 Format = "jp2"
	PSD Format = "psd"
)

var (
	// ErrUnknown says that the file is in no format that this package knows.
	ErrUnknown = errors.New("unknown image format")
	// ErrBroken says that the format is known but its header is cut short or contradicts itself.
	ErrBroken = errors.New("broken image header")
	// ErrKind says that the header may be sound, and is of a kind that no decoder here reads.
	ErrKind = errors.New("a kind of image that is not read")
)

// Counting stops at these numbers, which lie far above what any server should decode.
const (
	maxScans  = 1_000
	maxFrames = 100_000
	maxPages  = 10_000
)

// A Header is what the structure of a file says of the image in it. Its numbers are claims of the file.
type Header struct {
	Format Format
	// Width and Height are in pixels as stored, before the orientation is applied: the canvas of an animation, the
	// first page of a TIFF, the primary image of an AVIF after its own rotation and clean aperture. They are from 1 to
	// 2³¹-1, so that their product fits an int64, or 0 in the formats of which only the name is known. Of an ICO they are those of its
	// largest picture.
	Width, Height int
	// Pixels is the number of pixels that a decoder makes before it can show one frame or page. It is Width×Height, but
	// more for an AVIF that is cut or put together from larger pictures or has an alpha plane: limits should be held
	// against this number too, because such a file may show 16×16 pixels of a gigapixel.
	Pixels int64
	// Frames is the number of pictures of an animated GIF or WebP, at most 100,000, and 1 elsewhere. An animated PNG
	// is 1, because its decoder shows the first picture only.
	Frames int
	// Pages is the number of directories of a TIFF, at most 10,000, and 1 elsewhere.
	Pages int
	// Orientation is EXIF's, from 1 to 8, and 1 if the file has none or one out of range. It is 1 for AVIF and HEIC,
	// whose decoders turn the picture themselves.
	Orientation int
	// Depth is the number of bits per sample, or per palette index.
	Depth int
	// Bands is the number of samples per pixel as stored, alpha included; 1 for a palette.
	Bands int
	// Alpha says that pixels may be transparent.
	Alpha bool
	// ICCBytes is the size of the colour profile as stored, in PNG compressed and with its name.
	ICCBytes int64
	// TextBytes is the size, as stored, of what the file says in words and tags: PNG text chunks, EXIF, XMP, IPTC, comments.
	TextBytes int64
	// Scans is the number of scans of a JPEG, at most 1,000. It is 0 in the other formats.
	Scans int
	// MultiPicture says that a JPEG has an index of further pictures (CIPA DC-007), such as a gain map.
	MultiPicture bool
	// Progressive says that a JPEG is coded progressively.
	Progressive bool
}

// Sniffed is how many bytes of a file its format shows in: an SVG begins with comments and declarations.
const Sniffed = 1 << 10

// formats holds how each format is told by the first bytes of a file (up to 1,024 of them) and how its header is read.
// The first match counts.
var formats = []struct {
	format Format
	match  func(head []byte) bool
	read   func(*cursor, *Header) error
}{
	{JPEG, prefix("\xff\xd8\xff"), readJPEG},
	{PNG, prefix(pngSignature), readPNG},
	{GIF, prefix("GIF8"), readGIF},
	{WebP, isWebP, readWebP},
	{AVIF, isHEIF(avifBrands), readHEIF},
	{HEIC, isHEIF(heicBrands), readHEIF},
	{TIFF, isTIFF, readTIFF},
	{BMP, isBMP, readBMP},
	{PSD, prefix("8BPS\x00\x01"), nil},
	{PDF, prefix("%PDF-"), nil},
	{JXL, prefix("\xff\x0a"), nil},
	{JXL, prefix("\x00\x00\x00\x0cJXL \r\n\x87\n"), nil},
	{JP2, prefix("\x00\x00\x00\x0cjP  \r\n\x87\n"), nil},
	{JP2, prefix("\xff\x4f\xff\x51"), nil},
	{ICO, isICO, readICO},
	{SVG, isSVG, readSVG},
}

// Read tells what the size bytes of r are. Its errors wrap ErrUnknown, ErrBroken, ErrKind or the error of r. With ErrBroken and ErrKind
// the Header holds the Format and nothing else. A format that is only named is never broken. A file whose pixels are cut
// short is not broken as long as the decoder can show a part of them.
//
// The work is bounded by a small multiple of size, and most files are known after a few kilobytes. Read keeps one window
// of at most 64 KiB and tables of at most a few megabytes, whatever the file claims. It has no state: it may be called
// from many goroutines, each with a reader that allows it.
func Read(r io.ReaderAt, size int64) (Header, error) {
	return newCursor(r, size).read()
}

// Identify tells the format of a file of which head is the beginning: Sniffed bytes, or all that it has. It is ErrUnknown if Read would say so.
func Identify(head []byte) (Format, error) {
	for _, f := range formats {
		if f.match(head) {
			return f.format, nil
		}
	}
	return "", ErrUnknown
}

func (c *cursor) read() (Header, error) {
	head, err := c.peek(int(min(c.size, Sniffed)))
	if err != nil {
		return Header{}, err
	}
	for _, f := range formats {
		if !f.match(head) {
			continue
		}
		c.format = f.format
		h := Header{Format: f.format, Frames: 1, Pages: 1, Orientation: 1}
		if f.read == nil {
			return h, nil
		}
		err := f.read(c, &h)
		if err == nil && f.format != SVG {
			err = c.checkSize(h)
		}
		h.Pixels = max(h.Pixels, int64(h.Width)*int64(h.Height))
		if err != nil {
			return Header{Format: h.Format}, err
		}
		return h, nil
	}
	return Header{}, fmt.Errorf("%d bytes: %w", c.size, ErrUnknown)
}

func (c *cursor) checkSize(h Header) error {
	if h.Width < 1 || h.Height < 1 || h.Width > math.MaxInt32 || h.Height > math.MaxInt32 {
		return c.broken("a size of %d×%d pixels", h.Width, h.Height)
	}
	return nil
}

func prefix(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}
