package sniff

import (
	"encoding/binary"
	"fmt"
	"io"
)

// SizeOfJXL reads the width and the height of a JPEG XL picture as stored: from the size header of its codestream (ISO/IEC 18181-1, D.3),
// which stands at the beginning or in the first box of codestream (18181-2). The error wraps ErrBroken.
func SizeOfJXL(r io.ReaderAt, size int64) (width, height int, err error) {
	at, err := codestreamOfJXL(r, size)
	if err != nil {
		return 0, 0, err
	}
	var head [16]byte // two bytes of a signature, and at most 79 bits
	if n, err := r.ReadAt(head[:], at); n < 3 || err != nil && err != io.EOF {
		return 0, 0, fmt.Errorf("%w: the JPEG XL ends within its header", ErrBroken)
	}
	if head[0] != 0xff || head[1] != 0x0a {
		return 0, 0, fmt.Errorf("%w: no codestream of JPEG XL", ErrBroken)
	}
	bits := lowBits{data: head[2:]}
	ratios := [8][2]int{1: {1, 1}, 2: {12, 10}, 3: {4, 3}, 4: {3, 2}, 5: {16, 9}, 6: {5, 4}, 7: {2, 1}}
	var side func() int
	if small := bits.take(1) == 1; small {
		side = func() int { return 8 * (bits.take(5) + 1) }
	} else {
		side = func() int { return bits.take([4]int{9, 13, 18, 30}[bits.take(2)]) + 1 }
	}
	height = side()
	if ratio := ratios[bits.take(3)]; ratio[1] > 0 {
		width = int(int64(height) * int64(ratio[0]) / int64(ratio[1]))
	} else {
		width = side()
	}
	return width, height, nil
}

// codestreamOfJXL returns where the codestream begins.
func codestreamOfJXL(r io.ReaderAt, size int64) (int64, error) {
	const mostBoxes = 64
	var head [8]byte
	if _, err := r.ReadAt(head[:1], 0); err == nil && head[0] == 0xff {
		return 0, nil
	}
	for at, boxes := int64(0), 0; boxes < mostBoxes && at+8 <= size; boxes++ {
		if _, err := r.ReadAt(head[:], at); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrBroken, err)
		}
		switch string(head[4:]) {
		case "jxlc":
			return at + 8, nil
		case "jxlp":
			return at + 12, nil // behind its number
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		if length < 8 {
			break
		}
		at += length
	}
	return 0, fmt.Errorf("%w: a JPEG XL without a codestream", ErrBroken)
}

// lowBits reads numbers from bytes, the lowest bits first. Beyond the end there are zeros.
type lowBits struct {
	data []byte
	next int // bit
}

func (b *lowBits) take(n int) (v int) {
	for i := range n {
		if at := b.next / 8; at < len(b.data) {
			v |= int(b.data[at]>>(b.next%8)&1) << i
		}
		b.next++
	}
	return v
}
