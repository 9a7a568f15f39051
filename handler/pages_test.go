package handler

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/store"
)

const (
	someID      = "01936f2a-7c4e-7b1d-9a3f-2b6c8d0e1f00"
	hostileName = `"><script>alert(1)</script><img src=x onerror=alert(1)>'.jpg`
	bidiName    = "photo\u202egnp.exe"
)

type htmlPage interface{ render(io.Writer) error }

// samplePages are all the pages in all their states, with the worst names in them.
func samplePages() map[string]htmlPage {
	kept := uploadedImage{
		Name: "rose.jpg", ID: someID, URL: "/download/" + someID, Thumbnail: "/download/" + someID + "/resize:320,320.webp",
		Format: "jpeg", Width: 2725, Height: 2225, Bytes: 1_400_000,
		Prints: samplePrints(func(chain string) string { return "/download/" + someID + chain }),
	}
	hostile, bidi := kept, kept
	hostile.Name, bidi.Name = hostileName, bidiName
	refused := uploadedImage{Name: hostileName, Problem: "This is not an image <b>of a known format</b>."}

	var shown []galleryImage
	for _, name := range []string{"rose.jpg", hostileName, bidiName, "", "\xff\x00broken"} {
		shown = append(shown, galleryImage{shownDescription: shownDescription{
			originalDescription: originalDescription{ID: someID, Name: name, URL: kept.URL, Format: "jpeg", Width: 2725, Height: 2225, Bytes: 1_400_000},
			thumbnails:          thumbnails{kept.Thumbnail, kept.URL + "/resize:640,640.webp"}, Blurhash: "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
		}, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
	}
	reference, err := newReferencePage()
	if err != nil {
		panic(err) // all of it is embedded
	}
	text, err := openAPI(true)
	if err != nil {
		panic(err)
	}
	api, err := newAPIPage(text.plain)
	if err != nil {
		panic(err)
	}
	return map[string]htmlPage{
		"reference":      reference,
		"api":            api,
		"locked":         lockedPage{SignIn: signInPath},
		"upload":         uploadPage{MaxBytes: 32 << 20, MaxPixels: 50_000_000, Formats: []string{"jpeg", "png", "webp"}},
		"upload, bare":   uploadPage{},
		"uploaded":       uploadedPage{Images: []uploadedImage{kept, hostile, refused, bidi}},
		"refused":        uploadedPage{Images: []uploadedImage{refused, {Problem: "It is empty."}}},
		"gallery":        galleryPage{Images: shown, Next: "/download?after=" + someID},
		"gallery, types": galleryPage{Asked: store.Query{Formats: []string{"jpg", "png", hostileName}, Before: store.ID{1}}, Images: shown},
		"gallery, empty": galleryPage{},
		"gallery, none":  galleryPage{Asked: store.Query{Formats: []string{"tif", "tiff"}, Before: store.ID{1}}},
		"gallery, search": galleryPage{Asked: store.Query{
			Name: hostileName, Formats: []string{"jpeg"}, Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC),
		}, Images: shown, Next: "/download?q=x"},
		"gallery, not found": galleryPage{Asked: store.Query{Name: bidiName, Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}},
		"gallery, not yet":   galleryPage{Asked: store.Query{Name: bidiName}, Next: "/download?q=x"},
		"problem":            problemPage{Status: 404, Title: "Not found " + hostileName, Detail: bidiName, Help: apiPath + "#no-such-address"},
		"playground":         playgroundPage{Original: originalDescription{ID: someID, Name: hostileName, Format: "jpeg"}, Chain: "/rotate:90" + hostileName, Print: kept.URL, Width: 60, Height: 40, Data: `{"a":"` + hostileName + `"}`},
		"playground, no":     playgroundPage{Original: originalDescription{ID: someID, Name: bidiName, Format: "png"}, Problem: hostileName},
		"choice":             playgroundChoice{Images: shown},
		"choice, none":       playgroundChoice{},
	}
}

func rendered(t *testing.T, p htmlPage) string {
	t.Helper()
	var b strings.Builder
	if err := p.render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// element is a start tag of a page; inside names the elements around it, text is what it holds itself.
type element struct {
	name       string
	attributes map[string]string
	inside     []string
	text       string
}

// elements reads a page, and fails the test if its tags do not nest.
func elements(t *testing.T, page string) []*element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose = false, append([]string{"source"}, xml.HTMLAutoClose...)
	var list []*element
	var open []*element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, page)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attributes: map[string]string{}}
			for _, around := range open {
				e.inside = append(e.inside, around.name)
			}
			for _, a := range token.Attr {
				if _, twice := e.attributes[a.Name.Local]; twice {
					t.Errorf("<%s> has two attributes %s", e.name, a.Name.Local)
				}
				e.attributes[a.Name.Local] = a.Value
			}
			list, open = append(list, e), append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(token)
			}
		}
	}
}

