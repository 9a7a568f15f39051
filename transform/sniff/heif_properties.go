package sniff

import "slices"

// each calls visit for the properties of the item, in their order, until the first error.
func (f *heif) each(id uint32, visit func(box) error) error {
	for _, index := range f.properties[id] {
		if index == 0 || int(index) > len(f.boxes) {
			continue
		}
		if err := visit(f.boxes[index-1]); err != nil {
			return err
		}
	}
	return nil
}

// size returns the size of the item before any transformation (ISO/IEC 23008-12, 6.5.3), 0×0 if it tells none. libheif
// shows the last of two sizes but decodes by the first, so they must agree.
func (f *heif) size(id uint32) (width, height int64, err error) {
	err = f.each(id, func(p box) error {
		if !p.is("ispe") {
			return nil
		}
		t := f.c.fullBox(p)
		w, h := int64(t.uint(4)), int64(t.uint(4))
		if t.err == nil && width != 0 && (w != width || h != height) {
			return f.c.broken("item %d has the sizes %d×%d and %d×%d", id, width, height, w, h)
		}
		width, height = w, h
		return t.err
	})
	return width, height, err
}

// readSize reads the size and the colour profile of the primary item. As in libheif, its transformations apply to the
// size in their order.
func (f *heif) readSize(h *Header) error {
	width, height, err := f.size(f.primary)
	if err != nil {
		return err
	}
	h.Width, h.Height = int(width), int(height)
	if err := f.c.checkSize(*h); err != nil {
		return err
	}
	return f.each(f.primary, func(p box) error {
		t := f.c.plainBox(p)
		switch string(p.kind[:]) {
		case "irot": // 6.5.10
			if t.uint(1)&1 != 0 {
				h.Width, h.Height = h.Height, h.Width
			}
		case "clap": // ISO/IEC 14496-12, 12.1.4
			width, height := t.rounded(), t.rounded()
			if t.err == nil && (width > h.Width || height > h.Height) {
				return f.c.broken("%d×%d cut out of %d×%d", width, height, h.Width, h.Height)
			}
			h.Width, h.Height = width, height
		case "colr": // ISO/IEC 14496-12, 12.1.5
			if kind := string(t.bytes(4)); kind == "prof" || kind == "rICC" {
				h.ICCBytes += p.end - f.c.pos
			}
		}
		return t.err
	})
}

// rounded reads a fraction and returns the nearest whole number, or 0 if it is not positive.
func (t *table) rounded() int {
	numerator, denominator := int64(int32(t.uint(4))), int64(int32(t.uint(4)))
	if denominator == 0 || (numerator < 0) != (denominator < 0) {
		return 0
	}
	return int((numerator + denominator/2) / denominator)
}

// readSamples reads depth and bands from the codec's configuration or, where there is none, from the pixel information.
func (f *heif) readSamples(id uint32, h *Header) error {
	h.Depth, h.Bands = 8, 3
	configured := false
	return f.each(id, func(p box) error {
		t := f.c.plainBox(p)
		switch string(p.kind[:]) {
		case "av1C": // AV1 Codec ISO Media File Format Binding, 2.3.3
			bits := t.uint(3)
			high, twelve, monochrome := bits>>6&1, bits>>5&1, bits>>4&1
			h.Depth = 8 + 2*int(high) + 2*int(high&twelve)
			h.Bands = 3 - 2*int(monochrome)
			configured = true
		case "hvcC": // ISO/IEC 14496-15, 8.3.3
			t.bytes(16)
			h.Bands = 3
			if chroma := t.uint(1) & 3; chroma == 0 {
				h.Bands = 1
			}
			h.Depth = 8 + int(t.uint(1)&7)
			configured = true
		case "pixi": // ISO/IEC 23008-12, 6.5.6
			t = f.c.fullBox(p)
			bands, depth := t.uint(1), t.uint(1)
			if !configured && bands > 0 && depth > 0 {
				h.Bands, h.Depth = int(bands), int(depth)
			}
		}
		return t.err
	})
}

// The names of alpha planes in MIAF (ISO/IEC 23000-22, 7.3.5.2), HEVC and AVC.
var alphaPlanes = []string{
	"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00",
	"urn:mpeg:hevc:2015:auxid:1\x00",
	"urn:mpeg:avc:2015:auxid:1\x00",
}

// isAlpha says whether the auxiliary item is an alpha plane.
func (f *heif) isAlpha(id uint32) (alpha bool, err error) {
	err = f.each(id, func(p box) error {
		if !p.is("auxC") {
			return nil
		}
		const enough = 64
		t := f.c.fullBox(p)
		name := t.bytes(int(max(0, min(t.end-f.c.pos, enough))))
		alpha = alpha || slices.ContainsFunc(alphaPlanes, func(known string) bool { return prefix(known)(name) })
		return t.err
	})
	return alpha, err
}
