package handler

import (
	"bytes"
	"image"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"calotype/cache"
)

// Every pixel is where the address says, in the order in which the address says it.
func TestCropAndRotate(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	f := func(chain, want string) {
		t.Helper()
		if got := reads(t, s.mustGet(u.URL+chain+".png").body); got != want {
			t.Errorf("%s gives %s, want %s", chain, got, want)
		}
	}
	f("", "rg by")
	f("/rotate:90", "br yg")
	f("/rotate:180", "yb gr")
	f("/rotate:270", "gy rb")
	f("/rotate:-90", "gy rb")
	f("/rotate:450", "br yg")
	f("/flip:h", "gr yb")
	f("/crop:0,0,1,1", "r")
	f("/crop:1,0,1,1", "g")
	f("/crop:0,1,2,1", "by")
	f("/crop:1,0,0,0", "g y")
	f("/crop:-1,-1,1,1", "y")
	f("/crop:50p,0,50p,100p", "g y")
	f("/crop:1,1,9,9", "y")
	f("/crop:1,1,southeast", "y")
	f("/resize:4,4,up,k=nearest", "rrgg rrgg bbyy bbyy")
	f("/crop:0,0,2,1/rotate:90", "r g")
	f("/rotate:90/crop:0,0,2,1", "br")
	f("/crop:0,0,1,2/rotate:90/resize:4,2,up,stretch,k=nearest", "bbrr bbrr")
	f("/rotate:90/flip:h", "rb gy")
	f("/flip:h/rotate:90", "yg br")
	f("/rotate:90/rotate:90/rotate:90/rotate:90", "rg by")
}

// The example that everyone meets first.
func TestCropAndRotateOfAPhoto(t *testing.T) {
	s := serve(t)
	picture := photo(400, 300, 1)
	u := s.upload(encodePNG(t, picture))
	got, err := decodeImage(s.mustGet(u.URL + "/crop:0,0,200,200/rotate:90.png").body)
	if err != nil || got.Bounds() != image.Rect(0, 0, 200, 200) {
		t.Fatalf("%v, %v", got.Bounds(), err)
	}
	for y := range 200 {
		for x := range 200 {
			// Turned clockwise, what was at (left, top) is at (199-top, left).
			if want := picture.NRGBAAt(y, 199-x); !sameColor(got.At(x, y), want) {
				t.Fatalf("at %d,%d is %v, want %v", x, y, got.At(x, y), want)
			}
		}
	}
}

func TestCropAndRotateKeepToWhatIsSeen(t *testing.T) {
	s := serve(t)
	// A photo taken upright: its left half is stored as its top half.
	u := s.upload(turned(encodeJPEG(t, photo(64, 32, 1)), 6))
	for target, want := range map[string]image.Point{
		u.URL + ".png": {32, 64}, u.URL + "/crop:0,0,10,50.png": {10, 50}, u.URL + "/rotate:90.png": {64, 32}, u.URL + "/orient:none.png": {64, 32},
		u.URL + "/resize:16.png": {16, 32},
	} {
		picture, err := decodeImage(s.mustGet(target).body)
		if err != nil || picture.Bounds().Size() != want {
			t.Errorf("%s is %v, want %v (%v)", target, picture.Bounds().Size(), want, err)
		}
	}
}

