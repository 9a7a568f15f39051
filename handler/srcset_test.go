package handler

import (
	"fmt"
	"image"
	"image/color"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"calotype/handler/quota"
)

// srcset is the address below /srcset/ for a chain of the image, an extension or a query.
func (u uploaded) srcset(rest string) string { return "/srcset/" + u.ID + rest }

// named puts the id of the image in the place of ID.
func (u uploaded) named(text string) string { return strings.ReplaceAll(text, "ID", u.ID) }

func TestSrcsetIsReadyForAPage(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(64, 48, 1)))
	f := func(rest, want string) {
		t.Helper()
		a := s.mustGet(u.srcset(rest))
		if got := string(a.body); got != u.named(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", rest, got, u.named(want))
		}
		if a.header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %v", rest, a.header)
		}
	}
	f("/crop:ar=1x1.jpg?widths=16,32&placeholder=0", `<img loading="lazy" decoding="async" width="32" height="32" alt="" sizes="100vw"`+
		` srcset="/download/ID/crop:ar=1x1/resize:16.jpg 16w, /download/ID/crop:ar=1x1/resize:32.jpg 32w" src="/download/ID/crop:ar=1x1/resize:32.jpg">
`)
	f(".auto?widths=32,640&placeholder=0&sizes=(min-width:+40em)+20em,+50vw&alt=A+%22fine%22+view&loading=eager&base=https://img.example.org", `<picture>
<source type="image/avif" sizes="(min-width: 40em) 20em, 50vw" srcset="https://img.example.org/download/ID/resize:32.avif 32w, https://img.example.org/download/ID.avif 64w">
<source type="image/webp" sizes="(min-width: 40em) 20em, 50vw" srcset="https://img.example.org/download/ID/resize:32.webp 32w, https://img.example.org/download/ID.webp 64w">
<img loading="eager" decoding="async" width="64" height="48" alt="A &#34;fine&#34; view" sizes="(min-width: 40em) 20em, 50vw"`+
		` srcset="https://img.example.org/download/ID/resize:32.jpg 32w, https://img.example.org/download/ID.jpg 64w" src="https://img.example.org/download/ID.jpg">
</picture>
`)
	// Programs that cut a srcset at its commas find whole addresses.
	f("/crop:0,0,40,20/quality:50.webp?widths=20&placeholder=0", `<img loading="lazy" decoding="async" width="20" height="10" alt="" sizes="100vw"`+
		` srcset="/download/ID/crop:0~0~40~20/resize:20/quality:50.webp 20w" src="/download/ID/crop:0~0~40~20/resize:20/quality:50.webp">
`)
	f(".png?widths=640&placeholder=0&base=http://[::1]:8080", `<img loading="lazy" decoding="async" width="64" height="48" alt="" sizes="100vw"`+
		` srcset="http://[::1]:8080/download/ID.png 64w" src="http://[::1]:8080/download/ID.png">
`)
	// Without an extension the prints keep the format of the original.
	f("?widths=640&placeholder=0", `<img loading="lazy" decoding="async" width="64" height="48" alt="" sizes="100vw" srcset="/download/ID.png 64w" src="/download/ID.png">
`)
	if made := s.handler.prints.Stats().Misses; made != 0 {
		t.Errorf("%d prints were made", made)
	}
}

func TestSrcsetAsJSON(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, photo(64, 48, 1)))
	a := s.mustGet(u.srcset("/crop:ar=4x1.auto?widths=32,16&as=json&placeholder=0"))
	source := func(format, extension string) string {
		const address = "/download/ID/crop:ar=4x1/resize:"
		return fmt.Sprintf(`{"type":"image/%s","srcset":"%[3]s16.%[2]s 16w, %[3]s32.%[2]s 32w",`+
			`"prints":[{"url":"%[3]s16.%[2]s","width":16,"height":4},{"url":"%[3]s32.%[2]s","width":32,"height":8}]}`, format, extension, address)
	}
	want := u.named(`{"id":"ID","src":"/download/ID/crop:ar=4x1/resize:32.jpg","width":32,"height":8,"sizes":"100vw","alt":"","loading":"lazy","sources":[` +
		source("avif", "avif") + "," + source("webp", "webp") + "," + source("jpeg", "jpg") + "]}\n")
	if string(a.body) != want || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s\nwant:\n%s", a.body, want)
	}
}

