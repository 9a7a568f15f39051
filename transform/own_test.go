package transform

import (
	"bytes"
	"encoding/binary"
	stdimage "image"
	"image/color"
	palettes "image/color/palette"
	stdgif "image/gif"
	"slices"
	"strings"
	"testing"
)

// secret stands in all metadata of the originals below.
const secret = "SECRET place of the picture"

// grainy is a photo with the noise of a sensor.
func grainy(width, height int) *stdimage.NRGBA {
	picture := photo(width, height)
	for i := range picture.Pix {
		if i%4 < 3 {
			picture.Pix[i] ^= byte(i*7919>>3) & 63
		}
	}
	return picture
}

// jpegSegment is a marker segment of a JPEG.
func jpegSegment(marker byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(text)+2)), text...)
}

// talkingJPEG is a JPEG of middling quality with metadata in every place that JPEGs have for it.
func talkingJPEG(t testing.TB, picture stdimage.Image) []byte {
	t.Helper()
	data := mustRender(t, encodePNG(t, picture), "/quality:60.jpg").Body
	file := append([]byte{}, data[:2]...)
	file = append(file, jpegSegment(0xe0, "JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x01\x01"+secret[:3])...)
	file = append(file, jpegSegment(0xe0, "JFXX\x00\x10"+secret)...)
	// An orientation of 1, so that there is EXIF which can be read.
	file = append(file, jpegSegment(0xe1, "Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"+secret)...)
	file = append(file, jpegSegment(0xe1, "http://ns.adobe.com/xap/1.0/\x00<x>"+secret+"</x>")...)
	file = append(file, jpegSegment(0xe2, "MPF\x00"+secret)...)
	file = append(file, jpegSegment(0xed, "Photoshop 3.0\x00"+secret)...)
	file = append(file, jpegSegment(0xfe, secret)...)
	file = append(file, data[2:]...)
	return append(append(file, secret...), data...)
}

func talkingPNG(t testing.TB, picture stdimage.Image) []byte {
	t.Helper()
	file := encodePNG(t, picture)
	for name, text := range map[string]string{"tEXt": "Author\x00", "iTXt": "XML:com.adobe.xmp\x00\x00\x00\x00\x00", "eXIf": "MM\x00\x2a\x00\x00\x00\x08", "prVt": "", "tIME": ""} {
		file = withChunk(file, name, []byte(text+secret))
	}
	return append(file, secret...)
}

// talkingWebP gives a WebP, which libvips has written as an extended one or with one chunk, metadata.
func talkingWebP(t testing.TB, file []byte, size Size) []byte {
	t.Helper()
	chunk := func(name, body string) string {
		b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
		return string(append(b, body+strings.Repeat("\x00", len(body)%2)...))
	}
	body := string(file[12:])
	if string(file[12:16]) == "VP8X" {
		body = chunk("VP8X", string([]byte{file[20] | 0x0c})+string(file[21:30])) + string(file[30:])
	} else {
		w, h := size.Width-1, size.Height-1
		body = chunk("VP8X", string([]byte{0x0c | 0x10, 0, 0, 0, byte(w), byte(w >> 8), 0, byte(h), byte(h >> 8), 0})) + body
	}
	body += chunk("EXIF", secret) + chunk("XMP ", secret) + chunk("misc", secret)
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4))
	return append(append(append(out, "WEBP"...), body...), secret...)
}

func talkingGIF(t testing.TB) []byte {
	t.Helper()
	animation := &stdgif.GIF{LoopCount: 2}
	for i := range 3 {
		frame := stdimage.NewPaletted(stdimage.Rect(0, 0, 60, 40), palettes.Plan9[:64])
		for k := range frame.Pix {
			frame.Pix[k] = uint8(k*k*7919/13+i*k) % 64
		}
		animation.Image = append(animation.Image, frame)
		animation.Delay = append(animation.Delay, 10*(i+1))
	}
	var b bytes.Buffer
	if err := stdgif.EncodeAll(&b, animation); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()
	at := bytes.Index(file, []byte("\x21\xff\x0bNETSCAPE2.0"))
	comment := "\x21\xfe" + string(rune(len(secret))) + secret + "\x00"
	xmp := "\x21\xff\x0bXMP DataXMP" + string(rune(len(secret))) + secret + "\x00"
	return append(append(append(bytes.Clone(file[:at]), comment+xmp...), file[at:]...), secret...)
}

