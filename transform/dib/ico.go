package dib

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	icoHeader  = 6
	icoEntry   = 16
	maxEntries = 256 // of an ICO; real ones have a dozen

	pngSignature = "\x89PNG\r\n\x1a\n"
)

// An Icon is one of the pictures of an ICO or CUR.
type Icon struct {
	Offset, Length int64
	PNG            bool   // else the picture is a bitmap without a file header
	Header         Header // of a bitmap, its height that of the picture alone

	area int64
	bits int
}

// ChooseIcon returns the picture of an ICO of size bytes that has the most pixels and, among those, the most bits. It goes by the pictures
// themselves: what the directory says of them is often wrong. Errors wrap ErrBroken or ErrKind, or are those of r.
func ChooseIcon(r io.ReaderAt, size int64) (best Icon, err error) {
	head := make([]byte, icoHeader)
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return Icon{}, cut(err)
	}
	count := int(binary.LittleEndian.Uint16(head[4:]))
	if count == 0 || count > maxEntries {
		return Icon{}, fmt.Errorf("%w: %d pictures", ErrBroken, count)
	}
	directory := make([]byte, count*icoEntry)
	if n, err := r.ReadAt(directory, icoHeader); n < len(directory) {
		return Icon{}, cut(err)
	}
	problem := fmt.Errorf("%w: no picture", ErrBroken)
	for i := range count {
		entry := directory[i*icoEntry:]
		icon := Icon{Offset: int64(binary.LittleEndian.Uint32(entry[12:])), Length: int64(binary.LittleEndian.Uint32(entry[8:]))}
		if icon.Offset < icoHeader+int64(len(directory)) || icon.Length > size-icon.Offset {
			return Icon{}, fmt.Errorf("%w: picture %d lies outside of the file", ErrBroken, i)
		}
		if err := icon.look(io.NewSectionReader(r, icon.Offset, icon.Length)); err != nil {
			problem = fmt.Errorf("picture %d: %w", i, err)
			continue
		}
		if icon.area > best.area || icon.area == best.area && icon.bits > best.bits {
			best = icon
		}
	}
	if best.area == 0 {
		return Icon{}, problem
	}
	return best, nil
}

// look finds out what the picture is.
func (i *Icon) look(r io.ReaderAt) error {
	head := make([]byte, MaxHeader)
	n, err := r.ReadAt(head, 0)
	if n < 26 {
		return cut(err)
	}
	if string(head[:len(pngSignature)]) == pngSignature {
		// Length and name of the first chunk, and then its width, height, depth and color type.
		i.PNG = true
		width, height := binary.BigEndian.Uint32(head[16:]), binary.BigEndian.Uint32(head[20:])
		i.area = int64(min(width, 1<<31-1)) * int64(min(height, 1<<31-1))
		samples := map[byte]int{2: 3, 4: 2, 6: 4}[head[25]]
		i.bits = int(head[24]) * max(1, samples)
		return nil
	}
	if i.Header, err = ParseHeader(head[:n]); err != nil {
		return err
	}
	h := &i.Header
	// The height is that of colors and mask together.
	if h.Height /= 2; h.Height == 0 || h.compressed() || h.topDown {
		return fmt.Errorf("%w: a bitmap that no icon has", ErrBroken)
	}
	i.area, i.bits = int64(h.Width)*int64(h.Height), h.Bits
	return nil
}

// Decode reads the picture of an icon that is a bitmap. It always has alpha: its own or that of the mask behind it.
func (i Icon) Decode(r io.ReaderAt, canvas Canvas) error {
	h := i.Header
	paletteAt := int64(h.length)
	pixelsAt := paletteAt + int64(h.colors*h.entry)
	maskAt := pixelsAt + h.stride()*int64(h.Height)
	if h.stride() > (i.Length-pixelsAt)/int64(h.Height) {
		return fmt.Errorf("%w: cut short", ErrBroken)
	}
	own := h.Bits == 32
	if own && h.masks[3] == 0 {
		h.masks[3] = 0xff000000
	}
	pixels, err := canvas(h.Width, h.Height, 4)
	if err != nil {
		return err
	}
	section := io.NewSectionReader(r, i.Offset, i.Length)
	if err := h.decode(section, paletteAt, pixelsAt, pixels, 4); err != nil {
		return err
	}
	if own {
		for at := 3; at < len(pixels); at += 4 {
			if pixels[at] != 0 {
				return nil
			}
		}
		makeOpaque(pixels)
	}
	return h.applyMask(section, maskAt, pixels)
}

// applyMask makes transparent what the mask has a 1 for. A mask that is cut short hides nothing where it is missing.
func (h *Header) applyMask(r *io.SectionReader, at int64, pixels []byte) error {
	row := make([]byte, (h.Width+31)/32*4)
	for y := h.Height - 1; y >= 0; y-- {
		if n, err := r.ReadAt(row, at); n < len(row) {
			if err == io.EOF {
				return nil
			}
			return err
		}
		at += int64(len(row))
		for x := range h.Width {
			if row[x/8]>>(7-x%8)&1 == 1 {
				pixels[(y*h.Width+x)*4+3] = 0
			}
		}
	}
	return nil
}

// EncodeIcon returns an ICO of one picture of 32 bits a pixel, a PNG of at most 256×256.
func EncodeIcon(picture []byte, width, height int) []byte {
	b := make([]byte, 0, icoHeader+icoEntry+len(picture))
	b = append(b, 0, 0, 1, 0, 1, 0)
	b = append(b, byte(width), byte(height), 0, 0) // 256 is written as 0
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, 32)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(picture)))
	b = binary.LittleEndian.AppendUint32(b, icoHeader+icoEntry)
	return append(b, picture...)
}