// Every spelling of an address is answered by the same bytes, which are made once. All but the canonical one name it.
func TestSpellings(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(300, 200, 1)))
	canonical := u.URL + "/crop:10,20,100,80/rotate:90/quality:70.jpg"
	link := "<" + canonical + `>; rel="canonical"`
	first := s.mustGet(canonical)
	if got := first.header.Get("Cache-Status"); got != "calotype; fwd=uri-miss; stored" || first.header.Get("Link") != "" {
		t.Fatalf("first: Cache-Status %q, Link %q", got, first.header.Get("Link"))
	}
	id := "/download/" + u.ID
	spellings := []string{
		id + "/crop:10,20,100,80/rotate:90/quality:70.jpeg",
		id + "/crop:10,20,100,80/rotate:90/quality:70.JPG",
		id + "/crop=10~20~100~80/rotate=90/quality=70.jpg",
		id + "/crop%3A10%2C20%2C100%2C80/rotate%3A90/quality%3A70.jpg",
		id + "/crop%3a10%2c20%2c100%2c80/rotate%3a90/quality%3a70%2Ejpg",
		id + "/%63rop:10,20,100,80/rotate:9%30/quality:70.jpg",
		id + "/CROP:10,20,100,80/Rotate:90/QUALITY:70.jpg",
		id + "//crop:10,20,100,80///rotate:90/quality:70.jpg",
		id + "/crop:10,20,100,80/rotate:90/quality:70.jpg/",
		id + "/quality:70/crop:10,20,100,80/rotate:90.jpg",
		id + "/crop:10,20,100,80/rotate:450.000/quality:70.jpg",
		id + "/crop:010,20,100,80/rotate:-270/rotate:0/quality:70.jpg",
		id + "/crop:10,20,100,80/rotate:90/quality:70/format:jpg",
		id + "/crop:10,20,100,80/rotate:90,bg=transparent/quality:70/dpr:1.jpg",
		"/download/" + strings.ToUpper(u.ID) + "/crop:10,20,100,80/rotate:90/quality:70.jpg",
		"/download//" + u.ID + "/crop:10,20,100,80/rotate:90/quality:70.jpg",
		"/download/%30" + u.ID[1:] + "/crop:10,20,100,80/rotate:90/quality:70.jpg",
	}
	for range 2 { // the second time they are known as aliases
		for _, target := range spellings {
			a := s.mustGet(target)
			if !bytes.Equal(a.body, first.body) || a.header.Get("ETag") != first.header.Get("ETag") {
				t.Errorf("%s gives another print", target)
			}
			if a.header.Get("Cache-Status") != "calotype; hit" || a.header.Get("Link") != link {
				t.Errorf("%s: Cache-Status %q, Link %q", target, a.header.Get("Cache-Status"), a.header.Get("Link"))
			}
		}
		for _, target := range []string{canonical, canonical + "?", canonical + "?width=5&x=%", "http://" + s.host + canonical} {
			a := s.mustGet(target)
			if !bytes.Equal(a.body, first.body) || a.header.Get("Cache-Status") != "calotype; hit" || a.header.Get("Link") != "" {
				t.Errorf("%s: Cache-Status %q, Link %q", target, a.header.Get("Cache-Status"), a.header.Get("Link"))
			}
		}
	}
	want := cache.Stats{Hits: uint64(2 * (len(spellings) + 4)), Misses: 1}
	if got := s.handler.prints.Stats(); got.Misses != want.Misses || got.Hits != want.Hits {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// The original has one address as well.
	if a := s.mustGet("/download//" + strings.ToUpper(u.ID) + "/"); a.header.Get("Link") != "<"+u.URL+`>; rel="canonical"` {
		t.Errorf("Link of the original: %q", a.header.Get("Link"))
	}
	if a := s.mustGet(u.URL + "/rotate:90"); a.header.Get("Link") != "<"+u.URL+`/rotate:90.png>; rel="canonical"` {
		t.Errorf("Link of a print without an extension: %q", a.header.Get("Link"))
	}
	if a := s.mustGet(u.URL + "/flip:h.auto"); a.header.Get("Link") != "" || a.header.Get("Content-Location") != u.URL+"/flip:h.jpg" {
		t.Errorf("a negotiated print: Link %q, Content-Location %q", a.header.Get("Link"), a.header.Get("Content-Location"))
	}
	if a := s.mustGet(u.URL + "/FLIP=h.auto"); a.header.Get("Link") != "<"+u.URL+`/flip:h.auto>; rel="canonical"` {
		t.Errorf("Link of another spelling of a negotiated print: %q", a.header.Get("Link"))
	}
}

