package transform

// #include "vips.h"
import "C"

import (
	"bytes"
	"math"
	"os"
	"runtime"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/sniff"
	"calotype/transform/ultrahdr"
)

// A gainMap is what an Ultra HDR original says of its brightness beyond white. It follows the geometry of the print.
type gainMap struct {
	ultrahdr.GainMap
	picture *vips.ImageRef // of the map, in memory
}

// takesGainMap tells whether the print could have a gain map, if the original does: both are JPEG, nothing changes the colors, there is no
// XMP of the original, which would speak of the map as it was, and bytes are not counted.
func (p *Plan) takesGainMap() bool {
	if p.Format != jpeg || p.Encoding.Metadata == "keep" || p.Encoding.MaxBytes > 0 {
		return false
	}
	for _, s := range p.Steps {
		switch s.(type) {
		case extract, scale, turn, mirror, attend, trimming:
		default:
			return false
		}
	}
	return true
}

// findGainMap looks for a gain map in the original and notes whether the print has it. It returns nil if the print has none, such as
// for a map that is broken.
func (j *job) findGainMap(file *os.File) *gainMap {
	p := j.plan
	info, err := file.Stat()
	// The library copies the file, several times, so that it must be small beside the picture.
	if err != nil || p.Original.Format != jpeg.Name || j.look || info.Size() > p.Cost().Memory/12 || !can("uhdrload_source") {
		return nil
	}
	header, err := sniff.Read(file, info.Size())
	if err != nil || !header.MultiPicture {
		return nil
	}
	var numbers [18]C.double
	var opened *C.VipsImage
	code := C.calotype_open_gain_map(C.int(file.Fd()), &opened, &numbers[0])
	runtime.KeepAlive(file)
	if code != 0 {
		forgetErrors()
		return nil
	}
	holder := wrap(opened)
	defer holder.Close()
	if !p.takesGainMap() {
		j.notes = append(j.notes, notedNoGainMap)
		return nil
	}
	m := &gainMap{GainMap: readGainMap(numbers)}
	if numbers[17] == 0 || !m.sound() || !m.decode(holder, p.Original.Size) {
		forgetErrors()
		j.notes = append(j.notes, notedNoGainMap)
		return nil
	}
	return m
}

func readGainMap(numbers [18]C.double) ultrahdr.GainMap {
	three := func(i int) (v [3]float64) {
		for k := range v {
			v[k] = float64(numbers[i+k])
		}
		return v
	}
	return ultrahdr.GainMap{
		Max: three(0), Min: three(3), Gamma: three(6), OffsetSDR: three(9), OffsetHDR: three(12),
		CapacityMin: float64(numbers[15]), CapacityMax: float64(numbers[16]),
	}
}

// sound tells whether the numbers are ones that can be written: gains and capacities are logarithms there.
func (m *gainMap) sound() bool {
	positive := []float64{m.CapacityMin, m.CapacityMax}
	all := append([]float64{}, m.OffsetSDR[:]...)
	all = append(all, m.OffsetHDR[:]...)
	for _, v := range [][3]float64{m.Max, m.Min, m.Gamma} {
		positive = append(positive, v[:]...)
	}
	for _, v := range positive {
		if !(v > 0) {
			return false
		}
	}
	for _, v := range append(all, positive...) {
		if math.IsNaN(v) || math.Abs(v) > 1e6 {
			return false
		}
	}
	return true
}

// decode decodes the map that an image holds, and tells whether it is one for a picture of a size.
func (m *gainMap) decode(holder *vips.ImageRef, size Size) bool {
	var length C.size_t
	data := C.calotype_gain_map_data(image(holder), &length)
	if data == nil {
		return false
	}
	file := C.GoBytes(data, C.int(length))
	runtime.KeepAlive(holder)
	header, err := sniff.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil || header.Format != sniff.JPEG || header.Scans > maxScans || header.Width > size.Width || header.Height > size.Height {
		return false
	}
	if header.Progressive && 4*header.Pixels > size.Pixels() {
		return false // all of its coefficients would stand in memory beside those of the picture
	}
	shrink := 1
	if 2*header.Pixels > size.Pixels() {
		shrink = 2 // it stands in memory beside the picture
	}
	var decoded *C.VipsImage
	if C.calotype_decode_gain_map(image(holder), C.int(shrink), &decoded) != 0 {
		return false
	}
	m.picture = wrap(decoded)
	if bands := m.picture.Bands(); bands != 1 && bands != 3 {
		m.picture.Close()
		return false
	}
	return true
}

// follow does to the map what a step does to a picture of size in, and tells whether that is possible.
func (m *gainMap) follow(step Step, in Size) bool {
	size := Size{m.picture.Width(), m.picture.Height()}
	across, down := float64(size.Width)/float64(in.Width), float64(size.Height)/float64(in.Height)
	mapped := func(s Size) Size {
		return Size{min(size.Width, atLeastOne(float64(s.Width)*across)), min(size.Height, atLeastOne(float64(s.Height)*down))}
	}
	var err error
	switch s := step.(type) {
	case turn, mirror:
		err = step.(directStep).Run(m.picture)
	case scale:
		if to := mapped(s.size); to != size {
			err = resample(m.picture, to, "linear")
		}
	case extract:
		to := mapped(s.size)
		err = replace(m.picture, func(in *C.VipsImage, out **C.VipsImage) C.int {
			return C.calotype_part(in, out, C.double(float64(s.left)*across), C.double(float64(s.top)*down),
				C.double(float64(s.size.Width)*across), C.double(float64(s.size.Height)*down), C.int(to.Width), C.int(to.Height))
		})
	default:
		return false
	}
	return err == nil
}

// encode writes the map, which no other step follows, as a JPEG.
func (m *gainMap) encode(e Encoding) error {
	var err error
	// In the full resolution of colors: samples are exponents, if there are three of them too.
	m.JPEG, err = encode(m.picture, jpeg, Encoding{Quality: e.Quality, Effort: e.Effort, Subsample: "444", Metadata: "strip"})
	return err
}
