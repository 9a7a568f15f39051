package sniff

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

func FuzzRead(f *testing.F) {
	for _, e := range examples {
		f.Add([]byte(e.file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &counter{ReaderAt: bytes.NewReader(data)}
		h, err := Read(c, int64(len(data)))
		if c.longest > lastWindow {
			t.Fatalf("%d bytes read at once", c.longest)
		}
		// A directory of a TIFF or an item of an AVIF may lead back to a place read before, a limited number of times.
		if c.bytes > 4*len(data)+2*maxPages*leapWindow {
			t.Fatalf("%d bytes read of %d", c.bytes, len(data))
		}
		if err != nil {
			if !errors.Is(err, ErrBroken) && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrKind) {
				t.Fatal(err)
			}
			if (h != Header{Format: h.Format}) {
				t.Fatalf("%+v with %v", h, err)
			}
			return
		}
		switch h.Format {
		case JPEG, PNG, GIF, WebP, AVIF, TIFF, HEIC, BMP, ICO:
			if h.Width < 1 || h.Height < 1 || h.Width > math.MaxInt32 || h.Height > math.MaxInt32 || h.Depth < 1 || h.Bands < 1 {
				t.Fatalf("%+v", h)
			}
		case SVG, PDF, JXL, JP2, PSD:
			if h.Width != 0 || h.Height != 0 {
				t.Fatalf("%+v", h)
			}
		default:
			t.Fatalf("%+v", h)
		}
		if h.Orientation < 1 || h.Orientation > 8 || h.Frames < 1 || h.Frames > maxFrames || h.Pages < 1 || h.Pages > maxPages ||
			h.ICCBytes < 0 || h.TextBytes < 0 || h.Scans < 0 || h.Scans > maxScans || h.Pixels < int64(h.Width)*int64(h.Height) {
			t.Fatalf("%+v", h)
		}
	})
}
