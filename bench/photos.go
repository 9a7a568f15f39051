package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// corpus is where photos are looked for unless -photos says otherwise.
const corpus = "../shared/corpus/good"

// What counts as a photo: not a thumbnail, and not a file made to break decoders.
const (
	leastPixels = 0.5e6
	mostPixels  = 100e6
)

type photo struct {
	name          string
	width, height int // as stored, not as turned by EXIF
	data          []byte
}

// choosePhotos returns the photos of dir, or of the corpus, or made ones, and says in words which.
func choosePhotos(dir string) (photos []photo, from string, err error) {
	if dir == "" {
		if _, err := os.Stat(corpus); err != nil {
			return syntheticPhotos(4, 4000, 3000), "4 made ones of 12 megapixels", nil
		}
		dir = filepath.FromSlash(corpus)
	}
	photos, files, err := findPhotos(dir)
	if err == nil && len(photos) == 0 {
		err = fmt.Errorf("no whole JPEG file of %g to %g megapixels in %s", leastPixels/1e6, mostPixels/1e6, dir)
	}
	return photos, fmt.Sprintf("%d of the %d JPEG files in %s", len(photos), files, dir), err
}

// findPhotos returns the photos below dir in lexical order, and how many files have the extension of one. It leaves
// out what image/jpeg cannot read the header of, what is cut short, and what is too small or too large.
func findPhotos(dir string) (photos []photo, files int, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		extension := strings.ToLower(filepath.Ext(path))
		if err != nil || entry.IsDir() || extension != ".jpg" && extension != ".jpeg" {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		header, err := jpeg.DecodeConfig(bytes.NewReader(data))
		if err != nil || !endsAsJPEG(data) {
			return nil
		}
		if pixels := float64(header.Width) * float64(header.Height); pixels >= leastPixels && pixels <= mostPixels {
			photos = append(photos, photo{filepath.Base(path), header.Width, header.Height, data})
		}
		return nil
	})
	return photos, files, err
}

// endsAsJPEG reports whether the end-of-image marker stands near the end; cameras append a little after it.
func endsAsJPEG(data []byte) bool {
	return bytes.Contains(data[max(0, len(data)-64<<10):], []byte{0xff, 0xd9})
}

// withComment returns a copy of the JPEG file with a comment after its application segments: other bytes, the same
// pixels. The comment is at most 65533 bytes long.
func withComment(data []byte, comment string) []byte {
	at := 2 // after the start-of-image marker
	// A segment is a marker of two bytes and a length that includes itself (ITU-T T.81, B.1.1.4).
	for at+4 <= len(data) && data[at] == 0xff && data[at+1] >= 0xe0 && data[at+1] <= 0xef {
		at += 2 + int(binary.BigEndian.Uint16(data[at+2:]))
	}
	at = min(at, len(data))
	out := make([]byte, 0, len(data)+4+len(comment))
	out = append(out, data[:at]...)
	out = append(out, 0xff, 0xfe)
	out = binary.BigEndian.AppendUint16(out, uint16(2+len(comment)))
	out = append(out, comment...)
	return append(out, data[at:]...)
}

// syntheticPhotos makes n JPEG files that cost a decoder about what photos do: slow gradients, edges and noise,
// 4:2:0, quality 90. They are the same in every run.
func syntheticPhotos(n, width, height int) []photo {
	photos := make([]photo, n)
	for i := range photos {
		random := rand.New(rand.NewPCG(uint64(i), 0))
		picture := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
		for y := range height {
			row := picture.Y[y*picture.YStride:][:width]
			for x := range row {
				sky := 90 + 80*float64(y)/float64(height) + 30*math.Sin(float64(x+i*400)/300)
				if (x/97+y/61+i)%7 == 0 {
					sky -= 40
				}
				row[x] = uint8(sky + random.Float64()*16)
			}
		}
		for y := range (height + 1) / 2 {
			for x := range (width + 1) / 2 {
				picture.Cb[y*picture.CStride+x] = uint8(112 + 32*y*2/height + int(random.Uint32()%4))
				picture.Cr[y*picture.CStride+x] = uint8(112 + 32*x*2/width + int(random.Uint32()%4))
			}
		}
		var out bytes.Buffer
		if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: 90}); err != nil {
			panic(fmt.Sprintf("encoding to memory: %v", err)) // only for a picture wider than the format allows
		}
		photos[i] = photo{fmt.Sprintf("made %d", i+1), width, height, out.Bytes()}
	}
	return photos
}
