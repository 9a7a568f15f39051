//go:build hostile

package test

import (
	"bytes"
	"compress/flate"
	endian "encoding/binary"
	"slices"
	"strings"
	"sync"
)

// A specimen is a file that is uploaded, made when it is needed.
type specimen struct {
	name    string        // the family, a slash, and what is special
	build   func() []byte // always the same bytes, in a slice of the caller's own
	visible bool          // the structure alone shows that it must be refused: no decoder need look at it
}

func (s specimen) family() string {
	family, _, _ := strings.Cut(s.name, "/")
	return family
}

// bombs returns files that are small to send and expensive to read, or pretend to be, and files that are no images. Which of
// them are visible follows from the default limits of the program: 50 megapixels in all frames, 16,384 pixels a side, 100
// scans, 4 MiB of color profile and 16 MiB of metadata as stored.
func bombs() []specimen {
	return slices.Concat(
		pngBombs(), pngChunkBombs(), jpegBombs(), jpegSegmentBombs(), gifBombs(), webpBombs(), avifBombs(), avifTableBombs(),
		tiffBombs(), tiffTableBombs(), strangers(), exploits("http://127.0.0.1:9", "/etc/passwd"),
	)
}

// same returns a builder of bytes that cost nothing to make.
func same(file []byte) func() []byte {
	return func() []byte { return bytes.Clone(file) }
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func repeat(part []byte, count int) []byte { return bytes.Repeat(part, count) }

func be16(numbers ...uint16) (b []byte) {
	for _, n := range numbers {
		b = endian.BigEndian.AppendUint16(b, n)
	}
	return b
}

func be32(numbers ...uint32) (b []byte) {
	for _, n := range numbers {
		b = endian.BigEndian.AppendUint32(b, n)
	}
	return b
}

func le16(numbers ...uint16) (b []byte) {
	for _, n := range numbers {
		b = endian.LittleEndian.AppendUint16(b, n)
	}
	return b
}

func le24(numbers ...uint32) (b []byte) {
	for _, n := range numbers {
		b = append(b, byte(n), byte(n>>8), byte(n>>16))
	}
	return b
}

func le32(numbers ...uint32) (b []byte) {
	for _, n := range numbers {
		b = endian.LittleEndian.AppendUint32(b, n)
	}
	return b
}

func le64(numbers ...uint64) (b []byte) {
	for _, n := range numbers {
		b = endian.LittleEndian.AppendUint64(b, n)
	}
	return b
}

// bits collects numbers of any width: the most significant bit first, as in AV1 and TIFF, or last, as in GIF and WebP.
type bits struct {
	lastFirst bool
	bytes     []byte
	used      int // bits of the last byte
}

func (b *bits) put(value uint64, width int) {
	for i := range width {
		at := width - 1 - i
		if b.lastFirst {
			at = i
		}
		if b.used == 0 {
			b.bytes = append(b.bytes, 0)
		}
		place := 7 - b.used
		if b.lastFirst {
			place = b.used
		}
		b.bytes[len(b.bytes)-1] |= byte(value>>at&1) << place
		b.used = (b.used + 1) % 8
	}
}

// zeroBlock is a megabyte of zeros as deflate packs them, about a kilobyte. It ends at a byte and refers to nothing before
// it, so that it may be repeated.
var zeroBlock = sync.OnceValue(func() []byte {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	must(w.Write(make([]byte, 1<<20)))
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return packed.Bytes()
})

// deflated returns a zlib stream of start and, after it, count zeros. It takes a kilobyte and a microsecond for each
// megabyte of them.
func deflated(start []byte, count int) []byte {
	var tail bytes.Buffer
	w, err := flate.NewWriter(&tail, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	blocks := count >> 20
	must(w.Write(start))
	if err := w.Flush(); err != nil {
		panic(err)
	}
	stream := join([]byte{0x78, 0xda}, tail.Bytes(), repeat(zeroBlock(), blocks))
	tail.Reset()
	w.Reset(&tail)
	must(w.Write(make([]byte, count-blocks<<20)))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return join(stream, tail.Bytes(), be32(adler(start, count)))
}

// adler is the checksum of start and count zeros after it: a zero adds the first sum to the second, and nothing to itself.
func adler(start []byte, count int) uint32 {
	const modulus = 65521
	a, b := uint32(1), uint32(0)
	for _, c := range start {
		a = (a + uint32(c)) % modulus
		b = (b + a) % modulus
	}
	b = uint32((uint64(b) + uint64(a)*uint64(count)) % modulus)
	return b<<16 | a
}

// lzw returns the LZW codes of count zero pixels of 8 bits, each code one pixel longer than the last: a few kilobytes for
// a gigapixel. GIF counts from the last bit of a byte on; TIFF from the first, and takes wide codes one code early.
func lzw(count int, forTIFF bool) []byte {
	const (
		restart, end, first = 256, 257, 258
		widest              = 12
	)
	early := 0
	if forTIFF {
		early = 1
	}
	b := bits{lastFirst: !forTIFF}
	b.put(restart, 9)
	width, next := 9, first-1 // the code that the reader adds with the one that follows; the first adds none
	for length := 1; count > 0; length++ {
		code := next
		if length == 1 {
			code = 0
		} else if length > count {
			code = first + count - 2
			if count == 1 {
				code = 0
			}
		}
		b.put(uint64(code), width)
		count -= min(length, count)
		next++
		if next+early == 1<<width && width < widest {
			width++
		}
		if next == 1<<widest-2 {
			b.put(restart, width)
			width, next, length = 9, first-1, 0
		}
	}
	b.put(end, width)
	return b.bytes
}

// must is for writes to memory, which cannot fail.
func must(_ int, err error) {
	if err != nil {
		panic(err)
	}
}
