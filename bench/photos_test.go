package main

import (
	"bytes"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

func TestCommentLeavesThePictureAlone(t *testing.T) {
	plain := syntheticPhotos(1, 64, 48)[0].data
	exif := append([]byte("\xff\xd8\xff\xe1\x00\x08Exif\x00\x00"), plain[2:]...)
	for _, data := range [][]byte{plain, exif} {
		got := withComment(data, "a comment")
		if len(got) != len(data)+4+len("a comment") || !bytes.Contains(got, []byte("\xff\xfe\x00\x0ba comment")) {
			t.Errorf("the comment is not there: % x…", got[:40])
		}
		if len(data) > len(plain) && !bytes.HasPrefix(got, data[:12]) {
			t.Error("the comment stands before the application segment")
		}
		want, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if picture, err := jpeg.Decode(bytes.NewReader(got)); err != nil || picture.Bounds() != want.Bounds() || picture.At(20, 20) != want.At(20, 20) {
			t.Errorf("another picture: %v", err)
		}
	}
	for _, broken := range []string{"\xff\xd8", "\xff\xd8\xff\xe0\xff\xff", "\xff\xd8\xff\xe0\x00\x00"} {
		if got := withComment([]byte(broken), "x"); !bytes.Contains(got, []byte("x")) {
			t.Errorf("% x: no comment", broken)
		}
	}
}

func TestSyntheticPhotos(t *testing.T) {
	photos := syntheticPhotos(2, 400, 300)
	if bytes.Equal(photos[0].data, photos[1].data) {
		t.Error("two photos are the same")
	}
	if again := syntheticPhotos(2, 400, 300); !bytes.Equal(photos[1].data, again[1].data) {
		t.Error("another run makes other photos")
	}
	header, err := jpeg.DecodeConfig(bytes.NewReader(photos[0].data))
	if err != nil || header.Width != 400 || header.Height != 300 || photos[0].width != 400 || photos[0].height != 300 {
		t.Errorf("%+v, %v", header, err)
	}
	// A photo takes one to four bits a pixel; flat color takes far less, pure noise more.
	if bits := float64(8*len(photos[0].data)) / (400 * 300); bits < 1 || bits > 4 {
		t.Errorf("%.2f bits a pixel", bits)
	}
}

func TestPhotosOfTheCorpus(t *testing.T) {
	dir := filepath.Join("..", filepath.FromSlash(corpus))
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the corpus is not here: ", err)
	}
	photos, files, err := findPhotos(dir)
	if err != nil || len(photos) < 10 || files < len(photos) {
		t.Fatalf("%d photos of %d files, %v", len(photos), files, err)
	}
	for _, p := range photos {
		if p.name == "lovell_sharp__truncated.jpg" || p.name == "lovell_sharp__giant-image.jpg" {
			t.Errorf("%s is taken for a photo", p.name)
		}
	}
}

func TestEveryColdURLIsDistinct(t *testing.T) {
	for _, s := range coldScenarios {
		if s.name == "original" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			seen := map[string]bool{}
			for n := 0; ; n++ {
				chain, ok := s.chain(n)
				if !ok {
					break
				}
				if seen[chain] {
					t.Fatalf("%s twice", chain)
				}
				seen[chain] = true
			}
			if len(seen) < 480 {
				t.Errorf("only %d URLs a photo", len(seen))
			}
		})
	}
	if first, _ := hits.chain(0); first != "/resize:720.jpg" {
		t.Errorf("the first hit is %s", first)
	}
}
