package sniff

import (
	"fmt"
	"math"
)

// The brands that announce an AVIF (AV1 Image File Format, 7) and those of HEIF in general (ISO/IEC 23008-12, annex B),
// whose codec only the primary item tells.
var (
	avifBrands = []string{"avif", "avis"}
	heicBrands = []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "mif2", "mif3", "msf1"}
)

// isHEIF returns a function that looks for one of brands in a file type box, as far as that is at hand.
func isHEIF(brands []string) func([]byte) bool {
	return func(head []byte) bool {
		if len(head) < 16 || string(head[4:8]) != "ftyp" {
			return false
		}
		size := int(uint32(head[2])<<8 | uint32(head[3]))
		if head[0] != 0 || head[1] != 0 || size < 16 {
			return false
		}
		head = head[:min(size, len(head))]
		for at := 8; at+4 <= len(head); at += 4 {
			const minorVersion = 12
			for _, brand := range brands {
				if at != minorVersion && string(head[at:at+4]) == brand {
					return true
				}
			}
		}
		return false
	}
}

// A heif is what the meta box of a file says.
type heif struct {
	c          *cursor
	primary    uint32              // the item that is the picture
	kinds      map[uint32]string   // the items' types, such as "av01", "grid" or "Exif"
	parts      map[uint32][]uint32 // the items that an item is derived from
	planes     map[uint32][]uint32 // the auxiliary items of an item
	boxes      []box               // the properties themselves
	properties map[uint32][]uint16 // the places in boxes, from 1 on, of an item's properties, in their order
	iloc       box
}

// readHEIF reads the properties of the primary item. Its codec, not the brand, decides between AVIF and HEIC.
func readHEIF(c *cursor, h *Header) error {
	f := &heif{c: c}
	meta, err := f.findMeta()
	if err != nil {
		return err
	}
	if err := f.readMeta(meta); err != nil {
		return err
	}
	coded, err := f.codedItem()
	if err != nil {
		return err
	}
	switch kind := f.kinds[coded]; kind {
	case "av01":
		h.Format = AVIF
	case "hvc1", "hev1", "lhv1":
		h.Format = HEIC
	default:
		if h.Format == AVIF {
			return c.broken("the primary item is coded as %q", kind)
		}
		return fmt.Errorf("%s: the primary item is coded as %q: %w", c.format, kind, ErrKind)
	}
	c.format = h.Format
	if err := f.readSize(h); err != nil {
		return err
	}
	if err := f.readSamples(coded, h); err != nil {
		return err
	}
	work := map[uint32]int64{}
	if h.Pixels, err = f.pixels(f.primary, work); err != nil {
		return err
	}
	for item := range work {
		for _, plane := range f.planes[item] {
			alpha, err := f.isAlpha(plane)
			if err != nil {
				return err
			}
			h.Alpha = h.Alpha || alpha
		}
	}
	if h.Alpha {
		h.Bands++
	}
	h.TextBytes, err = f.metadataBytes()
	return err
}

// findMeta looks for the meta box among all boxes of the file, of which the last may be cut. libheif takes the last of
// two, and a mini box before either, so that a file with more than one of them has no one meaning.
func (f *heif) findMeta() (meta box, err error) {
	const header = 8
	boxes := 0
	for start := int64(0); start <= f.c.size-header; boxes++ {
		b, err := f.c.box(start, maxFileSize)
		if err != nil {
			return meta, err
		}
		if boxes == maxBoxes {
			return meta, f.c.broken("more than %d boxes", maxBoxes)
		}
		if b.is("mini") || b.is("meta") && meta.end != 0 {
			return meta, f.c.broken("box %q beside another or unsupported", b.kind)
		}
		if b.is("meta") {
			meta = b
		}
		start = b.end
	}
	if meta.end == 0 || meta.end > f.c.size {
		return meta, f.c.broken("no meta box, or one that is cut short")
	}
	return meta, nil
}

// derived says whether items of the type are made of others: a grid, an overlay, a turned copy.
func derived(kind string) bool { return kind == "grid" || kind == "iovl" || kind == "iden" }

// codedItem returns the item that says how the primary item is coded: itself or, if it is derived from others, the first
// of those.
func (f *heif) codedItem() (uint32, error) {
	id := f.primary
	for range 4 {
		if !derived(f.kinds[id]) {
			return id, nil
		}
		if len(f.parts[id]) == 0 {
			return 0, f.c.broken("item %d is a %q of nothing", id, f.kinds[id])
		}
		id = f.parts[id][0]
	}
	return 0, f.c.broken("item %d is derived too often", f.primary)
}

// maxSum is where the sums of claimed sizes stop, so that adding one more cannot overflow.
const maxSum = math.MaxInt64 / 2

// pixels returns how many pixels are made of the item, the items that it is derived from and the auxiliary ones of all of
// these. It keeps in known what it has found out; an item that is made of itself counts once.
func (f *heif) pixels(id uint32, known map[uint32]int64) (int64, error) {
	if n, ok := known[id]; ok {
		return n, nil
	}
	known[id] = 0
	width, height, err := f.size(id)
	if err != nil {
		return 0, err
	}
	total := min(width, math.MaxInt32) * min(height, math.MaxInt32)
	for _, others := range [][]uint32{f.parts[id], f.planes[id]} {
		for _, other := range others {
			n, err := f.pixels(other, known)
			if err != nil {
				return 0, err
			}
			total = min(total+n, maxSum)
		}
	}
	known[id] = total
	return total, nil
}
