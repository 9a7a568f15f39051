package transform

import (
	"errors"
	"fmt"
	"io"
	"math"

	"calotype/transform/sniff"
)

// What the structure of a file may have. No camera or editor comes near, and each costs a decoder time or memory that the
// size of the picture does not show.
const (
	maxScans        = 100     // of a JPEG: each goes over the whole picture
	maxProfileBytes = 4 << 20 // of a color profile, as stored
	maxTextBytes    = 16 << 20
)

var errNoImage = fmt.Errorf("%w: the content is no image", ErrUnsupported)

// inspect tells by the header alone what the image of size bytes in file is, and refuses what is over the limits: in Go, in microseconds,
// before any decoder sees a byte.
func inspect(file io.ReaderAt, size int64, limits Limits) (Original, error) {
	header, err := sniff.Read(file, size)
	switch {
	case errors.Is(err, sniff.ErrUnknown):
		return Original{}, errNoImage
	case errors.Is(err, sniff.ErrBroken):
		return Original{}, fmt.Errorf("%w: %w", ErrBroken, err)
	case errors.Is(err, sniff.ErrKind):
		return Original{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
	case err != nil:
		return Original{}, err
	}
	original := Original{
		Format:      string(header.Format),
		Size:        Size{Width: header.Width, Height: header.Height},
		Orientation: header.Orientation,
		Frames:      max(1, header.Frames),
		Depth:       header.Depth,
		Alpha:       header.Alpha,
	}
	if err := limits.check("the image", original.Size, original.Frames); err != nil {
		return Original{}, err
	}
	// A decoder may have more to do than the picture shows: tiles that are cut away, a separate image of transparency.
	if most := limits.Pixels; most > 0 && header.Pixels > most/int64(original.Frames) {
		return Original{}, fmt.Errorf("%w: the image decodes to %d pixels, %d frames, at most %d are taken", ErrTooLarge, header.Pixels, original.Frames, most)
	}
	return original, checkStructure(header)
}

// An EXIF is what an original says of how it was taken and by whom, never where.
type EXIF = sniff.EXIF

// ReadEXIF reads the EXIF of the original of size bytes in file: in Go, a few kilobytes, as its header was read.
func ReadEXIF(file io.ReaderAt, size int64) (EXIF, error) {
	e, err := sniff.ReadEXIF(file, size)
	if errors.Is(err, sniff.ErrBroken) || errors.Is(err, sniff.ErrUnknown) {
		return EXIF{}, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return e, err
}

// measured returns an original whose header no reader here understands as a decoder has found it; another one as it is. What a worker
// says is held against the limits like what a file says.
func (o Original) measured(found *Original, limits Limits) (Original, error) {
	if o.Size != (Size{}) {
		return o, nil
	}
	if found == nil || found.Size.Width < 1 || found.Size.Height < 1 || found.Depth != 8 && found.Depth != 16 {
		return Original{}, fmt.Errorf("%w: its size cannot be told", ErrBroken)
	}
	o.Size, o.Depth, o.Alpha = found.Size, found.Depth, found.Alpha && FormatNamed(o.Format).Alpha
	if o.Size.Width > math.MaxInt32 || o.Size.Height > math.MaxInt32 {
		return Original{}, fmt.Errorf("%w: the image is %s", ErrTooLarge, o.Size)
	}
	return o, limits.check("the image", o.Size, o.Frames)
}

// checkStructure refuses files that are built to be expensive.
func checkStructure(h sniff.Header) error {
	switch {
	case h.Scans > maxScans:
		return fmt.Errorf("%w: the image has more than %d scans", ErrTooLarge, maxScans)
	case h.ICCBytes > maxProfileBytes:
		return fmt.Errorf("%w: the color profile has %d bytes, at most %d are taken", ErrTooLarge, h.ICCBytes, maxProfileBytes)
	case h.TextBytes > maxTextBytes:
		return fmt.Errorf("%w: the metadata has %d bytes, at most %d are taken", ErrTooLarge, h.TextBytes, maxTextBytes)
	}
	return nil
}