// What is described is what is made.
func TestDescriptionOfAPrint(t *testing.T) {
	s := serve(t)
	u := s.upload(turned(encodeJPEG(t, photo(640, 480, 1)), 6))
	for _, chain := range []string{
		"", "/resize:100", "/resize:0,100", "/resize:100,100", "/resize:100,100,cover", "/resize:100,50,stretch", "/resize:200,100,pad,bg=gold",
		"/resize:100,100,outside", "/resize:33p", "/resize:2000", "/resize:1000,up", "/crop:10,10,300,9999", "/crop:ar=16x9", "/crop:100,100,smart",
		"/rotate:90", "/rotate:30", "/rotate:45.5/crop:100,100", "/crop:0,0,200,200/rotate:90", "/orient:none/resize:111", "/resize:100/dpr:2", "/resize:400/dpr:2",
		"/flip:hv/resize:101,77,cover", "/blur:2/grayscale/resize:99",
	} {
		a := s.mustGet(u.URL + chain + "/format:png.json")
		d := decode[printDescription](t, a)
		print := s.mustGet(d.URL)
		link := s.mustGet(u.URL + chain + ".PNG").header.Get("Link")
		picture, err := decodeImage(print.body)
		if err != nil {
			t.Fatalf("%s: %v", chain, err)
		}
		if size := picture.Bounds().Size(); size != image.Pt(d.Width, d.Height) {
			t.Errorf("%s is said to be %d×%d and is %v", chain, d.Width, d.Height, size)
		}
		if "<"+d.URL+`>; rel="canonical"` != link || d.Bytes != len(print.body) || d.Format != "png" || d.Type != "image/png" || d.Frames != 1 {
			t.Errorf("%s: %+v", chain, d)
		}
		if print.header.Get("Cache-Status") != "calotype; hit" {
			t.Errorf("%s: the description and the print are made one by one", chain)
		}
		if d.ID != u.ID || d.Original.Width != 480 || d.Original.Height != 640 || d.Original.Format != "jpeg" || d.Original.Bytes != u.Bytes || len(d.Plan) < 2 {
			t.Errorf("%s: %+v", chain, d)
		}
		if a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != string(keepDescription.text) || a.header.Get("Vary") != "" {
			t.Errorf("%s: headers %v", chain, a.header)
		}
	}
	if d := decode[printDescription](t, s.mustGet(u.URL+"/resize:400/dpr:2.json")); d.DPR != 1.2 || d.Width != 480 || d.Format != "jpeg" {
		t.Errorf("a dpr that cannot come true: %+v", d)
	}
	for chain, want := range map[string]int{"": 6, "/resize:100": 6, "/orient:none/resize:100": 1, "/orient:8": 8} {
		if d := decode[printDescription](t, s.mustGet(u.URL+chain+".json")); d.Orientation != want || d.Original.Alpha {
			t.Errorf("%s: %+v", chain, d)
		}
	}
	small, large := decode[printDescription](t, s.mustGet(u.URL+"/resize:10.json")), decode[printDescription](t, s.mustGet(u.URL+"/resize:400/blur:20.json"))
	if small.Cost.Milliseconds < 1 || small.Cost.Milliseconds >= large.Cost.Milliseconds || small.Cost.Memory < 1<<20 || small.Cost.Memory >= large.Cost.Memory {
		t.Errorf("the cost of a small print is %+v, of a large one %+v", small.Cost, large.Cost)
	}
	if d := decode[printDescription](t, s.mustGet(s.upload(draws(t, "r.", ".g")).URL+"/rotate:90.json")); !d.Original.Alpha || d.Orientation != 1 {
		t.Errorf("of a picture with an alpha channel: %+v", d)
	}
	if d := decode[printDescription](t, s.mustGet(u.URL+"/resize:100/format:webp.json")); d.Format != "webp" || d.URL != u.URL+"/resize:100.webp" {
		t.Errorf("of a WebP: %+v", d)
	}
	if d := decode[printDescription](t, s.mustGet(u.URL+".json")); d.Format != "jpeg" || d.URL != u.URL+".jpg" || d.Width != 480 || d.Height != 640 {
		t.Errorf("of the image as it is: %+v", d)
	}
	// What only the worker finds out stands behind the plan, and is told again from the cache.
	once := s.upload(s.mustGet(u.URL + "/resize:200/quality:50.jpg").body)
	for range 2 {
		d := decode[printDescription](t, s.mustGet(once.URL+"/quality:95.json"))
		if last := d.Plan[len(d.Plan)-1]; !strings.HasPrefix(last, "the pixels are those of the original") || d.Bytes != int(once.Bytes) {
			t.Errorf("of a JPEG that would grow: %+v", d)
		}
	}
	animation := s.upload(encodeGIF(t, 20, 10, 3))
	for format, frames := range map[string]int{"gif": 3, "webp": 3, "png": 1} {
		if d := decode[printDescription](t, s.mustGet(animation.URL+"/format:"+format+".json")); d.Frames != frames || d.Width != 20 || d.Height != 10 {
			t.Errorf("of an animation as %s: %+v", format, d)
		}
	}
}

// What browsers send for images, and what they are sent.
const (
	chrome  = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
	firefox = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
	safari  = "image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
	ancient = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5" // Safari 13
	curl    = "*/*"
)

