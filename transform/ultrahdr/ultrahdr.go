// Package ultrahdr joins a JPEG and its gain map to one file: an Ultra HDR image (Ultra HDR Image Format, version 1.1), which old
// viewers show as the JPEG that it begins with, and screens of high dynamic range brighter where the gain map says so.
package ultrahdr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A GainMap is an image that tells by how much each place of another is brighter on a screen of high dynamic range, and how to
// read it. Numbers for red, green and blue are factors, not logarithms.
type GainMap struct {
	JPEG                     []byte // without metadata
	Max, Min                 [3]float64
	Gamma                    [3]float64
	OffsetSDR, OffsetHDR     [3]float64
	CapacityMin, CapacityMax float64 // the headroom of screens from which on some, and all, of the gain is applied
}

// ErrJPEG says that what is to be joined is no JPEG.
var ErrJPEG = errors.New("no JPEG")

const (
	markerAPP0 = 0xe0
	markerAPP1 = 0xe1
	markerAPP2 = 0xe2
)

// Join returns the image and its gain map as one file. The image must have no XMP of its own. Neither slice is kept or changed.
func Join(image []byte, m *GainMap) ([]byte, error) {
	at, err := afterHead(image)
	if err != nil {
		return nil, err
	}
	if len(m.JPEG) < 4 || m.JPEG[0] != 0xff || m.JPEG[1] != 0xd8 {
		return nil, fmt.Errorf("%w: the gain map", ErrJPEG)
	}
	second := append(append(bytes.Clone(m.JPEG[:2]), xmp(m.description())...), m.JPEG[2:]...)
	directory := xmp(container(len(second)))
	// The index of pictures stands behind the directory, and counts offsets from the end of its own name.
	const mark = 4 + len(indexName)
	origin := at + len(directory) + mark
	first := len(image) + len(directory) + mark + indexBytes
	var out bytes.Buffer
	out.Grow(first + len(second))
	out.Write(image[:at])
	out.Write(directory)
	out.Write(segment(markerAPP2, append([]byte(indexName), index(first, len(second), first-origin)...)))
	out.Write(image[at:])
	out.Write(second)
	return out.Bytes(), nil
}

// afterHead returns where in a JPEG the segments end that other programs expect first: JFIF and EXIF.
func afterHead(image []byte) (int, error) {
	if len(image) < 4 || image[0] != 0xff || image[1] != 0xd8 {
		return 0, fmt.Errorf("%w: the image", ErrJPEG)
	}
	at := 2
	for at+4 <= len(image) && image[at] == 0xff && (image[at+1] == markerAPP0 || image[at+1] == markerAPP1) {
		at += 2 + int(binary.BigEndian.Uint16(image[at+2:]))
	}
	if at > len(image) {
		return 0, fmt.Errorf("%w: the image is cut short", ErrJPEG)
	}
	return at, nil
}

// segment returns a marker segment of a JPEG (ITU-T T.81, B.1.1.4).
func segment(marker byte, data []byte) []byte {
	s := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2))
	return append(s, data...)
}

// xmp returns a segment with an XMP packet (XMP Specification, part 3, 1.1.3) that has one description.
func xmp(description string) []byte {
	return segment(markerAPP1, []byte("http://ns.adobe.com/xap/1.0/\x00"+
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">`+
		`<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"`+description+
		`</rdf:Description></rdf:RDF></x:xmpmeta>`))
}

// container lists what is in the file, of which the gain map has so many bytes.
func container(gainMapBytes int) string {
	return ` xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/">` +
		`<Container:Directory><rdf:Seq>` +
		`<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>` +
		`<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="` + strconv.Itoa(gainMapBytes) + `"/></rdf:li>` +
		`</rdf:Seq></Container:Directory>`
}

// description says how the gain map is to be read; gains are logarithms to the base 2.
func (m *GainMap) description() string {
	var attributes, elements strings.Builder
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 32) }
	log2 := func(v [3]float64) [3]float64 { return [3]float64{math.Log2(v[0]), math.Log2(v[1]), math.Log2(v[2])} }
	one := func(name, value string) { fmt.Fprintf(&attributes, ` hdrgm:%s="%s"`, name, value) }
	three := func(name string, v [3]float64) {
		if v[0] == v[1] && v[0] == v[2] {
			one(name, number(v[0]))
			return
		}
		fmt.Fprintf(&elements, `<hdrgm:%s><rdf:Seq><rdf:li>%s</rdf:li><rdf:li>%s</rdf:li><rdf:li>%s</rdf:li></rdf:Seq></hdrgm:%s>`,
			name, number(v[0]), number(v[1]), number(v[2]), name)
	}
	three("GainMapMin", log2(m.Min))
	three("GainMapMax", log2(m.Max))
	three("Gamma", m.Gamma)
	three("OffsetSDR", m.OffsetSDR)
	three("OffsetHDR", m.OffsetHDR)
	one("HDRCapacityMin", number(math.Log2(m.CapacityMin)))
	one("HDRCapacityMax", number(math.Log2(m.CapacityMax)))
	one("BaseRenditionIsHDR", "False")
	return attributes.String() + ">" + elements.String()
}

const (
	indexName  = "MPF\x00"
	indexBytes = 82
)

// index is the MP index of two pictures (CIPA DC-007, Multi-Picture Format): a TIFF structure with one directory. The first has
// so many bytes, the second too, and that begins at the offset from here.
func index(first, second, offset int) []byte {
	const undefined, long = 7, 4
	number := binary.BigEndian.AppendUint32
	field := func(b []byte, tag, kind uint16, count, value uint32) []byte {
		b = binary.BigEndian.AppendUint16(b, tag)
		b = binary.BigEndian.AppendUint16(b, kind)
		return number(number(b, count), value)
	}
	b := []byte("MM\x00\x2a\x00\x00\x00\x08\x00\x03")
	b = field(b, 0xb000, undefined, 4, binary.BigEndian.Uint32([]byte("0100")))
	b = field(b, 0xb001, long, 1, 2)
	b = field(b, 0xb002, undefined, 32, 50) // the entries stand behind the directory
	b = number(b, 0)                        // there is no other directory
	const primary = 0x030000
	b = number(number(number(number(b, primary), uint32(first)), 0), 0)
	return number(number(number(number(b, 0), uint32(second)), uint32(offset)), 0)
}
