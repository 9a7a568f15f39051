package transform

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// openEngine reads the formats that are off otherwise as well, as far as the linked libvips can.
var openEngine = sync.OnceValues(func() (*Engine, error) {
	return NewEngine(Options{Workers: 1, Deadline: 20 * time.Second, Limits: Limits{Pixels: 50_000_000, Side: 16384}, Formats: []string{"svg", "pdf"}})
})

// drawn is the print that path asks for of an original that is drawn; it skips the test if the libvips here cannot do that.
func drawn(t testing.TB, data []byte, path string) (*Rendition, error) {
	t.Helper()
	e, err := openEngine()
	if err != nil {
		t.Fatal(err)
	}
	file := open(t, data)
	original, err := e.Inspect(t.Context(), file, Asker{})
	if err != nil {
		return nil, err
	}
	target, err := Parse(id + path)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(target.Chain.Settle(original, ""), original, e.Limits())
	if err != nil {
		return nil, err
	}
	return e.Render(t.Context(), Job{Open: opener(data), Plan: plan})
}

// needs skips a test of a format that the linked libvips cannot read.
func needs(t testing.TB, format string) {
	t.Helper()
	e, err := openEngine()
	if err != nil {
		t.Fatal(err)
	}
	if !e.reads(format) {
		t.Skipf("the libvips %s that is linked reads no %s", LibvipsVersion(), format)
	}
}

const svgName = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xi="http://www.w3.org/2001/XInclude" `

// An SVG is drawn at its own size, with its transparency.
func TestSVG(t *testing.T) {
	needs(t, "svg")
	squares := `<path d="M0 0h1v1h-1z" fill="#f00"/><path d="M1 0h1v1h-1z" fill="#0f0"/><path d="M0 1h1v1h-1z" fill="#00f"/></svg>`
	f := func(head, path, want string, size Size) {
		t.Helper()
		r, err := drawn(t, []byte(head+squares), path)
		if err != nil {
			t.Errorf("%s: %v", head, err)
			return
		}
		if r.Size != size || r.Format != png {
			t.Errorf("%s: %s %s, want %s", head, r.Format.Name, r.Size, size)
		}
		if got := reads(pixels(t, r.Body)); got != want {
			t.Errorf("%s: %s, want %s", head, got, want)
		}
	}
	f(svgName+`width="2" height="2">`, "", "rg b.", Size{2, 2})
	f(svgName+`width="2px" height="2px">`, "/rotate:90", "br .g", Size{2, 2})
	f(svgName+`width="4" height="4" viewBox="0 0 2 2">`, "", "rrgg rrgg bb.. bb..", Size{4, 4})
	f(svgName+`viewBox="0 0 2 2">`, "", "rg b.", Size{2, 2})
	f("<?xml version='1.0' encoding='UTF-8'?><!-- a --><!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://127.0.0.1:1/svg11.dtd\">"+svgName+`width="2" height="2">`, "", "rg b.", Size{2, 2})
	if r, err := drawn(t, []byte(svgName+`width="1in" height="0.5in"/>`), ""); err != nil || r.Size != (Size{72, 36}) {
		t.Errorf("an inch: %v", err)
	}
	if r, err := drawn(t, []byte(svgName+`width="300" height="200">`+squares), "/resize:30.jpg"); err != nil || r.Size != (Size{30, 20}) {
		t.Errorf("resized: %v", err)
	}
}

// Text is refused, with what to do about it, and not drawn as boxes.
func TestTextOfSVG(t *testing.T) {
	needs(t, "svg")
	_, err := drawn(t, []byte(svgName+`width="60" height="30"><text x="2" y="24" font-size="24">Ag</text></svg>`), "")
	if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "converted to paths") {
		t.Error(err)
	}
}

// No SVG shows what is in a file, asks a network or stops the server: each is a print without the secret, or a clear error.
func TestHostileSVG(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	needs(t, "svg")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	asked := make(chan struct{}, 100)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			asked <- struct{}{}
			c.Close()
		}
	}()
	secret := filepath.Join(t.TempDir(), "secret.png")
	if err := os.WriteFile(secret, encodePNG(t, draws("rrrr", "rrrr", "rrrr", "rrrr")), 0o644); err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String() + "/x.png"
	size := `width="8" height="8"`
	refused := errors.New("refused")
	for what, c := range map[string]struct {
		file string
		want error // nil for a print in which nothing is red
	}{
		"a script":              {svgName + size + `><script>document.documentElement.innerHTML='&lt;rect fill="red" width="8" height="8"/>'</script></svg>`, nil},
		"an image of a file":    {svgName + size + `><image href="file://` + secret + `" width="8" height="8"/></svg>`, nil},
		"an image of a path":    {svgName + size + `><image xlink:href="` + secret + `" width="8" height="8"/></svg>`, nil},
		"an image of a network": {svgName + size + `><image href="` + url + `" width="8" height="8"/></svg>`, nil},
		"a style of a network":  {svgName + size + `><style>@import url("` + url + `"); @import "file:///etc/passwd";</style></svg>`, nil},
		"a use of a file":       {svgName + size + `><use href="file://` + secret + `#a"/></svg>`, nil},
		"XInclude":              {svgName + size + `><desc><xi:include href="file:///etc/passwd" parse="text"/></desc></svg>`, nil},
		"foreign HTML":          {svgName + size + `><foreignObject width="8" height="8"><img xmlns="http://www.w3.org/1999/xhtml" src="file://` + secret + `"/></foreignObject></svg>`, nil},
		"an entity of a file":   {`<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + svgName + size + `><text y="8">&a;</text></svg>`, ErrUnsupported},
		"a billion laughs":      {`<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>` + svgName + size + `><text>&b;</text></svg>`, ErrUnsupported},
		"gigantic":              {svgName + `width="60000" height="60000"/>`, ErrTooLarge},
		"nothing":               {svgName + `width="0" height="0"/>`, ErrBroken},
		"cut short":             {svgName + size + `><rect`, ErrBroken},
		"a million uses":        {svgName + size + `><g id="a0"><rect width="1" height="1"/></g>` + uses(9) + `</svg>`, refused},
		"a wide filter":         {svgName + size + `><filter id="f"><feTurbulence baseFrequency="1e-9" numOctaves="100000000"/></filter><rect width="8" height="8" filter="url(#f)"/></svg>`, refused},
		"deep":                  {svgName + size + `>` + strings.Repeat("<g>", 100_000) + strings.Repeat("</g>", 100_000) + `</svg>`, refused},
	} {
		began := time.Now()
		r, err := drawn(t, []byte(c.file), ".png")
		switch {
		case c.want == refused && err != nil:
			ok := false
			for _, known := range []error{ErrBroken, ErrTooLarge, ErrExpensive, ErrBusy, ErrUnsupported} {
				ok = ok || errors.Is(err, known)
			}
			if !ok {
				t.Errorf("%s: %v", what, err)
			}
		case c.want != nil && c.want != refused && !errors.Is(err, c.want):
			t.Errorf("%s: %v, want %v", what, err, c.want)
		case c.want == nil && err != nil && !errors.Is(err, ErrBroken):
			t.Errorf("%s: %v", what, err)
		case err == nil:
			picture := pixels(t, r.Body)
			for i := 0; i < len(picture.Pix); i += 4 {
				if p := picture.Pix[i:]; p[3] > 0 && p[0] > 100 && p[1] < 50 {
					t.Errorf("%s: the secret shows", what)
					break
				}
			}
		}
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("%s took %v", what, took)
		}
	}
	select {
	case <-asked:
		t.Error("somebody asked the network")
	default:
	}
}

