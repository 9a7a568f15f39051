package ultrahdr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"strconv"
	"testing"
)

func encoded(t *testing.T, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var one = [3]float64{1, 1, 1}

// The index and the directory lead to the gain map, and both images can be decoded. Package transform reads such files by libultrahdr.
func TestJoin(t *testing.T) {
	exif := append(append([]byte{}, encoded(t, 16, 8)[:2]...), "\xff\xe1\x00\x0aExif\x00\x00MM"...)
	exif = append(exif, encoded(t, 16, 8)[2:]...)
	for _, base := range [][]byte{encoded(t, 16, 8), exif} {
		file, err := Join(base, &GainMap{JPEG: encoded(t, 4, 2), Max: [3]float64{4, 8, 16}, Min: one, Gamma: one, CapacityMin: 1, CapacityMax: 4})
		if err != nil {
			t.Fatal(err)
		}
		origin := bytes.Index(file, []byte(indexName)) + len(indexName)
		entries := file[origin+50:]
		first, second, offset := binary.BigEndian.Uint32(entries[4:]), binary.BigEndian.Uint32(entries[20:]), binary.BigEndian.Uint32(entries[24:])
		if int(first) != origin+int(offset) || int(first+second) != len(file) {
			t.Errorf("%d and %d bytes, the second at %d+%d, in a file of %d", first, second, origin, offset, len(file))
		}
		for i, part := range [][]byte{file[:first], file[first:]} {
			config, err := jpeg.DecodeConfig(bytes.NewReader(part))
			if err != nil || config.Width != []int{16, 4}[i] {
				t.Errorf("image %d: %+v, %v", i, config, err)
			}
		}
		if length := `Item:Length="` + strconv.Itoa(int(second)) + `"`; !bytes.Contains(file[:first], []byte(length)) {
			t.Errorf("the directory does not say %s", length)
		}
		if want := "<hdrgm:GainMapMax><rdf:Seq><rdf:li>2</rdf:li><rdf:li>3</rdf:li><rdf:li>4</rdf:li>"; !bytes.Contains(file[first:], []byte(want)) {
			t.Errorf("the gain map does not say %s", want)
		}
	}
	if at := bytes.Index(exif, []byte("Exif")); at != 6 {
		t.Errorf("EXIF stands at %d, and is to stay in front", at)
	}
}

func TestJoinRefusesWhatIsNoJPEG(t *testing.T) {
	good := encoded(t, 4, 4)
	for _, base := range [][]byte{nil, []byte("GIF89a"), good[:2], append([]byte{0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff}, good[2:6]...)} {
		if _, err := Join(base, &GainMap{JPEG: good}); !errors.Is(err, ErrJPEG) {
			t.Errorf("%x: %v", base, err)
		}
	}
	if _, err := Join(good, &GainMap{JPEG: []byte("PNG")}); !errors.Is(err, ErrJPEG) {
		t.Errorf("a map that is no JPEG: %v", err)
	}
}
