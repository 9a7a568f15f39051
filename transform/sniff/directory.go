package sniff

import (
	"encoding/binary"
	"math"
	"slices"
)

// The tags of TIFF 6.0 and its extensions that Read looks at.
const (
	tagWidth           = 256
	tagHeight          = 257
	tagBitsPerSample   = 258
	tagDescription     = 270
	tagOrientation     = 274
	tagSamplesPerPixel = 277
	tagExtraSamples    = 338
	tagXMP             = 700
	tagIPTC            = 33723
	tagPhotoshop       = 34377
	tagICC             = 34675
)

var headerTags = []uint16{
	tagWidth, tagHeight, tagBitsPerSample, tagDescription, tagOrientation, tagSamplesPerPixel, tagExtraSamples, tagXMP, tagIPTC, tagPhotoshop, tagICC,
}

// A tiff reads the directories of a TIFF or BigTIFF structure that lies from base to end of a file.
type tiff struct {
	c         *cursor
	base, end int64
	order     binary.ByteOrder
	big       bool
}

// A field is an entry of a directory. The zero field stands for one that is not there.
type field struct {
	kind  uint16
	count uint64
	raw   [8]byte // the value or, if it is too long, its offset
}

// openTIFF reads the header at base and returns the offset of the first directory.
func openTIFF(c *cursor, base, end int64) (*tiff, uint64, error) {
	t := &tiff{c: c, base: base, end: end, order: binary.LittleEndian}
	b, err := t.at(0, 8)
	if err != nil {
		return t, 0, err
	}
	switch string(b[:2]) {
	case "II":
	case "MM":
		t.order = binary.BigEndian
	default:
		return t, 0, c.broken("byte order %q", b[:2])
	}
	switch version := t.order.Uint16(b[2:]); version {
	case 42:
		return t, uint64(t.order.Uint32(b[4:])), nil
	case 43:
		t.big = true
		if b, err = t.at(8, 8); err != nil {
			return t, 0, err
		}
		return t, t.order.Uint64(b), nil
	default:
		return t, 0, c.broken("version %d", version)
	}
}

// at returns n bytes at offset from base.
func (t *tiff) at(offset uint64, n int) ([]byte, error) {
	length := uint64(max(0, t.end-t.base))
	if offset > length || uint64(n) > length-offset {
		return nil, t.c.broken("%d bytes at offset %d of %d", n, offset, length)
	}
	t.c.pos = t.base + int64(offset)
	return t.c.next(n)
}

// fields returns the fields of the directory at offset that have one of the wanted tags. Of fields with one tag the first counts, as in libtiff
// and libexif. With an error it returns those before the cut.
func (t *tiff) fields(offset uint64, wanted []uint16) (map[uint16]field, error) {
	found := map[uint16]field{}
	entries, count, err := t.entries(offset)
	if err != nil {
		return found, err
	}
	size, number := t.entrySize(), 4
	if t.big {
		number = 8
	}
	for i := range count {
		b, err := t.at(entries+i*size, int(size))
		if err != nil {
			return found, err
		}
		tag := t.order.Uint16(b)
		if _, twice := found[tag]; twice || !slices.Contains(wanted, tag) {
			continue
		}
		f := field{kind: t.order.Uint16(b[2:]), count: t.number(b[4 : 4+number])}
		copy(f.raw[:], b[4+number:])
		found[tag] = f
	}
	return found, nil
}

// entries returns where the entries of the directory at offset begin and how many it has.
func (t *tiff) entries(offset uint64) (start, count uint64, err error) {
	size := 2
	if t.big {
		size = 8
	}
	b, err := t.at(offset, size)
	if err != nil {
		return 0, 0, err
	}
	if count = t.number(b); count > math.MaxUint16 {
		return 0, 0, t.c.broken("a directory of %d entries", count)
	}
	return offset + uint64(size), count, nil
}

func (t *tiff) entrySize() uint64 {
	if t.big {
		return 20
	}
	return 12
}

func (t *tiff) number(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(t.order.Uint16(b))
	case 4:
		return uint64(t.order.Uint32(b))
	}
	return t.order.Uint64(b)
}

// kindSizes are the sizes of the field types of TIFF 6.0, page 15, and BigTIFF.
var kindSizes = [...]uint64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

// size returns the size of one value, or 0 if the type is unknown.
func (f field) size() uint64 {
	if int(f.kind) < len(kindSizes) {
		return kindSizes[f.kind]
	}
	return 0
}

// bytes returns the size of all values that f claims, at most 2 GiB.
func (f field) bytes() int64 {
	return int64(min(f.count, math.MaxInt32/8) * f.size())
}

// first returns the first value of f, or 0 if there is none or it is no whole number.
func (t *tiff) first(f field) (uint64, error) {
	switch f.kind {
	case 1, 3, 4, 6, 8, 9, 13, 16, 17, 18:
	default:
		return 0, nil
	}
	if f.count == 0 {
		return 0, nil
	}
	b, err := t.stored(f, int(f.size()))
	if err != nil {
		return 0, err
	}
	return t.number(b), nil
}

// stored returns the first n bytes of the values of f, which must be as many.
func (t *tiff) stored(f field, n int) ([]byte, error) {
	inline := 4
	if t.big {
		inline = 8
	}
	if f.count <= uint64(inline)/max(1, f.size()) {
		return f.raw[:n], nil
	}
	return t.at(t.number(f.raw[:inline]), n)
}