// uses draws ten of the group before, n times over.
func uses(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `<g id="a%d">%s</g>`, i+1, strings.Repeat(fmt.Sprintf(`<use href="#a%d"/>`, i), 10))
	}
	return b.String()
}

// What is off is refused by name, whether libvips could or not, at the upload and when a print is made of what was taken before.
func TestFormatsThatAreOff(t *testing.T) {
	for _, name := range []string{"svg", "pdf"} {
		if _, err := render(t, canary(t, name), ".png"); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "this is "+name) {
			t.Errorf("%s: %v", name, err)
		}
		plan, err := NewPlan(Chain{Format: png}, Original{Format: name, Size: Size{32, 16}, Frames: 1, Depth: 8, Orientation: 1}, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := engine(t).Render(t.Context(), Job{Open: opener(canary(t, name)), Plan: plan}); !errors.Is(err, ErrUnsupported) {
			t.Errorf("a print of %s: %v", name, err)
		}
	}
	if _, err := NewEngine(Options{Formats: []string{"jpeg"}}); err == nil {
		t.Error("jpeg can be switched on")
	}
}

// The formats that only some builds of libvips read are prints there, and refused by name elsewhere.
func TestFormatsOfSomeBuilds(t *testing.T) {
	t.Run("jxl", func(t *testing.T) {
		needs(t, "jxl")
		r, err := drawn(t, canary(t, "jxl"), ".png")
		if err != nil {
			t.Fatal(err)
		}
		if got := quarters(t, r.Body); got != "rgby" || r.Size != (Size{64, 48}) {
			t.Errorf("%s, %s", got, r.Size)
		}
		original := encodePNG(t, photo(90, 61))
		for _, path := range []string{".jxl", "/quality:90.jxl", "/quality:auto.jxl", "/effort:9.jxl", "/lossless:1.jxl", "/maxbytes:2000.jxl"} {
			print := mustRender(t, original, path)
			if print.Format != jxl || print.Size != (Size{90, 61}) {
				t.Errorf("%s is %s %s", path, print.Format.Name, print.Size)
			}
		}
		if lossy, exact := mustRender(t, original, ".jxl"), mustRender(t, original, "/lossless:1.jxl"); len(exact.Body) <= len(lossy.Body) {
			t.Errorf("a lossless JPEG XL has %d bytes, another %d", len(exact.Body), len(lossy.Body))
		}
	})
	t.Run("pdf", func(t *testing.T) {
		needs(t, "pdf")
		r, err := drawn(t, canary(t, "pdf"), ".png")
		if err != nil {
			t.Fatal(err)
		}
		if got := quarters(t, r.Body); got != "rwwb" || r.Size != (Size{50, 50}) {
			t.Errorf("%s, %s", got, r.Size)
		}
		if r, err := drawn(t, canary(t, "pdf"), ""); err != nil || r.Format != jpeg {
			t.Errorf("without an extension: %v", err)
		}
	})
}
