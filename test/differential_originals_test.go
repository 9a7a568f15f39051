//go:build differential

package test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// mostPictures is how many files of the corpus are compared, and longestSide what larger ones are reduced to first.
const (
	mostPictures = 60
	longestSide  = 160
)

// An original is a file that operations are compared on.
type original struct {
	name string
	data []byte
}

// comparedOriginals are those that are always there and, if the corpus is beside the checkout, some of its good files from
// all over the list of their names.
func comparedOriginals(t *testing.T) []original {
	t.Helper()
	all := madeOriginals(t)
	files := corpusFiles(t, "good")
	if len(files) == 0 {
		t.Log("NOTICE: the corpus is not beside the checkout: only what is made for the test is compared")
	}
	for i := range min(mostPictures, len(files)) {
		path := files[i*len(files)/mostPictures]
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, original{filepath.Base(path), data})
	}
	return all
}

// madeOriginals are of all kinds that the standard library writes, in sizes that divide by little.
func madeOriginals(t *testing.T) (all []original) {
	t.Helper()
	for _, name := range []string{"landscape.jpg", "cutout.png"} {
		data, err := os.ReadFile(sample(t, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, original{name, data})
	}
	random := rand.New(rand.NewPCG(1, 2))
	byteOf := func() uint8 { return uint8(random.Uint32()) }
	whole := image.Rect(0, 0, 61, 43)
	noise, faint, soft := image.NewNRGBA(whole), image.NewNRGBA(whole), image.NewNRGBA(whole)
	gray, gray16 := image.NewGray(whole), image.NewGray16(whole)
	deep, faintDeep := image.NewNRGBA64(whole), image.NewNRGBA64(whole)
	bits := image.NewPaletted(whole, color.Palette{color.NRGBA{20, 20, 20, 255}, color.NRGBA{230, 230, 230, 255}})
	palette := image.NewPaletted(whole, color.Palette{color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 90, 255, 255}, color.NRGBA{}, color.NRGBA{250, 250, 40, 128}})
	for y := range whole.Dy() {
		for x := range whole.Dx() {
			noise.SetNRGBA(x, y, color.NRGBA{byteOf(), byteOf(), byteOf(), 255})
			faint.SetNRGBA(x, y, color.NRGBA{byteOf(), byteOf(), byteOf(), byteOf()})
			soft.SetNRGBA(x, y, color.NRGBA{uint8(4 * x), uint8(5 * y), uint8(255 - 2*x - 2*y), uint8(min(255, 6*x))})
			gray.SetGray(x, y, color.Gray{uint8(x*y) ^ uint8(3*x)})
			gray16.SetGray16(x, y, color.Gray16{uint16(1000*x + 91*y)})
			deep.SetNRGBA64(x, y, color.NRGBA64{uint16(1031 * x), uint16(1511 * y), uint16(700 * (x ^ y)), 65535})
			faintDeep.SetNRGBA64(x, y, color.NRGBA64{uint16(1031 * x), uint16(1511 * y), uint16(700 * (x ^ y)), uint16(1200 * (x + y) / 2)})
			bits.SetColorIndex(x, y, uint8(x/5+y/3)%2)
			palette.SetColorIndex(x, y, uint8(x/4+y/6)%4)
		}
	}
	part := func(width, height int) image.Image { return noise.SubImage(image.Rect(0, 0, width, height)) }
	for _, made := range []struct {
		name    string
		picture image.Image
	}{
		{"noise", noise},
		{"faint noise", faint},
		{"soft", soft},
		{"gray", gray},
		{"gray, 16 bits", gray16},
		{"color, 16 bits", deep},
		{"faint, 16 bits", faintDeep},
		{"1 bit", bits},
		{"palette", palette},
		{"one pixel", part(1, 1)},
		{"one column", part(1, 23)},
		{"one row", part(29, 1)},
		{"two pixels", part(2, 1)},
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, made.picture); err != nil {
			t.Fatal(err)
		}
		all = append(all, original{made.name, b.Bytes()})
	}
	return all
}