func each(t *testing.T, f func(t *testing.T, all []*element)) {
	t.Helper()
	for name, p := range samplePages() {
		t.Run(name, func(t *testing.T) { f(t, elements(t, rendered(t, p))) })
	}
}

func TestPagesHaveNothingInline(t *testing.T) {
	each(t, func(t *testing.T, all []*element) {
		for _, e := range all {
			if e.name == "script" && (e.attributes["src"] == "" || strings.TrimSpace(e.text) != "") {
				t.Errorf("a script is inline: %v %q", e.attributes, e.text)
			}
			if e.name == "style" || e.name == "base" || e.name == "iframe" {
				t.Errorf("there is a <%s>", e.name)
			}
			for a := range e.attributes {
				if a == "style" || strings.HasPrefix(a, "on") {
					t.Errorf("<%s> has the attribute %s", e.name, a)
				}
			}
		}
	})
}

func TestPagesLinkOnlyToThemselves(t *testing.T) {
	path := regexp.MustCompile(`^/(upload-image|docs(/api)?|openapi.json|sign-in|download|(download|playground)/[0-9a-f-]{36}[a-z0-9:,/.]*|playground|assets/[a-z]+\.[0-9a-f]{8}\.(css|js))$`)
	each(t, func(t *testing.T, all []*element) {
		ids := map[string]bool{}
		for _, e := range all {
			if id, ok := e.attributes["id"]; ok {
				if ids[id] {
					t.Errorf("the id %q is there twice", id)
				}
				ids[id] = true
			}
		}
		for _, e := range all {
			for _, reference := range []string{"for", "aria-labelledby", "aria-describedby"} {
				if id, ok := e.attributes[reference]; ok && !ids[id] {
					t.Errorf("%s=%q of <%s> leads nowhere", reference, id, e.name)
				}
			}
			links := []string{e.attributes["href"], e.attributes["src"], e.attributes["action"]}
			if set := e.attributes["srcset"]; set != "" {
				for _, candidate := range strings.Split(set, ", ") {
					address, density, _ := strings.Cut(candidate, " ")
					if density != "1x" && density != "2x" {
						t.Errorf("srcset %q", set)
					}
					links = append(links, address)
				}
			}
			for _, link := range links {
				if fragment, ok := strings.CutPrefix(link, "#"); ok && !ids[fragment] {
					t.Errorf("%s leads nowhere", link)
				}
				if link == "" || link[0] == '#' || strings.HasPrefix(link, "data:image/svg+xml,") {
					continue
				}
				u, err := url.Parse(link)
				if assetsByPath[link] != nil {
					continue
				}
				if err != nil || u.Host != "" || !path.MatchString(u.Path) || strings.ContainsAny(link, " |<>\"'") {
					t.Errorf("<%s> links to %q (%v)", e.name, link, err)
				}
			}
		}
	})
}