// A print that is the whole picture in the same format is never larger than the original: it then has the original's own pixels, and nothing of
// the original's metadata.
func TestNeverLargerThanTheOriginal(t *testing.T) {
	paletted := stdimage.NewPaletted(stdimage.Rect(0, 0, 200, 100), color.Palette{color.NRGBA{1, 2, 3, 255}, color.NRGBA{200, 100, 0, 255}, color.NRGBA{9, 9, 9, 0}})
	for i := range paletted.Pix {
		paletted.Pix[i] = uint8(i * i / 3 % 3)
	}
	still := mustRender(t, encodePNG(t, grainy(120, 80)), "/quality:5.webp").Body
	moving := mustRender(t, flicker(t, "rgb"), "/quality:5.webp").Body
	originals := map[string][]byte{
		"jpg": talkingJPEG(t, grainy(120, 80)), "png": talkingPNG(t, paletted), "webp": talkingWebP(t, still, Size{120, 80}), "gif": talkingGIF(t),
	}
	f := func(what string, original []byte, path string) {
		t.Helper()
		rendition := mustRender(t, original, path)
		if !slices.Contains(rendition.Notes, notes[notedOwnPixels]) {
			t.Errorf("%s, %s: the pixels are not the original's own: %q", what, path, rendition.Notes)
		}
		if len(rendition.Body) > len(original) {
			t.Errorf("%s, %s: %d bytes, the original has %d", what, path, len(rendition.Body), len(original))
		}
		if bytes.Contains(rendition.Body, []byte(secret[:6])) {
			t.Errorf("%s, %s: metadata of the original survives", what, path)
		}
		// Every frame, by way of a format without loss.
		held := ""
		if strings.HasPrefix(path, "/orient:none") {
			held = "/orient:none"
		}
		want, got := mustRender(t, original, held+"/lossless:1/flip:v.webp"), mustRender(t, rendition.Body, "/lossless:1/flip:v.webp")
		if !bytes.Equal(want.Body, got.Body) {
			t.Errorf("%s, %s: the pixels differ", what, path)
		}
	}
	for extension, original := range originals {
		f(extension, original, "."+extension)
		f(extension, original, "")
		f(extension, original, "/resize:5000."+extension)
	}
	f("moving WebP", talkingWebP(t, moving, Size{6, 4}), ".webp")
	f("JPEG", originals["jpg"], "/quality:90.jpg")
	f("JPEG", originals["jpg"], "/maxbytes:900000.jpg")
	f("JPEG", originals["jpg"], "/format:auto.jpg")
	f("JPEG turned by nobody", withOrientation(encodeJPEG(t, grainy(60, 40)), 6), "/orient:none/quality:100.jpg")
	f("P3", p3(t, "rgb", "bgr"), ".png")
	f("Adobe RGB", withProfile(t, encodePNG(t, paletted), rgbProfile(adobePrimaries, 2.2)), "/icc:keep.png")
}

// What the address asks for comes before few bytes.
func TestOwnPixelsAreNotWhatWasAskedFor(t *testing.T) {
	jpeg := talkingJPEG(t, grainy(120, 80))
	f := func(original []byte, path string) {
		t.Helper()
		if r := mustRender(t, original, path); slices.Contains(r.Notes, notes[notedOwnPixels]) {
			t.Errorf("%s has the original's pixels", path)
		}
	}
	for _, path := range []string{"/progressive:1.jpg", "/progressive:0.jpg", "/subsample:444.jpg", "/metadata:keep.jpg", "/metadata:copyright.jpg", "/flip:h.jpg", "/resize:60.jpg", "/brightness:1.jpg", ".png", "/icc:p3.jpg"} {
		f(jpeg, path)
	}
	f(jpeg, "/quality:5.jpg") // which has fewer bytes
	f(withOrientation(encodeJPEG(t, photo(60, 40)), 6), "/quality:100.jpg")
	f(withProfile(t, encodePNG(t, draws("rgb")), rgbProfile(adobePrimaries, 2.2)), ".png")
	f(p3(t, "rgb"), "/icc:srgb.png")
	f(flicker(t, "rgb"), "/frames:2.gif")
	f(flicker(t, "rgb"), "/page:1.gif")
	f(encodePNG(t, draws("rgb")), "/depth:8.png")
	f(encodePNG(t, draws("rgb")), "/colors:256.png")
	f(withGainMap(t, photo(160, 80), stdimage.NewGray(stdimage.Rect(0, 0, 40, 20))), "/quality:100.jpg")
	if r := mustRender(t, jpeg, "/maxbytes:1000.jpg"); len(r.Body) > 1000 {
		t.Errorf("%d bytes, where 1000 were allowed", len(r.Body))
	}
}
