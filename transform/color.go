package transform

import (
	"strconv"
	"strings"

	"golang.org/x/image/colornames"
)

// RGBA is a color of the sRGB space with straight (not premultiplied) alpha.
type RGBA struct{ R, G, B, A uint8 }

var (
	white       = RGBA{255, 255, 255, 255}
	transparent = RGBA{}
)

// gray tells whether the color has no hue, so that a picture of one band can hold it.
func (c RGBA) gray() bool { return c.R == c.G && c.G == c.B }

// String returns the canonical spelling: six hexadecimal digits, or eight if the color is not opaque.
func (c RGBA) String() string {
	const digits = "0123456789abcdef"
	parts := []uint8{c.R, c.G, c.B, c.A}
	if c.A == 255 {
		parts = parts[:3]
	}
	b := make([]byte, 0, 8)
	for _, p := range parts {
		b = append(b, digits[p>>4], digits[p&15])
	}
	return string(b)
}

// parseColor reads a color as CSS writes it, without the number sign: three, four, six or eight hexadecimal digits
// (red, green, blue and, if given, alpha), or a name of CSS Color Module Level 4.
func parseColor(s string) (RGBA, bool) {
	switch s {
	case "transparent":
		return transparent, true
	case "rebeccapurple":
		return RGBA{0x66, 0x33, 0x99, 255}, true
	}
	if named, ok := colornames.Map[s]; ok {
		return RGBA{named.R, named.G, named.B, 255}, true
	}
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || strings.ContainsAny(s, "+-_") {
		return RGBA{}, false
	}
	switch len(s) {
	case 3:
		return RGBA{double(n >> 8), double(n >> 4), double(n), 255}, true
	case 4:
		return RGBA{double(n >> 12), double(n >> 8), double(n >> 4), double(n)}, true
	case 6:
		return RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}, true
	case 8:
		return unpackColor(float64(n)), true
	}
	return RGBA{}, false
}

// double spreads one hexadecimal digit over a byte: f is ff.
func double(n uint64) uint8 { return uint8(n&15) * 17 }

// pack and unpackColor carry a color through a Value.
func (c RGBA) pack() float64 {
	return float64(uint32(c.R)<<24 | uint32(c.G)<<16 | uint32(c.B)<<8 | uint32(c.A))
}

func unpackColor(v float64) RGBA {
	n := uint32(v)
	return RGBA{uint8(n >> 24), uint8(n >> 16), uint8(n >> 8), uint8(n)}
}
