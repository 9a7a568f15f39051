package transform

// #include "vips.h"
import "C"

import (
	"encoding/binary"
	"math"
	"runtime"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"
)

// colors are the space in which a print is made. A frame without a profile is in sRGB, or gray; one in another space carries
// the profile of that.
type colors C.CalotypeColors

const (
	inSRGB      = colors(C.COLORS_SRGB)
	inDisplayP3 = colors(C.COLORS_P3)
	stayingInP3 = colors(C.COLORS_P3_AS_IS) // where the original is already
	inOwn       = colors(C.COLORS_OWN)      // those of the original's profile
)

// maxKeptProfile is the size of the largest profile that a print takes over, in bytes.
const maxKeptProfile = 1 << 20

// chooseColors tells in which space the print of a frame, as it was loaded, is made, given the word of the icc setting. Formats
// that carry no profile know sRGB only.
func chooseColors(frame *vips.ImageRef, which string, f *Format) colors {
	if !f.Takes(icc) {
		return inSRGB
	}
	p := profileOf(frame)
	switch {
	case (which == "p3" || which == "auto") && p.isDisplayP3():
		return stayingInP3
	case which == "p3" && frame.Bands() >= 3, which == "auto" && p.wide():
		return inDisplayP3
	case which == "keep" && len(p) > 0 && len(p) <= maxKeptProfile && C.calotype_fits_profile(image(frame)) != 0:
		return inOwn
	}
	return inSRGB
}

// converts tells whether a frame, as it was loaded, has to be converted to be in a space.
func converts(frame *vips.ImageRef, to colors) bool {
	return to == inDisplayP3 || to == inSRGB && C.calotype_is_srgb(image(frame)) == 0
}

// note says in which colors a print is that carries a profile.
func (c colors) note() note {
	if c == inOwn {
		return notedProfile
	}
	return notedP3
}

// carriesProfile tells whether a frame is in another space than sRGB.
func carriesProfile(frame *vips.ImageRef) bool { return len(profileOf(frame)) > 0 }

// toSRGB converts a frame that is in another space.
func toSRGB(frame *vips.ImageRef) error {
	if !carriesProfile(frame) {
		return nil
	}
	return toWorking(frame, deep(frame), inSRGB)
}

// A profile is an ICC profile (ICC.1:2022): a header of 128 bytes, and a table of tags that says where their data are.
type profile []byte

// profileOf returns a copy of the profile of a frame; it is empty if there is none.
func profileOf(frame *vips.ImageRef) profile {
	var length C.size_t
	data := C.calotype_profile(image(frame), &length)
	if data == nil {
		return nil
	}
	copied := C.GoBytes(data, C.int(length))
	runtime.KeepAlive(frame)
	return copied
}

// tag returns the data of a tag, or nil.
func (p profile) tag(name string) []byte {
	const header, entry, mostTags = 128, 12, 100
	if len(p) < header+4 {
		return nil
	}
	count := min(binary.BigEndian.Uint32(p[header:]), mostTags)
	for i := range int(count) {
		at := header + 4 + entry*i
		if at+entry > len(p) {
			return nil
		}
		if string(p[at:at+4]) != name {
			continue
		}
		start, length := uint64(binary.BigEndian.Uint32(p[at+4:])), uint64(binary.BigEndian.Uint32(p[at+8:]))
		if start+length > uint64(len(p)) {
			return nil
		}
		return p[start : start+length]
	}
	return nil
}

// fixedPoint reads the number at i of an array of s15Fixed16Number.
func fixedPoint(data []byte, i int) float64 {
	return float64(int32(binary.BigEndian.Uint32(data[4*i:]))) / 65536
}

// xyz returns an XYZType value, relative to D50, and false if there is none.
func (p profile) xyz(name string) (v [3]float64, ok bool) {
	const head = 8 // signature and reserved bytes
	data := p.tag(name)
	if len(data) < head+12 || string(data[:4]) != "XYZ " {
		return v, false
	}
	for i := range v {
		v[i] = fixedPoint(data[head:], i)
	}
	return v, true
}

// toLinearSRGB leads from XYZ relative to D50 to linear sRGB: the inverse of the primaries of the sRGB profile (IEC 61966-2-1,
// adapted by the Bradford transform).
var toLinearSRGB = [3][3]float64{
	{3.1338561, -1.6168667, -0.4906146},
	{-0.9787684, 1.9161415, 0.0334540},
	{0.0719453, -0.2289914, 1.4052427},
}

// wide tells whether the profile is of an RGB space by primaries one of which sRGB clearly lacks: Display P3, Adobe RGB,
// ProPhoto, Rec. 2020.
func (p profile) wide() bool {
	const clearly = -0.03 // of a component; P3's green has −0.22, variants of sRGB stay above −0.01
	if len(p) < 20 || string(p[16:20]) != "RGB " {
		return false
	}
	lacking := false
	for _, name := range []string{"rXYZ", "gXYZ", "bXYZ"} {
		v, ok := p.xyz(name)
		if !ok {
			return false
		}
		for _, row := range toLinearSRGB {
			if row[0]*v[0]+row[1]*v[1]+row[2]*v[2] < clearly {
				lacking = true
			}
		}
	}
	return lacking
}

// isDisplayP3 tells whether the profile is one of Display P3, so that a transform would change nothing.
func (p profile) isDisplayP3() bool {
	for _, want := range p3Primaries {
		v, ok := p.xyz(want.tag)
		if !ok || !near(v[:], want.xyz[:], 0.002) {
			return false
		}
	}
	for _, name := range p3Curves {
		const head = 12
		data := p.tag(name)
		if len(data) < head+4*len(p3Curve) || string(data[:4]) != "para" || binary.BigEndian.Uint16(data[8:]) != p3Function {
			return false
		}
		var curve [5]float64
		for i := range curve {
			curve[i] = fixedPoint(data[head:], i)
		}
		if !near(curve[:], p3Curve, 0.002) {
			return false
		}
	}
	return len(p) >= 20 && string(p[16:20]) == "RGB "
}

func near(a, b []float64, tolerance float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > tolerance {
			return false
		}
	}
	return true
}

// toSpaceOf converts a picture in sRGB, of the number format of a frame, to the space of the profile that the frame carries.
func toSpaceOf(picture, frame *vips.ImageRef) error {
	err := replace(picture, func(in *C.VipsImage, out **C.VipsImage) C.int { return C.calotype_to_space_of(in, image(frame), out) })
	runtime.KeepAlive(frame)
	return err
}

// inkIn converts a color to the space of a frame that carries a profile. Each of the three is one step of 8 bits.
func inkIn(frame *vips.ImageRef, color RGBA) ([3]float64, error) {
	var samples [3]C.double
	rgb := [3]C.double{C.double(color.R), C.double(color.G), C.double(color.B)}
	code := C.calotype_ink(image(frame), (*C.double)(unsafe.Pointer(&rgb[0])), (*C.double)(unsafe.Pointer(&samples[0])))
	runtime.KeepAlive(frame)
	if code != 0 {
		return [3]float64{}, vipsError()
	}
	return [3]float64{float64(samples[0]), float64(samples[1]), float64(samples[2])}, nil
}
