//go:build hostile

package test

import "slices"

// av1 is a key frame of AV1 (its bitstream specification, 5.5 and 5.9) of any size, without loss, in a few hundred bytes:
// where the data of a tile end, a decoder goes on with zeros, and finds only at the end that these were too many.
func av1(width, height uint64) []byte { return av1Dense(width, height, 0) }

// av1Dense is such a frame with so many bytes of data more, which make each block as expensive as it gets.
func av1Dense(width, height uint64, size int) []byte {
	sequence := bits{}
	sequence.put(0, 3)    // main profile
	sequence.put(0b11, 2) // one still picture
	sequence.put(31, 5)   // of no particular level
	sequence.put(15, 4)   // width and height have 16 bits
	sequence.put(15, 4)
	sequence.put(width-1, 16)
	sequence.put(height-1, 16)
	sequence.put(0, 6) // tools that are not used
	sequence.put(0, 4) // 8 bits, in color, which is not described, of studio range
	sequence.put(0, 2) // the place of the samples of color
	sequence.put(0, 2) // one step for both, no grain
	sequence.put(1, 1) // the end

	frame := bits{}
	frame.put(0, 2) // probabilities change, no tools for drawn pictures
	frame.put(0, 1) // to be shown as large as it is
	count := frame.tiles(width, height)
	frame.put(0, 8) // quantizer 0: without loss
	frame.put(0, 3) // for all planes
	frame.put(0, 1) // no matrices
	frame.put(0, 1) // no segments
	frame.put(0, 1) // all kinds of transform
	data := frame.bytes
	if count > 1 {
		data = append(data, 0) // all tiles follow
	}
	const short = 40
	for range count - 1 {
		data = append(append(data, short-1), repeat([]byte{0x5a}, short)...)
	}
	data = append(data, repeat([]byte{0x5a}, short+size)...)
	return slices.Concat(
		[]byte{0x12, 0}, // begins
		[]byte{0x0a}, sevens(len(sequence.bytes)), sequence.bytes,
		[]byte{0x32}, sevens(len(data)), data,
	)
}

// sevens writes a number seven bits a byte, the last first.
func sevens(n int) (b []byte) {
	for ; n > 127; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// tiles says that there are as few tiles as may be, all of one size, and returns their number.
func (b *bits) tiles(width, height uint64) int {
	const (
		block   = 64        // pixels
		widest  = 64        // blocks in a row of a tile
		largest = 36 * 64   // blocks in a tile
		most    = uint64(6) // columns, or rows, of tiles are at most 1<<6
	)
	columns, rows := (width+block-1)/block, (height+block-1)/block
	across := halvings(widest, columns)
	down := max(halvings(largest, columns*rows), across) - across
	b.put(1, 1) // of one size
	if across < min(halvings(1, columns), most) {
		b.put(0, 1) // no more columns than there must be
	}
	if down < min(halvings(1, rows), most) {
		b.put(0, 1)
	}
	if across+down == 0 {
		return 1
	}
	b.put(0, int(across+down)) // which one's probabilities are kept
	b.put(0, 2)                // the size of a tile is told in one byte
	in := func(blocks, halvings uint64) uint64 {
		each := (blocks + 1<<halvings - 1) >> halvings
		return (blocks + each - 1) / each
	}
	return int(in(columns, across) * in(rows, down))
}

// halvings is how often size must be doubled to reach whole.
func halvings(size, whole uint64) (n uint64) {
	for size<<n < whole {
		n++
	}
	return n
}
