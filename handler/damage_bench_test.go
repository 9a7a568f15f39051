package handler

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// grainy is a JPEG of a third of a byte a pixel, as cameras make them.
func grainy(b *testing.B, width, height int) []byte {
	picture := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for y := range height {
		for x := range width {
			picture.Y[picture.YOffset(x, y)] = uint8(100 + 80*x/width + 40*y/height + rand.IntN(24))
		}
	}
	for i := range picture.Cb {
		picture.Cb[i], picture.Cr[i] = 120, 140
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: 92}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkPrintOfAVerifiedOriginal says what it costs a print that its original is read and compared with its digest first.
func BenchmarkPrintOfAVerifiedOriginal(b *testing.B) {
	for _, size := range [][2]int{{1800, 1200}, {3600, 2700}} {
		s := serve(b, func(o *Options) { o.MaxUploadBytes = 32 << 20 })
		data := grainy(b, size[0], size[1])
		u := s.upload(data)
		path := s.blobPath(u)
		for _, verified := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dx%d (%d kB)/verified=%t", size[0], size[1], len(data)/1000, verified), func(b *testing.B) {
				width := 300
				for b.Loop() {
					if verified {
						// Another time of change is another file, which nobody has seen.
						if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
							b.Fatal(err)
						}
					}
					width++
					s.handler.prints.Purge(func(string) bool { return true })
					s.mustGet(fmt.Sprintf("%s/resize:%d.jpg", u.URL, 300+width%2))
				}
			})
		}
	}
}
