package heic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"testing"
)

func TestTheModuleIsTheOneThatIsNamed(t *testing.T) {
	const want = "3634a6447ea3915633667f39e01ff540a60f4e2f837a8391d044d76dfd8a0435"
	sum := sha256.Sum256(packed)
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("heif.wasm.gz has the SHA-256 %s, want %s", got, want)
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// quarters returns the color in the middle of each quarter of the picture, row by row.
func quarters(t testing.TB, p *Picture, m Matrix) (colors [4][3]byte) {
	t.Helper()
	out := make([]byte, p.Width*p.Height*3)
	p.WriteRGB(out, m)
	for i := range colors {
		x, y := (1+2*(i%2))*p.Width/4, (1+2*(i/2))*p.Height/4
		copy(colors[i][:], out[(y*p.Width+x)*3:])
	}
	return colors
}

var fourColors = [4][3]byte{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 0}}

// near tells whether all samples are within 12 of each other: the files are lossy.
func near(a, b [4][3]byte) bool {
	for i := range a {
		for k := range a[i] {
			if d := int(a[i][k]) - int(b[i][k]); d > 12 || d < -12 {
				return false
			}
		}
	}
	return true
}

// A picture in tiles, with whole and with halved chroma, of 8 and of 10 bits, shows its four colors.
func TestDecode(t *testing.T) {
	for _, name := range []string{"../canaries/canary.heic", "testdata/chroma444.heic", "testdata/bits10.heic"} {
		p, err := Decode(read(t, name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := quarters(t, p, Matrix{}); p.Width != 64 || p.Height != 48 || !near(got, fourColors) {
			t.Errorf("%s: %d×%d, %v", name, p.Width, p.Height, got)
		}
		p.Close()
	}
}

// The matrix and the range of the samples are what WriteRGB is told: exact values of BT.601, BT.709 and BT.2020.
func TestColors(t *testing.T) {
	f := func(y, cb, cr byte, m Matrix, want [3]byte) {
		t.Helper()
		p := &Picture{Width: 1, Height: 1, planes: [3][]byte{{y}, {cb}, {cr}}, strides: [3]int{1, 1, 1}}
		var got [3]byte
		p.WriteRGB(got[:], m)
		for i := range got {
			if d := int(got[i]) - int(want[i]); d > 1 || d < -1 {
				t.Errorf("%d,%d,%d by %+v is %v, want %v", y, cb, cr, m, got, want)
				return
			}
		}
	}
	f(128, 128, 128, Matrix{}, [3]byte{128, 128, 128})
	f(76, 85, 255, Matrix{}, [3]byte{254, 0, 0})
	f(150, 44, 21, Matrix{Coefficients: 6}, [3]byte{0, 255, 1})
	f(54, 99, 255, Matrix{Coefficients: 1}, [3]byte{254, 0, 0})
	f(67, 92, 255, Matrix{Coefficients: 9}, [3]byte{254, 0, 0})
	f(16, 128, 128, Matrix{Narrow: true}, [3]byte{0, 0, 0})
	f(235, 128, 128, Matrix{Narrow: true}, [3]byte{255, 255, 255})
	f(81, 90, 240, Matrix{Narrow: true}, [3]byte{254, 0, 0})
}

// Whatever stands in the file is an error or a picture, and the next file is none the worse for it.
func TestDamagedFiles(t *testing.T) {
	whole := read(t, "../canaries/canary.heic")
	tried, refused := 0, 0
	for n := 0; n < len(whole); n += 23 {
		changed := bytes.Clone(whole)
		for i := n; i < min(n+3, len(whole)); i++ {
			changed[i] ^= 0xa5
		}
		for _, data := range [][]byte{whole[:n], changed} {
			tried++
			p, err := Decode(data)
			if err == nil {
				p.WriteRGB(make([]byte, p.Width*p.Height*3), Matrix{})
				p.Close()
				continue
			}
			refused++
			if !errors.Is(err, ErrBroken) && !errors.Is(err, ErrMemory) {
				t.Errorf("%d: %v", n, err)
			}
		}
	}
	if refused < tried/2 {
		t.Errorf("%d of %d are refused", refused, tried)
	}
	p, err := Decode(whole)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := quarters(t, p, Matrix{}); !near(got, fourColors) {
		t.Errorf("afterwards: %v", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(read(f, "../canaries/canary.heic"))
	f.Add(read(f, "testdata/chroma444.heic"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data)
		if err != nil {
			if !errors.Is(err, ErrBroken) && !errors.Is(err, ErrMemory) {
				t.Fatal(err)
			}
			return
		}
		defer p.Close()
		if p.Width*p.Height < 1<<24 {
			p.WriteRGB(make([]byte, p.Width*p.Height*3), Matrix{})
		}
	})
}
