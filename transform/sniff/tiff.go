package sniff

import "math"

func isTIFF(head []byte) bool {
	for _, magic := range []string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"} {
		if prefix(magic)(head) {
			return true
		}
	}
	return false
}

// readTIFF reads the first directory, which is the page that libvips loads, and follows the chain to count the pages.
func readTIFF(c *cursor, h *Header) error {
	c.exif = span{0, c.size}
	t, first, err := openTIFF(c, 0, c.size)
	if err != nil {
		return err
	}
	fields, err := t.fields(first, headerTags)
	if err != nil {
		return err
	}
	numbers := map[uint16]uint64{tagBitsPerSample: 1, tagSamplesPerPixel: 1}
	for _, tag := range []uint16{tagWidth, tagHeight, tagBitsPerSample, tagSamplesPerPixel} {
		f, ok := fields[tag]
		if !ok {
			continue
		}
		if numbers[tag], err = t.first(f); err != nil {
			return err
		}
	}
	h.Width = int(min(numbers[tagWidth], math.MaxInt64))
	h.Height = int(min(numbers[tagHeight], math.MaxInt64))
	h.Depth = int(min(numbers[tagBitsPerSample], math.MaxUint16))
	h.Bands = int(min(numbers[tagSamplesPerPixel], math.MaxUint16))
	if h.Depth == 0 || h.Bands == 0 {
		return c.broken("%d samples of %d bits", h.Bands, h.Depth)
	}
	h.Alpha = fields[tagExtraSamples].count > 0
	h.ICCBytes = fields[tagICC].bytes()
	for _, tag := range []uint16{tagDescription, tagXMP, tagIPTC, tagPhotoshop} {
		h.TextBytes += fields[tag].bytes()
	}
	if h.Orientation, err = t.orientation(fields); err != nil {
		return err
	}
	h.Pages, err = t.pages(first)
	return err
}

// pages counts the directories from the one at first on. A chain that runs in a circle or out of the file ends there,
// as it does in libtiff.
func (t *tiff) pages(first uint64) (int, error) {
	seen := map[uint64]bool{}
	for offset := first; offset != 0 && !seen[offset] && len(seen) < maxPages; {
		next, err := t.following(offset)
		if err != nil {
			return max(len(seen), 1), unlessBroken(err)
		}
		seen[offset] = true
		offset = next
	}
	return len(seen), nil
}

// following returns the offset of the directory after the one at offset, or 0 if it is the last.
func (t *tiff) following(offset uint64) (uint64, error) {
	start, count, err := t.entries(offset)
	if err != nil {
		return 0, err
	}
	size := 4
	if t.big {
		size = 8
	}
	b, err := t.at(start+count*t.entrySize(), size)
	if err != nil {
		return 0, err
	}
	return t.number(b), nil
}
