package sniff

import (
	"fmt"
	"io"
)

// Colors are what an AVIF or HEIC says of the colors of its primary picture (ISO/IEC 14496-12, 12.1.5).
type Colors struct {
	Profile []byte // ICC; nil if there is none
	Matrix  int    // MatrixCoefficients of ITU-T H.273; 2 if the file does not say
	Narrow  bool   // samples do not use the whole range
}

// ReadColors reads the colors of a file whose header Read has found sound. A profile of more than most bytes is left out.
func ReadColors(r io.ReaderAt, size, most int64) (Colors, error) {
	const unspecified = 2
	colors := Colors{Matrix: unspecified}
	f := &heif{c: &cursor{reader: r, size: size, format: HEIC}}
	meta, err := f.findMeta()
	if err != nil {
		return colors, err
	}
	if err := f.readMeta(meta); err != nil {
		return colors, err
	}
	coded, err := f.codedItem()
	if err != nil {
		return colors, err
	}
	// What the picture itself says counts more than what the first of its tiles says.
	for _, item := range []uint32{coded, f.primary} {
		err := f.each(item, func(p box) error {
			if !p.is("colr") {
				return nil
			}
			t := f.c.plainBox(p)
			switch kind := string(t.bytes(4)); kind {
			case "nclx":
				t.uint(4) // primaries and transfer characteristics
				colors.Matrix = int(t.uint(2))
				colors.Narrow = t.uint(1)>>7 == 0
			case "prof", "rICC":
				if length := p.end - f.c.pos; length > 0 && length <= min(most, size-f.c.pos) {
					colors.Profile = make([]byte, length)
					if n, err := r.ReadAt(colors.Profile, f.c.pos); int64(n) < length {
						return fmt.Errorf("color profile: %w", err)
					}
				}
			}
			return t.err
		})
		if err != nil {
			return colors, err
		}
	}
	return colors, nil
}