// What a browser is told of a print is true: its width is exact, each width is there once, and none is enlarged.
func TestSrcsetTellsTheWidthsOfThePrints(t *testing.T) {
	s := serve(t)
	u := s.upload(turned(encodeJPEG(t, photo(301, 200, 1)), 6)) // seen as 200×301
	for chain, widest := range map[string]int{
		"": 200, "/crop:ar=16x9": 200, "/rotate:90": 301, "/resize:150": 150, "/resize:90,90,cover": 90, "/resize:500,up": 500, "/crop:0,0,7,200": 7,
		"/resize:120,120,pad,bg=gold/blur:1": 120, "/rotate:30,bg=gold": 324, "/orient:none": 301, "/resize:33p/border:3,red": 72,
	} {
		p := decode[picture](t, s.mustGet(u.srcset(chain+".png?as=json&placeholder=0&widths=50,7~99,50,199,200,201,640,1")))
		var got, want []int
		for _, w := range []int{1, 7, 50, 99, 199, 200, 201, 640} {
			if !slices.Contains(want, min(w, widest)) {
				want = append(want, min(w, widest))
			}
		}
		for _, print := range p.Sources[0].Prints {
			got = append(got, print.Width)
			picture, err := decodeImage(s.mustGet(print.URL).body)
			if size := picture.Bounds().Size(); err != nil || size != image.Pt(print.Width, print.Height) {
				t.Errorf("%s is said to be %d×%d and is %v, %v", print.URL, print.Width, print.Height, size, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the widths %v, want %v", chain, got, want)
		}
		if p.Width != widest {
			t.Errorf("%s: %s has the width %d, want %d", chain, p.Src, p.Width, widest)
		}
	}
}

func TestSrcsetNamesAPrintOfUsualWidth(t *testing.T) {
	s := serve(t)
	u := s.upload(encodePNG(t, image.NewGray(image.Rect(0, 0, 3000, 10))))
	for widths, want := range map[string]int{"640,1280,2560": 1280, "1300,2000": 1300, "100,200": 200, "": 1280} {
		target := u.srcset(".png?as=json&placeholder=0")
		if widths != "" {
			target += "&widths=" + widths
		}
		if p := decode[picture](t, s.mustGet(target)); p.Width != want || !strings.Contains(p.Src, strconv.Itoa(want)) {
			t.Errorf("%s: src is %s, %d wide", widths, p.Src, p.Width)
		}
	}
}

func TestSrcsetOffersWhatThePictureNeeds(t *testing.T) {
	s := serve(t)
	clear, animated, opaque := s.upload(draws(t, "r.", ".g")), s.upload(encodeGIF(t, 20, 10, 3)), s.upload(encodeJPEG(t, photo(20, 10, 1)))
	f := func(u uploaded, rest string, want ...string) {
		t.Helper()
		var got []string
		for _, source := range decode[picture](t, s.mustGet(u.srcset(rest+"?as=json"))).Sources {
			got = append(got, strings.TrimPrefix(source.Type, "image/"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", rest, got, want)
		}
	}
	f(opaque, ".auto", "avif", "webp", "jpeg")
	f(opaque, "/format:auto.png", "avif", "webp", "png")
	f(opaque, "/format:auto.webp", "avif", "webp")
	f(opaque, ".webp", "webp")
	f(opaque, "", "jpeg")
	f(clear, ".auto", "avif", "webp", "png")
	f(clear, ".jpeg", "jpeg")
	f(animated, ".auto", "webp", "gif")
	f(animated, "/page:1.auto", "avif", "webp", "jpeg")
	f(animated, "/frames:1/format:auto", "avif", "webp", "jpeg")
	// A setting that only one of the formats has is left out for the others, as for .auto.
	for _, source := range decode[picture](t, s.mustGet(opaque.srcset("/lossless:1.auto?as=json&widths=10"))).Sources {
		if has := strings.Contains(source.Srcset, "/lossless:1.webp 10w"); has != (source.Type == "image/webp") {
			t.Errorf("%s: %s", source.Type, source.Srcset)
		}
	}
}

func TestSrcsetPlaceholder(t *testing.T) {
	s := serve(t, func(o *Options) { o.Quota = quota.New(2, 0, time.Hour) })
	red, half := color.NRGBA{200, 10, 10, 255}, color.NRGBA{200, 10, 10, 128}
	u := s.upload(encodePNG(t, sketchOf(300, 200, red)))
	img := func(rest string) *element {
		t.Helper()
		all := elements(t, string(s.mustGet(u.srcset(rest)).body))
		return all[len(all)-1]
	}
	const url = `background:url(data:image/png;base64,`
	style := img(".auto").attributes["style"]
	if !strings.HasPrefix(style, url) || !strings.HasSuffix(style, ") center/cover no-repeat") || len(style) > 600 {
		t.Errorf("the style is %s", style)
	}
	if style := img("/grayscale.auto?placeholder=0").attributes["style"]; style != "" {
		t.Errorf("without a placeholder the style is %s", style)
	}
	// It is looked at once, whatever is asked for beside it, and again for a revalidation never.
	img(".auto?widths=10&sizes=1px&alt=x")
	p := decode[picture](t, s.mustGet(u.srcset(".auto?as=json")))
	if style != "background:url("+p.Placeholder+") center/cover no-repeat" {
		t.Errorf("the placeholder is %s in JSON, in HTML %s", p.Placeholder, style)
	}
	if made := s.handler.prints.Stats().Misses; made != 1 {
		t.Errorf("%d prints were made", made)
	}
	// It counts as a print.
	img(".jpg")
	s.wantProblem("a third", s.get(u.srcset("/rotate:90.jpg")), http.StatusTooManyRequests, "too-many-prints")
	s.mustGet(u.srcset("/rotate:90.jpg?placeholder=0"))

	// It would be seen through what is transparent.
	u = s.upload(encodePNG(t, sketchOf(300, 200, red, half)))
	if style := img(".auto").attributes["style"]; style != "" {
		t.Errorf("behind a transparent picture the style is %s", style)
	}
	if style := img("/background:white.auto").attributes["style"]; style == "" {
		t.Error("on white there is no placeholder")
	}
}

func TestSrcsetHeaders(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	target := u.srcset("/crop:0,0,20,20.auto?widths=10")
	a := s.mustGet(target)
	for name, want := range map[string]string{
		"Cache-Control": "private, max-age=86400", "Vary": "", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*",
		"Content-Security-Policy": srcsetPolicy,
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	head := s.do("HEAD", target, nil)
	if head.status != 200 || len(head.body) != 0 || head.length != int64(len(a.body)) || head.header.Get("ETag") != a.header.Get("ETag") {
		t.Errorf("HEAD: %d, %d bytes, %v", head.status, head.length, head.header)
	}
	tags := map[string]bool{a.header.Get("ETag"): true}
	for _, other := range []string{
		u.srcset("/crop:0,0,20,20.auto?widths=11"), u.srcset("/crop:0,0,20,20.auto?widths=10&placeholder=0"), u.srcset("/crop:0,0,20,20.jpg?widths=10"),
		u.srcset("/crop:0,0,20,20.auto?widths=10&as=json"), u.srcset("/crop:0,0,20,20.auto?widths=10&alt=x"),
	} {
		tags[s.mustGet(other).header.Get("ETag")] = true
	}
	if len(tags) != 6 {
		t.Errorf("six answers have %d entity tags", len(tags))
	}
	if a := s.do("POST", target, nil); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("POST: %d, Allow %q", a.status, a.header.Get("Allow"))
	}
	// All spellings of a chain and of a query are one picture.
	for _, spelling := range []string{
		"/CROP=0~0~20~20.AUTO?widths=10", "/crop%3A0%2C0%2C20%2C20.auto?widths=%31%30", "//crop:0,0,20,20.auto/?widths=10", "/crop:0,0,20,20.auto?widths=10&",
	} {
		if b := s.mustGet(u.srcset(spelling)); string(b.body) != string(a.body) || b.header.Get("ETag") != a.header.Get("ETag") {
			t.Errorf("%s:\n%s\nwant:\n%s", spelling, b.body, a.body)
		}
	}
}

func TestSrcsetRefuses(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	query := func(query, what string) {
		t.Helper()
		// Also a browser gets the problem for programs: the address is none that people come to.
		p := s.wantProblem(query, s.get(u.srcset(".jpg?"+query), "Accept", "text/html"), http.StatusBadRequest, "bad-query")
		if !strings.Contains(p.Detail, what) {
			t.Errorf("%s: %q does not tell of %q", query, p.Detail, what)
		}
	}
	query("width=320", `"width" is none of widths, sizes, alt`)
	query("=", `"" is none of`)
	query("widths=", "widths must be at most 16 widths from 1 to 65535")
	for _, widths := range []string{
		"0", "-1", "65536", "99999999999999999999", "1.5", "1e3", "0x10", "%2B5", "1,,2", "1,", ",1", "1;2", "a", "1+2", "1-2", "1-2/1", "2-1/3", "1-1/2", "1-9/17", "1-9/", "/", "1/2", "-/2",
		strings.Repeat("1,", 16) + "1",
	} {
		query("widths="+widths, "")
	}
	query("sizes=100%25", "no percent")
	query("alt="+strings.Repeat("x", 1001), "alt must be text of at most 1000 bytes")
	query("alt=a%00b", "alt")
	query("alt=a%0Ab", "alt")
	query("alt=%ff", "alt")
	query("loading=auto", "must be lazy or eager")
	query("placeholder=yes", "must be 1 or 0")
	query("as=xml", "must be html or json")
	query("alt=a&alt=b", "alt is given twice")
	query("alt=%zz", "invalid URL escape")
	query("alt=a;b", "semicolon")
	for _, base := range []string{"x", "javascript:alert(1)", "https://", "//h", "https://h/", "https://h/%22", "https://h%20x", "https://a@b", "https://h?x", "https://h,x", "https://[h]", "https://[::1", "https://[]", "https://" + strings.Repeat("h", 200)} {
		query("base="+base, "base must be the beginning of an address")
	}

	f := func(target string, status int, code, what string) {
		t.Helper()
		if p := s.wantProblem(target, s.get(target), status, code); !strings.Contains(p.Detail, what) {
			t.Errorf("%s: %q does not tell of %q", target, p.Detail, what)
		}
	}
	f(u.srcset("/resize:20/dpr:2.jpg"), 400, "bad-chain", "dpr: has no place here")
	f(u.srcset("/trim.jpg"), 400, "bad-chain", "trim: has no place here")
	f(u.srcset(".json"), 400, "bad-chain", "as=json in the query")
	f(u.srcset("/describe:look.jpg"), 400, "bad-chain", "describe")
	f(u.srcset("/rotate:x.jpg"), 400, "bad-chain", "rotate: angle")
	f(u.srcset("/lossless:1.jpg"), 400, "bad-chain", "lossless")
	f(u.srcset(strings.Repeat("/rotate:90", 32)+".jpg?widths=10"), 400, "bad-chain", "one operation too many")
	f(u.srcset("/crop:100,0,1,1.jpg"), 422, "outside-image", "")
	f(u.srcset("/resize:60000,60000,stretch,up.jpg"), 422, "too-many-pixels", "")
	f(u.srcset(".jpg?alt="+strings.Repeat("x", 4096)), 414, "address-too-long", "the query has 4100 bytes")
	f("/srcset/01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f.jpg", 404, "no-such-image", "")
	f("/srcset/", 404, "no-such-address", "")
	f("/srcset/../x", 400, "bad-chain", "")
}

// A value from the query ends where its attribute ends.
func TestSrcsetKeepsTextInItsAttribute(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	for _, alt := range []string{`"><script>alert(1)</script>`, `' onload='x`, `&quot;`, "`<!--", `a & b < c > d "e" 'f'`, "Zürich 漢字 🖼", " "} {
		all := elements(t, string(s.mustGet(u.srcset(".auto?placeholder=0&sizes=(width+>%3D+40em)+1px,+calc(50vw+-+2em)&alt="+percentEncoded(alt))).body))
		var names []string
		for _, e := range all {
			names = append(names, e.name)
		}
		if strings.Join(names, " ") != "picture source source img" || all[3].attributes["alt"] != alt || len(all[3].attributes) != 8 {
			t.Errorf("%s: %v, %v", alt, names, all[3].attributes)
		}
		for _, e := range all[1:] {
			if e.attributes["sizes"] != "(width >= 40em) 1px, calc(50vw - 2em)" {
				t.Errorf("sizes is %q", e.attributes["sizes"])
			}
		}
	}
}

func percentEncoded(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func TestSizes(t *testing.T) {
	for _, good := range []string{
		"100vw", "50VW", "0", "12.5rem", ".5em", "300px", "calc(100vw - 2rem)", "calc((100vw - 2rem) / 3)", "min(100vw, 40rem)", "clamp(10px,50vw,20em)", "auto", "auto, 100vw",
		"(min-width: 600px) 50vw, 100vw", "(min-width:600px) 50vw,100vw", "(600px <= width < 900px) 33.3vw, 100vw", "(min-width: 60rem) and (orientation: landscape) 40vw, 100vw",
		"not (min-width: 60rem) 100vw, 50dvw", "(min-aspect-ratio: 16/9) 80svh, 100vmin", "(min-width: 3em) min(1px, 2px), (min-width: 2em) 5px, 1px", "  100vw  ",
	} {
		if !isSizes(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{
		"", " ", ",", "100", "100%", "-5px", "+5px", "vw", "px", "100vw,", ",100vw", "100vw, 50vw", "100vw; x", "(min-width: 600px) 50vw", "(min-width: 600px 50vw, 100vw", "min-width 50vw, 100vw",
		"100vw)", "(", "()", ")(", `"100vw"`, "100vw\n", "100vw'", "<b>", "1px<", "url(x)", "calc()", "expression(1)", "auto 100vw", "100vw, auto", "(min-width: 1px) auto, 1px", "100vw\x00", "1é",
		strings.Repeat("1", 501) + "px", strings.Repeat("(", 400), "1.px", "1..2px", "1234567px",
	} {
		if isSizes(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestWidths(t *testing.T) {
	for value, want := range map[string]string{
		"320": "[320]", "320,640": "[320 640]", "640~320": "[640 320]", "100-400/3": "[100 200 400]", "320-1920/5": "[320 501 784 1227 1920]", "1-65535/2": "[1 65535]", "1-2/2": "[1 2]",
	} {
		if got, ok := readWidths(value); !ok || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", value, got, want)
		}
	}
}

// The page that explains the query says of each parameter what its declaration says.
func TestSrcsetIsExplained(t *testing.T) {
	page, err := os.ReadFile("../docs/pictures.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range srcsetParameters {
		row := fmt.Sprintf("| `%s` | %s | `%s` |\n", p.name, p.doc, p.preset)
		if row = strings.ReplaceAll(row, "``", ""); !strings.Contains(string(page), row) {
			t.Errorf("docs/pictures.md does not say\n%s", row)
		}
	}
}

// FuzzSrcsetQuery: whatever stands in a query, it is refused, or the tag is as it would be for the values that were read.
func FuzzSrcsetQuery(f *testing.F) {
	for _, p := range srcsetParameters {
		f.Add(p.name + "=" + p.preset)
		f.Add(p.name + "=%00%ff&" + p.name)
	}
	for _, query := range []string{"", "&&", "%", "a;b", "widths=320-1920/5&sizes=(min-width:+1px)+1px,+calc(1px)&alt=%22%3E&base=https://h:80/a&as=json", "sizes=auto,+1px", "widths=1-9/16"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := readSrcsetQuery(raw)
		if err != nil {
			if p, _ := explain(err); p.status != 400 && p.status != 414 {
				t.Fatalf("%q: %d, %v", raw, p.status, err)
			}
			return
		}
		if len(q.widths) < 1 || len(q.widths) > widthsMost || slices.Min(q.widths) < 1 || slices.Max(q.widths) > widthMost {
			t.Errorf("%q: widths %v", raw, q.widths)
		}
		source := pictureSource{Type: "image/png", Srcset: q.base + "/a 1w"}
		p := &picture{Src: q.base + "/a", Sizes: q.sizes, Alt: q.alt, Loading: q.loading, Sources: []pictureSource{source, source}}
		all := elements(t, string(p.html()))
		if len(all) != 3 {
			t.Fatalf("%q: %s", raw, p.html())
		}
		want := map[string]string{
			"loading": q.loading, "decoding": "async", "width": "0", "height": "0", "alt": q.alt, "sizes": q.sizes, "srcset": q.base + "/a 1w", "src": q.base + "/a",
		}
		for name, value := range want {
			if got := all[2].attributes[name]; got != value {
				t.Errorf("%q: %s is %q, want %q", raw, name, got, value)
			}
		}
		if len(all[2].attributes) != len(want) {
			t.Errorf("%q: %v", raw, all[2].attributes)
		}
	})
}
