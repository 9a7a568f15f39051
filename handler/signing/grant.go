package signing

import (
	"bytes"
	"errors"
)

// A grant says what may follow the part of an address that is signed, so that a page can choose the size and the format of a picture.
// It is written as its parts with "_" between, in this order, each of which may be missing but the last:
//
//	w1600s80       /resize:N must follow, N a multiple of 80 up to 1600; without s80 of 1
//	d3             /dpr:N may follow then, N from 1 to 3 in steps of a half
//	avif-webp-jpg  one of these extensions must follow then; without it there is none
//	n1             so many segments behind the signature are signed
//
// Where neither a width nor a density is granted, the extension follows the last segment that is signed.
type grant struct {
	width, step int // pixels; 0 for no width
	density     int // 0 for none
	formats     []byte
	fixed       int // segments
}

// Bounds of a grant.
const (
	maxGrant   = 128   // characters
	maxWidth   = 65535 // pixels, as resize has it
	maxDensity = 4     // as dpr has it
	maxFixed   = 40    // segments, as the grammar has it
)

var errGrant = errors.New("a grant is written as w1600s80_d3_avif-webp-jpg: widths up to the first number in steps of the second, densities, formats")

// parseGrant reads a grant as it stands in an address.
func parseGrant(text []byte) (g grant, ok bool) {
	if len(text) > maxGrant {
		return grant{}, false
	}
	part, rest := cutPart(text)
	if width, behind, ok := number(part, 'w', maxWidth); ok {
		g.width, g.step = width, 1
		if len(behind) > 0 {
			if g.step, behind, ok = number(behind, 's', width); !ok || len(behind) > 0 {
				return grant{}, false
			}
		}
		part, rest = cutPart(rest)
	}
	if density, behind, ok := number(part, 'd', maxDensity); ok && len(behind) == 0 {
		g.density = density
		part, rest = cutPart(rest)
	}
	if fixed, behind, ok := number(part, 'n', maxFixed); ok && len(behind) == 0 {
		g.fixed = fixed
		return g, len(rest) == 0
	}
	g.formats = part
	part, rest = cutPart(rest)
	fixed, behind, ok := number(part, 'n', maxFixed)
	g.fixed = fixed
	return g, ok && len(behind) == 0 && len(rest) == 0 && areFormats(g.formats)
}

// cutPart splits a grant behind its first part.
func cutPart(text []byte) (part, rest []byte) {
	part, rest, _ = bytes.Cut(text, []byte("_"))
	return part, rest
}

// number reads a letter and a number from 1 to most, without leading zeros.
func number(text []byte, letter byte, most int) (n int, rest []byte, ok bool) {
	if len(text) < 2 || text[0] != letter {
		return 0, nil, false
	}
	n, rest = decimal(text[1:], most)
	return n, rest, n > 0
}

// decimal reads a number from 1 to most without leading zeros; 0 if there is none.
func decimal(text []byte, most int) (n int, rest []byte) {
	i := 0
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9' && n <= most; i++ {
		n = 10*n + int(text[i]-'0')
	}
	if i == 0 || text[0] == '0' || n > most {
		return 0, nil
	}
	return n, text[i:]
}

// areFormats tells whether a text is names of formats, of two letters or more, with hyphens between.
func areFormats(text []byte) bool {
	for more := true; more; {
		var name []byte
		name, text, more = bytes.Cut(text, []byte("-"))
		if len(name) < 2 {
			return false
		}
		for _, c := range name {
			if c < 'a' || c > 'z' {
				return false
			}
		}
	}
	return true
}

// extensionOf returns the place of the dot before an extension at the end of a segment; the length of the text if there is none. Only what
// stands after the last dot and begins with a letter is one, as in the grammar, and none is in a segment that has a slash in it: that is
// the address of a remote image.
func extensionOf(segment []byte) int {
	i := bytes.LastIndexByte(segment, '.')
	if i < 0 || i+1 == len(segment) || bytes.Contains(segment, []byte("%2F")) {
		return len(segment)
	}
	if c := segment[i+1] | 0x20; c < 'a' || c > 'z' {
		return len(segment)
	}
	return i
}

// allows tells whether what follows the part that is signed is granted.
func (g *grant) allows(free []byte) bool {
	if g.width > 0 {
		width, rest := decimal(behind(free, "/resize"), g.width)
		if width == 0 || width%g.step != 0 {
			return false
		}
		free = rest
	}
	if g.density > 0 && len(free) > 0 && free[0] == '/' {
		density, rest := decimal(behind(free, "/dpr"), g.density)
		if density == 0 {
			return false
		}
		if half := []byte(".5"); density < g.density && bytes.HasPrefix(rest, half) {
			rest = rest[len(half):]
		}
		free = rest
	}
	if len(g.formats) == 0 {
		return len(free) == 0
	}
	return len(free) > 1 && free[0] == '.' && g.takes(free[1:])
}

// behind returns what follows a name and a colon, or an equals sign, which stands for it; nil if the text begins otherwise.
func behind(text []byte, name string) []byte {
	if len(text) > len(name) && string(text[:len(name)]) == name && (text[len(name)] == ':' || text[len(name)] == '=') {
		return text[len(name)+1:]
	}
	return nil
}

// takes tells whether a format is granted.
func (g *grant) takes(format []byte) bool {
	for formats := g.formats; len(formats) > 0; {
		var f []byte
		f, formats, _ = bytes.Cut(formats, []byte("-"))
		if bytes.Equal(f, format) {
			return true
		}
	}
	return false
}
