package sniff

import "slices"

// maxReferences bounds the references between the items of a file, of which a grid needs one for each of its parts.
const maxReferences = 10 * maxBoxes

// readMeta reads the tables in the meta box (ISO/IEC 14496-12, 8.11). Of boxes of one type, of entries for one item, the
// first counts, as in libheif.
func (f *heif) readMeta(meta box) error {
	var pitm, iinf, iref, iprp, ipco box
	var ipma []box
	known := map[string]*box{"pitm": &pitm, "iinf": &iinf, "iref": &iref, "iprp": &iprp, "iloc": &f.iloc}
	err := f.c.boxes(meta.start+4, meta.end, func(b box) error {
		if place := known[string(b.kind[:])]; place != nil && place.end == 0 {
			*place = b
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = f.c.boxes(iprp.start, iprp.end, func(b box) error {
		switch {
		case b.is("ipma"):
			ipma = append(ipma, b)
		case b.is("ipco") && ipco.end == 0:
			ipco = b
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = f.c.boxes(ipco.start, ipco.end, func(b box) error {
		f.boxes = append(f.boxes, b)
		return nil
	})
	if err != nil {
		return err
	}
	t := f.c.fullBox(pitm)
	if f.primary = t.id(1); t.err != nil {
		return t.err
	}
	if err := f.readItems(iinf); err != nil {
		return err
	}
	if err := f.readReferences(iref); err != nil {
		return err
	}
	return f.readAssociations(ipma)
}

// readItems reads the item information box (8.11.6).
func (f *heif) readItems(iinf box) error {
	f.kinds = map[uint32]string{}
	t := f.c.fullBox(iinf)
	if t.version == 0 {
		t.uint(2)
	} else {
		t.uint(4)
	}
	if t.err != nil {
		return t.err
	}
	return f.c.boxes(f.c.pos, iinf.end, func(b box) error {
		if !b.is("infe") {
			return nil
		}
		t := f.c.fullBox(b)
		if t.version < 2 { // an entry without a type
			return t.err
		}
		id := t.id(3)
		t.uint(2)
		kind := string(t.bytes(4))
		if _, twice := f.kinds[id]; t.err == nil && !twice {
			f.kinds[id] = kind
		}
		return t.err
	})
}

// readReferences reads the item reference box (8.11.12), which may be missing.
func (f *heif) readReferences(iref box) error {
	f.parts, f.planes = map[uint32][]uint32{}, map[uint32][]uint32{}
	if iref.end == 0 {
		return nil
	}
	outer := f.c.fullBox(iref)
	if outer.err != nil {
		return outer.err
	}
	total := 0
	return f.c.boxes(f.c.pos, iref.end, func(b box) error {
		t := f.c.plainBox(b)
		t.version = outer.version
		from := t.id(1)
		for range t.count(2) {
			to := t.id(1)
			if t.err != nil {
				break
			}
			if total++; total > maxReferences {
				return f.c.broken("more than %d references", maxReferences)
			}
			switch {
			case b.is("dimg"):
				f.parts[from] = append(f.parts[from], to)
			case b.is("auxl"):
				f.planes[to] = append(f.planes[to], from)
			}
		}
		return t.err
	})
}

// readAssociations reads which properties belong to which item (ISO/IEC 23008-12, 9.3).
func (f *heif) readAssociations(ipma []box) error {
	f.properties = map[uint32][]uint16{}
	// There is one table for each of two versions and two widths at most.
	for _, b := range ipma[:min(len(ipma), 4)] {
		t := f.c.fullBox(b)
		for range t.count(4) {
			id := t.id(1)
			var indices []uint16
			for range t.count(1) {
				index := t.uint(1) & 0x7f
				if t.flags&1 != 0 {
					index = index<<8 | t.uint(1)
				}
				indices = append(indices, uint16(index))
			}
			if t.err != nil {
				return t.err
			}
			if _, twice := f.properties[id]; !twice {
				f.properties[id] = indices
			}
		}
		if t.err != nil {
			return t.err
		}
	}
	return nil
}

// metadataBytes returns the size of the EXIF and XMP items, and notes where the EXIF is, as the item location box tells it (ISO/IEC 14496-12, 8.11.3).
func (f *heif) metadataBytes() (int64, error) {
	var ids []uint32
	for id, kind := range f.kinds {
		if kind == "Exif" || kind == "mime" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	t := f.c.fullBox(f.iloc)
	sizes := t.uint(2)
	offset, length, base, index := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	if t.version == 0 {
		index = 0
	}
	if max(offset, length, base, index) > 8 {
		return 0, f.c.broken("a table of numbers of %#x bytes", sizes)
	}
	width := 2
	if t.version >= 2 {
		width = 4
	}
	var total int64
	for range t.count(width) {
		id := t.id(2)
		elsewhere := false // not in the file itself, but in a box or another item
		if t.version > 0 {
			elsewhere = t.uint(2)&15 != 0
		}
		elsewhere = t.uint(2) != 0 || elsewhere
		from := t.uint(base)
		counts := slices.Contains(ids, id)
		extents := t.count(2)
		for range extents {
			t.uint(index)
			start := from + t.uint(offset)
			n := t.uint(length)
			if counts {
				total = min(total+int64(min(n, maxSum)), maxSum)
			}
			if f.kinds[id] == "Exif" && extents == 1 && !elsewhere && f.c.exif.end == 0 {
				f.c.exif = f.exifSpan(start, n)
			}
		}
		if t.err != nil {
			return 0, t.err
		}
	}
	return total, t.err
}

// exifSpan returns where the EXIF block of an item of n bytes is, behind the offset of its TIFF header (ISO/IEC 23008-12, A.2.1), or
// nothing if that is not in the file.
func (f *heif) exifSpan(start, n uint64) span {
	const header = 4
	size := uint64(f.c.size)
	if start > size || n > size-start || n < header {
		return span{}
	}
	return span{int64(start + header), int64(start + n)}
}
