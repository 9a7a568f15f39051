package transform

import (
	"encoding/binary"
	"math"
)

// Display P3 (SMPTE EG 432-1 primaries, adapted to D50 by the Bradford transform, and the curve of sRGB), as profiles describe it.
var (
	p3Primaries = []struct {
		tag string
		xyz [3]float64
	}{
		{"rXYZ", [3]float64{0.51512, 0.24120, -0.00105}}, {"gXYZ", [3]float64{0.29198, 0.69225, 0.04189}}, {"bXYZ", [3]float64{0.15710, 0.06657, 0.78407}},
	}
	p3Curves = []string{"rTRC", "gTRC", "bTRC"}
	// p3Curve are the parameters of a parametricCurveType of function 3: Y = (aX+b)^g from d on, cX below.
	p3Curve = []float64{2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045}
)

const p3Function = 3

// displayP3 is the profile of Display P3 that prints carry: of version 4.3 (ICC.1:2010), the smallest that all readers take. That of
// libvips is another one in each of its versions.
var displayP3 = newDisplayP3()

func newDisplayP3() profile {
	number := func(b []byte, v float64) []byte {
		return binary.BigEndian.AppendUint32(b, uint32(int32(math.Round(65536*v))))
	}
	numbers := func(kind string, values ...float64) []byte {
		b := []byte(kind + "\x00\x00\x00\x00")
		for _, v := range values {
			b = number(b, v)
		}
		return b
	}
	text := func(s string) []byte {
		b := []byte("mluc\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0cenUS")
		b = binary.BigEndian.AppendUint32(b, uint32(2*len(s)))
		b = binary.BigEndian.AppendUint32(b, 28) // where it begins
		for _, c := range []byte(s) {
			b = append(b, 0, c)
		}
		return b
	}
	white := []float64{0.9642, 1, 0.8249} // D50
	curve := []byte("para\x00\x00\x00\x00")
	curve = append(binary.BigEndian.AppendUint16(curve, p3Function), 0, 0)
	for _, v := range p3Curve {
		curve = number(curve, v)
	}
	// From the white of the display, D65, to D50.
	adaption := numbers("sf32", 1.04788, 0.02292, -0.05022, 0.02959, 0.99047, -0.01707, -0.00925, 0.01508, 0.75168)
	type entry struct {
		tag  string
		data []byte
	}
	entries := []entry{
		{"desc", text("Display P3")}, {"cprt", text("Public domain")}, {"wtpt", numbers("XYZ ", white...)}, {"chad", adaption},
	}
	for _, p := range p3Primaries {
		entries = append(entries, entry{p.tag, numbers("XYZ ", p.xyz[:]...)})
	}
	for _, tag := range p3Curves {
		entries = append(entries, entry{tag, curve})
	}
	const header, row = 128, 12
	table := binary.BigEndian.AppendUint32(nil, uint32(len(entries)))
	var data []byte
	places := map[string]int{} // of equal data
	for _, e := range entries {
		place, known := places[string(e.data)]
		if !known {
			place = header + 4 + row*len(entries) + len(data)
			places[string(e.data)] = place
			data = append(data, e.data...)
			for len(data)%4 != 0 {
				data = append(data, 0)
			}
		}
		table = append(table, e.tag...)
		table = binary.BigEndian.AppendUint32(table, uint32(place))
		table = binary.BigEndian.AppendUint32(table, uint32(len(e.data)))
	}
	p := make(profile, header, header+len(table)+len(data))
	binary.BigEndian.PutUint32(p, uint32(header+len(table)+len(data)))
	binary.BigEndian.PutUint32(p[8:], 0x04300000)
	copy(p[12:], "mntrRGB XYZ ")
	binary.BigEndian.PutUint16(p[24:], 2026) // a date: the day on which this profile was made
	p[27], p[29] = 11, 25
	copy(p[36:], "acsp")
	copy(p[68:], numbers("", white...)[4:])
	return append(append(p, table...), data...)
}