func TestPagesAreAccessible(t *testing.T) {
	each(t, func(t *testing.T, all []*element) {
		count := map[string]int{}
		labels := map[string]bool{}
		for _, e := range all {
			count[e.name]++
			labels[e.attributes["for"]] = true
		}
		for _, once := range []string{"title", "header", "main", "footer", "h1"} {
			if count[once] != 1 {
				t.Errorf("%d <%s>", count[once], once)
			}
		}
		heading := 0
		for _, e := range all {
			a := e.attributes
			switch e.name {
			case "html":
				if a["lang"] != "en" {
					t.Error("the language is not said")
				}
			case "img":
				if a["alt"] == "" || a["width"] == "" || a["height"] == "" {
					t.Errorf("img without alt, width or height: %v", a)
				}
			case "input":
				if !labels[a["id"]] && a["type"] != "hidden" {
					t.Errorf("input without label: %v", a)
				}
			case "nav":
				if a["aria-label"] == "" {
					t.Error("nav without a name")
				}
			case "svg":
				if a["aria-hidden"] != "true" {
					t.Error("svg that is read out")
				}
			case "h1", "h2", "h3":
				if level := int(e.name[1] - '0'); level > heading+1 {
					t.Errorf("h%d follows h%d", level, heading)
				} else {
					heading = level
				}
			}
		}
	})
}

