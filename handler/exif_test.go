package handler

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"calotype/transform"
)

// An exifField is a field of a directory of EXIF. Values of more than four bytes are stored elsewhere.
type exifField struct {
	tag, kind uint16
	count     uint32
	value     []byte
}

func exifText(tag uint16, s string) exifField {
	return exifField{tag, 2, uint32(len(s) + 1), append([]byte(s), 0)}
}

func exifNumbers(tag, kind uint16, count uint32, numbers ...uint32) exifField {
	f := exifField{tag: tag, kind: kind, count: count}
	for _, n := range numbers {
		f.value = binary.LittleEndian.AppendUint32(f.value, n)
	}
	return f
}

// photographed puts EXIF into a JPEG as a phone writes it: of itself, of the picture and of the place.
func photographed(data []byte) []byte {
	const about, shot, place = 8, 200, 400 // where the directories begin
	block := make([]byte, 600)
	copy(block, "II*\x00\x08\x00\x00\x00")
	write := func(at int, fields ...exifField) {
		binary.LittleEndian.PutUint16(block[at:], uint16(len(fields)))
		values := at + 2 + 12*len(fields) + 4
		for i, f := range fields {
			entry := block[at+2+12*i:]
			binary.LittleEndian.PutUint16(entry, f.tag)
			binary.LittleEndian.PutUint16(entry[2:], f.kind)
			binary.LittleEndian.PutUint32(entry[4:], f.count)
			if len(f.value) <= 4 {
				copy(entry[8:], f.value)
				continue
			}
			binary.LittleEndian.PutUint32(entry[8:], uint32(values))
			values += copy(block[values:], f.value)
		}
	}
	write(about, exifText(271, "Calo"), exifText(272, "Type 5"), exifNumbers(274, 3, 1, 6), exifText(33432, "(c) Zoë"), exifNumbers(34665, 4, 1, shot), exifNumbers(34853, 4, 1, place))
	write(shot, exifNumbers(33434, 5, 1, 1, 250), exifNumbers(33437, 5, 1, 28, 10), exifNumbers(34855, 3, 1, 400), exifText(36867, "2024:05:01 12:30:00"))
	write(place, exifText(1, "N"), exifNumbers(2, 5, 3, 48, 1, 51, 1, 24, 1), exifText(3, "E"), exifNumbers(4, 5, 3, 2, 1, 21, 1, 3, 1))
	segment := append([]byte("\xff\xe1\x00\x00Exif\x00\x00"), block...)
	binary.BigEndian.PutUint16(segment[2:], uint16(len(segment)-2))
	return slices.Concat(data[:2], segment, data[2:])
}

// What a phone noted is told of the original, in whatever format it is and whatever is made of it, but for the place.
func TestDescriptionTellsEXIF(t *testing.T) {
	s := serve(t)
	phone := s.upload(photographed(encodeJPEG(t, photo(60, 40, 1))))
	const want = `{"make":"Calo","model":"Type 5","exposureTime":0.004,"fNumber":2.8,"iso":400,"taken":"2024-05-01T12:30:00","copyright":"(c) Zoë"}`
	type description struct {
		EXIF        json.RawMessage
		Orientation int
		Color       string
	}
	originals := map[string]uploaded{"jpeg": phone}
	// In these libvips keeps it.
	for _, extension := range []string{"png", "webp", "avif"} {
		originals[extension] = s.upload(s.mustGet(phone.URL + "/metadata:keep." + extension).body)
	}
	for name, u := range originals {
		if a := s.mustGet(u.URL + "/metadata:keep"); !bytes.Contains(a.body, []byte("\x30\x00\x00\x00\x01\x00\x00\x00\x33")) && !bytes.Contains(a.body, []byte("\x00\x00\x00\x30\x00\x00\x00\x01")) {
			t.Errorf("%s has no place that could be told", name)
		}
		for _, chain := range []string{"/describe:exif.json", "/crop:0,0,9,9/describe:exif/format:gif.json", "/resize:10/DESCRIBE=exif~look/metadata:copyright/format:png.json"} {
			a := s.mustGet(u.URL + chain)
			d := decode[description](t, a)
			if string(d.EXIF) != want {
				t.Errorf("%s%s: %s, want %s", name, chain, d.EXIF, want)
			}
			if looks := strings.Contains(chain, "look"); (d.Color != "") != looks {
				t.Errorf("%s%s: the color is %q", name, chain, d.Color)
			}
			if text := strings.ToLower(string(a.body)); strings.Contains(text, `"gps`) || strings.Contains(text, "latitude") {
				t.Errorf("%s%s tells of the place: %s", name, chain, a.body)
			}
		}
		if d := decode[description](t, s.mustGet(u.URL+"/describe:look.json")); d.EXIF != nil || d.Color == "" {
			t.Errorf("%s: EXIF that nobody asked for: %s", name, d.EXIF)
		}
	}
	if d := decode[description](t, s.mustGet(phone.URL+"/describe:exif.json")); d.Orientation != 6 {
		t.Errorf("the orientation is %d", d.Orientation)
	}
	if d := decode[description](t, s.mustGet(s.upload(draws(t, "rg")).URL+"/describe:exif.json")); string(d.EXIF) != "{}" {
		t.Errorf("where there is none: %s", d.EXIF)
	}
	tags := map[string]bool{}
	for _, chain := range []string{".json", "/describe:exif.json", "/describe:look.json", "/describe:look,exif.json"} {
		tags[s.mustGet(phone.URL+chain).header.Get("ETag")] = true
	}
	if len(tags) != 4 {
		t.Errorf("four descriptions have %d entity tags", len(tags))
	}
	for _, chain := range []string{"/describe:gps.json", "/describe:plan.json", "/describe:.json", "/describe:look,look.json", "/describe:look,.json", "/describe.json", "/describe:exif.jpg"} {
		s.wantProblem(chain, s.get(phone.URL+chain), http.StatusBadRequest, "bad-chain")
	}
}

// The description of the API names what is told of EXIF.
func TestEXIFIsDescribed(t *testing.T) {
	text, err := json.Marshal(transform.EXIF{
		Make: "a", Model: "a", LensMake: "a", LensModel: "a", ExposureTime: 1, FNumber: 1, ISO: 1, FocalLength: 1, FocalLength35: 1, Taken: "a", Description: "a", Artist: "a", Copyright: "a",
	})
	if err != nil {
		t.Fatal(err)
	}
	var told map[string]any
	if err := json.Unmarshal(text, &told); err != nil {
		t.Fatal(err)
	}
	described := printSchema()["properties"].(object)["exif"].(object)["properties"].(object)
	for name := range told {
		if described[name] == nil {
			t.Errorf("%s is not described", name)
		}
	}
	if len(described) != len(told) || len(told) != 13 {
		t.Errorf("%d properties are described, %d are told", len(described), len(told))
	}
}
