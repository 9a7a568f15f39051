package sniff

// exifOrientation reads the orientation from the EXIF block from start to end of the file: a TIFF header and directory,
// with or without the name "Exif" before it (CIPA DC-008, 4.5 and 4.7.2). It is 1 if the block is broken or says nothing.
// Its only errors are those of the reader. It moves pos.
func exifOrientation(c *cursor, start, end int64) (int, error) {
	c.exif = span{start, end}
	t, first, err := openEXIF(c, start, end)
	if err != nil || t.big {
		return 1, unlessBroken(err)
	}
	// A directory that is cut short may hold the tag before the cut.
	fields, err := t.fields(first, headerTags)
	if unlessBroken(err) != nil {
		return 1, err
	}
	return t.orientation(fields)
}

// openEXIF reads the header of an EXIF block and returns the offset of the first directory.
func openEXIF(c *cursor, start, end int64) (*tiff, uint64, error) {
	const name = "Exif\x00\x00"
	c.pos = start
	if end-start >= int64(len(name)) {
		b, err := c.peek(len(name))
		if err != nil {
			return nil, 0, err
		}
		if string(b) == name {
			start += int64(len(name))
		}
	}
	return openTIFF(c, start, end)
}

// orientation returns the orientation among the fields, or 1.
func (t *tiff) orientation(fields map[uint16]field) (int, error) {
	value, err := t.first(fields[tagOrientation])
	if err != nil || value < 1 || value > 8 {
		return 1, unlessBroken(err)
	}
	return int(value), nil
}