func TestPagesContainNames(t *testing.T) {
	each(t, func(t *testing.T, all []*element) {
		for _, e := range all {
			if !strings.ContainsRune(e.text, '\u202e') {
				continue
			}
			if e.name != "bdi" && e.name != "p" { // a paragraph keeps directions to itself
				t.Errorf("a name that changes the direction stands in <%s> in %v", e.name, e.inside)
			}
		}
	})
	var names []string
	for _, e := range elements(t, rendered(t, samplePages()["gallery"])) {
		if e.name == "bdi" {
			names = append(names, e.text)
		}
	}
	if want := []string{"rose.jpg", hostileName, bidiName, someID, "\uFFFD\uFFFDbroken"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestUploadPageSaysTheLimits(t *testing.T) {
	page := rendered(t, samplePages()["upload"])
	for _, want := range []string{
		`method="post" enctype="multipart/form-data" action="/upload-image" data-most-bytes="33554432" data-most="32 MiB">`,
		`type="file" name="image" multiple accept="image/*" required`,
		"JPEG, PNG or WebP.", "at most 32 MiB and at most 50 megapixels", `<button type="submit">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if page := rendered(t, uploadPage{}); strings.Contains(page, "at most") || strings.Contains(page, "data-most") {
		t.Error("limits are said where there are none")
	}
}

func TestUploadedPageShowsWhatToCopy(t *testing.T) {
	var copied, links, headings []string
	for _, e := range elements(t, rendered(t, samplePages()["uploaded"])) {
		switch {
		case e.name == "code" && slices.Contains(e.inside, "pre"):
			copied = append(copied, e.text)
		case e.name == "a" && slices.Contains(e.inside, "li"):
			links = append(links, e.attributes["href"])
		case e.name == "h1":
			headings = append(headings, e.text)
		}
	}
	original := "/download/" + someID
	tag := func(alt string) string {
		return `<img src="` + original + `" width="2725" height="2225" alt="` + alt + `">`
	}
	want := []string{
		someID, tag("rose.jpg"),
		someID, tag("&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&#39;.jpg"),
		someID, tag("photo&#x202E;gnp.exe"),
	}
	if !slices.Equal(copied, want) {
		t.Errorf("to copy: got %q, want %q", copied, want)
	}
	prints := []string{original + "/resize:400.webp", original + "/crop:0,0,200,200/rotate:90.png", original + ".json"}
	if !slices.Equal(links, slices.Repeat(prints, 3)) {
		t.Errorf("prints: got %q, want %q three times", links, prints)
	}
	if want := []string{"3 images uploaded, 1 refused"}; !slices.Equal(headings, want) {
		t.Errorf("heading: got %q, want %q", headings, want)
	}
	if page := rendered(t, samplePages()["refused"]); !strings.Contains(page, "2 files refused") ||
		!strings.Contains(page, "This is not an image &lt;b&gt;of a known format&lt;/b&gt;.") || !strings.Contains(page, "Unnamed file") {
		t.Errorf("refused files are not told of:\n%s", page)
	}
}

func TestGalleryDownloads(t *testing.T) {
	page := rendered(t, samplePages()["gallery"])
	var images int
	for _, e := range elements(t, page) {
		if e.name != "img" {
			continue
		}
		images++
		want := "/download/" + someID + "/resize:320,320.webp 1x, /download/" + someID + "/resize:640,640.webp 2x"
		if e.attributes["loading"] != "lazy" || e.attributes["srcset"] != want {
			t.Errorf("got %v", e.attributes)
		}
	}
	if images != 5 || strings.Count(page, ` download><span class="hidden">Download</span>`) != 5 {
		t.Errorf("%d images of 5 can be downloaded", images)
	}
	for _, want := range []string{"1.4 MB", "2725 × 2225", `datetime="2026-01-02T03:04:05Z"`, `rel="next"`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if page := rendered(t, galleryPage{}); !strings.Contains(page, "No images yet") || strings.Contains(page, "Next page") {
		t.Error("the empty gallery does not say so")
	}
	if page := rendered(t, samplePages()["gallery, none"]); !strings.Contains(page, "There are no further TIFF images.") {
		t.Error("an empty page of some types does not say so")
	}
	page = rendered(t, samplePages()["gallery, search"])
	for _, want := range []string{`name="since" type="date" value="2026-11-01"`, `name="until" type="date" value="2026-11-26"`, `type="hidden" name="exts" value="jpeg"`, `data-blurhash="LEHV6nWB2yk8pyo0adR*.7kCMdnj"`} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing from the page of a search", want)
		}
	}
	if page := rendered(t, samplePages()["gallery, not found"]); !strings.Contains(page, "in their names, uploaded since 1 November 2026.") || !strings.Contains(page, "Show all images") {
		t.Error("a search without an end does not say what was asked")
	}
	if page := rendered(t, samplePages()["gallery, not yet"]); !strings.Contains(page, "Nothing found yet") || !strings.Contains(page, "Search older images") {
		t.Error("a search that is not at its end does not say so")
	}
}

func TestTypeFiltersAddAndTakeAway(t *testing.T) {
	f := func(asked []string, typ string, shown bool, want string) {
		t.Helper()
		for _, got := range typeFilters(store.Query{Formats: asked}) {
			if got.Type == typ && (got.Shown != shown || got.URL != want) {
				t.Errorf("of %q: %s shown %v leads to %s, want %v and %s", asked, typ, got.Shown, got.URL, shown, want)
			}
		}
	}
	f(nil, "png", false, "/download?exts=png")
	f([]string{"png"}, "png", true, "/download")
	f([]string{"png"}, "jpeg", false, "/download?exts=jpeg%7Cpng")
	f([]string{"jpg", "png"}, "jpeg", true, "/download?exts=png")
	f([]string{"jpg", "png"}, "tiff", false, "/download?exts=jpeg%7Cpng%7Ctiff")
	f([]string{"svg"}, "svg", true, "/download")
	f([]string{"svg"}, "gif", false, "/download?exts=gif%7Csvg")
	asked := store.Query{Name: "a b", Until: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), Before: store.ID{1}, Limit: 5}
	if got := typeFilters(asked)[0].URL; got != "/download?exts=jpeg&limit=5&q=a+b&until=2026-11-26" {
		t.Errorf("what else is asked becomes %s", got)
	}
}

func TestProblemPageTellsThePerson(t *testing.T) {
	page := rendered(t, problemPage{Status: 404, Title: "There is nothing here", Detail: "No image has this id."})
	for _, want := range []string{"404", "<h1>There is nothing here</h1>", "<p>No image has this id.</p>", "<title>There is nothing here – Calotype</title>"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestSizesInWords(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 1: "1 byte", 812: "812 bytes", 999: "999 bytes", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 999_499: "999 kB",
		999_500: "1.0 MB", 1_400_000: "1.4 MB", 32 << 20: "34 MB", 5_000_000_000: "5.0 GB", math.MaxInt64: "9.2 EB",
	} {
		if got := humanBytes(n); got != want {
			t.Errorf("humanBytes(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1_234_567: "1,234,567"} {
		if got := humanNumber(n); got != want {
			t.Errorf("humanNumber(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{
		1: "1 byte", 1500: "1,500 bytes", 32_000_000: "32 MB", 32 << 20: "32 MiB", 2_000_000_000: "2,000 MB", 1<<20 + 1: "1,048,577 bytes",
	} {
		if got := exactBytes(n); got != want {
			t.Errorf("exactBytes(%d) = %q, want %q", n, got, want)
		}
	}
	if got, want := limitsInWords(1500, 268_402_689), "at most 1,500 bytes and at most 268.402689 megapixels"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAssetsAreLinked(t *testing.T) {
	s := serve(t)
	page := rendered(t, lockedPage{})
	for name, link := range map[string]string{"style.css": `<link rel="stylesheet" href="%s">`, "locked.js": `<script type="module" src="%s"></script>`} {
		path, err := assetPath(name)
		stem, extension, _ := strings.Cut(name, ".")
		if err != nil || !regexp.MustCompile(`^/assets/`+stem+`\.[0-9a-f]{8}\.`+extension+`$`).MatchString(path) {
			t.Errorf("%s is at %s: %v", name, path, err)
		}
		if !strings.Contains(page, fmt.Sprintf(link, path)) {
			t.Errorf("the page does not link %s", path)
		}
		plain := s.mustGet(path)
		for encoding, decode := range map[string]func(io.Writer, []byte) (int, error){"br": fasthttp.WriteUnbrotli, "gzip": fasthttp.WriteGunzip} {
			a := s.get(path, "Accept-Encoding", encoding+", other;q=0.5")
			var got bytes.Buffer
			if _, err := decode(&got, a.body); err != nil || !bytes.Equal(got.Bytes(), plain.body) {
				t.Errorf("%s as %s: %v, %d bytes, not %d", path, encoding, err, got.Len(), len(plain.body))
			}
			if len(a.body) >= len(plain.body) || a.header.Get("Content-Encoding") != encoding || a.header.Get("Vary") != "Accept-Encoding" || a.header.Get("Cache-Control") != keepAsset {
				t.Errorf("%s as %s: %d bytes, %v", path, encoding, len(a.body), a.header)
			}
		}
		if a := s.get(path, "Accept-Encoding", "br;q=0, gzip;q=0"); a.header.Get("Content-Encoding") != "" || !bytes.Equal(a.body, plain.body) {
			t.Errorf("%s is compressed for who cannot read it", path)
		}
	}
	style := s.mustGet(mustAsset("style.css")).body
	if bytes.Contains(style, []byte("url(")) || bytes.Contains(style, []byte("@import")) {
		t.Error("the stylesheet loads something else")
	}
}

// mustAsset is the path of an asset that is known.
func mustAsset(name string) string {
	path, err := assetPath(name)
	if err != nil {
		panic(err)
	}
	return path
}

// The colors keep the contrast of WCAG 2.2 AA: 4.5 for text, 3 for large text and the edges of controls.
func TestStylesheetHasContrast(t *testing.T) {
	body, err := os.ReadFile("../web/src/base.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(body), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("there are no dark colors")
	}
	dark, _, _ = strings.Cut(dark, "}")
	for theme, text := range map[string]string{"light": light, "dark": dark} {
		colors := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(text, -1) {
			colors[m[1]] = luminance(t, m[2])
		}
		f := func(minimum float64, front string, backs ...string) {
			for _, back := range backs {
				a, b := colors[front], colors[back]
				if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < minimum {
					t.Errorf("%s: %s on %s has a contrast of %.2f, want %v", theme, front, back, got, minimum)
				}
			}
		}
		f(4.5, "ink", "paper", "sheet", "well", "mat")
		f(4.5, "quiet", "paper", "sheet")
		f(4.5, "accent", "paper", "sheet")
		f(4.5, "on-accent", "accent")
		f(4.5, "bad", "sheet")
		f(3, "edge", "paper", "sheet")
	}
}

// luminance is the relative luminance of an sRGB color as WCAG 2.2 defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	linear := func(shift int) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) {
	return 0, fmt.Errorf("the client left: %w", io.ErrClosedPipe)
}

func TestRenderPassesOnAnErrorOfTheWriter(t *testing.T) {
	if err := (uploadPage{}).render(brokenWriter{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}