func TestNegotiation(t *testing.T) {
	s := serve(t)
	opaque := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	clear := s.upload(draws(t, "r.", ".g"))
	animated := s.upload(encodeGIF(t, 20, 10, 3))
	f := func(u uploaded, chain, accept, want string) {
		t.Helper()
		target := u.URL + chain
		a := s.mustGet(target, "Accept", accept)
		if got := a.header.Get("Content-Type"); got != "image/"+want {
			t.Errorf("%s for %q is %s, want %s", chain, accept, got, want)
		}
		location := a.header.Get("Content-Location")
		if a.header.Get("Vary") != "Accept" || location == "" {
			t.Fatalf("%s for %q: Vary %q, Content-Location %q", chain, accept, a.header.Get("Vary"), location)
		}
		b := s.mustGet(location)
		if !bytes.Equal(a.body, b.body) || a.header.Get("ETag") != b.header.Get("ETag") {
			t.Errorf("%s for %q is not what is at its Content-Location %s", chain, accept, location)
		}
		if b.header.Get("Vary") != "" || b.header.Get("Content-Location") != "" {
			t.Errorf("%s: headers %v", location, b.header)
		}
		c := s.get(target, "Accept", accept, "If-None-Match", a.header.Get("ETag"))
		if c.status != http.StatusNotModified || c.header.Get("Vary") != "Accept" || c.header.Get("Content-Location") != location {
			t.Errorf("%s for %q again: %d, headers %v", chain, accept, c.status, c.header)
		}
	}
	for accept, want := range map[string][3]string{
		chrome: {"avif", "avif", "webp"}, firefox: {"avif", "avif", "webp"}, safari: {"webp", "webp", "webp"},
		ancient: {"jpeg", "png", "gif"}, curl: {"jpeg", "png", "gif"}, "": {"jpeg", "png", "gif"}, "image/*": {"jpeg", "png", "gif"},
		"image/avif;q=0,image/webp": {"webp", "webp", "webp"}, "image/avif;q=0.1,image/webp;q=0.9": {"webp", "webp", "webp"},
		"IMAGE/WEBP": {"webp", "webp", "webp"}, "image/webp;q=x": {"jpeg", "png", "gif"}, ";;,,/": {"jpeg", "png", "gif"}, "text/html": {"jpeg", "png", "gif"},
	} {
		f(opaque, ".auto", accept, want[0])
		f(clear, ".auto", accept, want[1])
		f(animated, ".auto", accept, want[2])
		f(opaque, "/resize:30/quality:50.auto", accept, want[0])
		f(opaque, "/resize:30/format:auto", accept, want[0])
	}
	f(opaque, "/format:auto.png", chrome, "avif")
	f(opaque, "/format:auto.png", curl, "png")
	f(clear, "/format:auto.jpg", curl, "jpeg")
	f(opaque, "/Rotate=90.AUTO", safari, "webp")
}

func TestNegotiationReadsEveryLineOfAccept(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	if a := s.mustGet(u.URL+".auto", "Accept", "text/html", "Accept", "image/webp"); a.header.Get("Content-Type") != "image/webp" {
		t.Errorf("got %s", a.header.Get("Content-Type"))
	}
}

// However many Accept headers there are in the world, a print has four variants at most.
func TestNegotiationMakesFewVariants(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	tags := map[string]bool{}
	for _, accept := range []string{
		chrome, firefox, safari, ancient, curl, "", "image/*", "image/webp", "image/avif", "image/jxl", "image/jxl,image/avif", "image/png", "image/gif",
		"image/webp;q=0.5", "image/webp;q=0.1,image/avif;q=0.2", "text/html", "x", "image/avif;q=0", "image/jpeg",
	} {
		tags[s.mustGet(u.URL+"/resize:30.auto", "Accept", accept).header.Get("ETag")] = true
	}
	if n := len(tags); n > 4 {
		t.Errorf("%d variants: %v", n, slices.Collect(maps.Keys(tags)))
	}
	if n := s.handler.prints.Stats().Misses; n > 4 {
		t.Errorf("%d prints were made", n)
	}
}

func TestVaryIsWhereAcceptCounts(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	f := func(target, want string, headers ...string) {
		t.Helper()
		if a := s.get(target, headers...); a.header.Get("Vary") != want {
			t.Errorf("%s: %d with Vary %q, want %q", target, a.status, a.header.Get("Vary"), want)
		}
	}
	f(u.URL+".auto", "Accept")
	f(u.URL+".auto", "Accept", "If-None-Match", "*")
	f(u.URL+"/crop:1000,0,1,1.auto", "Accept")       // 422
	f(u.URL+"/resize:60000,60000,up.auto", "Accept") // 422
	f("/download/01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f.auto", "Accept")
	f("/download/01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f/format:auto.jpg", "Accept")
	f(u.URL, "")
	f("/download?id="+u.ID, "")
	f(u.URL+".jpg", "")
	f(u.URL+".jpg", "", "If-None-Match", "*")
	f(u.URL+"/rotate:90", "")
	f(u.URL+".json", "")
	f(u.URL+"/crop:1000,0,1,1.jpg", "")
	f(u.URL+"/nonsense.jpg", "")
	f("/download", "Accept")
	f("/download?exts=jpg", "Accept")
}

func decodeImage(data []byte) (image.Image, error) {
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return image.NewNRGBA(image.Rectangle{}), err
	}
	return picture, nil
}
