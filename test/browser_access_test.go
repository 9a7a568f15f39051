//go:build browser

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const browserToken = "the-token-of-the-browser-tests"

// axe finds what hinders people who hear pages, use a keyboard or see little (axe-core, which make test-browser fetches).
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(filepath.Join("web", "node_modules", "axe-core", "axe.min.js"))
	return string(text), err
})

// A violation is what axe finds.
type violation struct {
	ID, Help string
	Nodes    []struct {
		Target []any
		HTML   string
		Why    string `json:"failureSummary"`
	}
}

// looks are the windows and the colors in which every page is seen.
var looks = []struct {
	name          string
	width, height int64
	scheme        string
}{
	{"1440", 1440, 900, "light"}, {"1440-dark", 1440, 900, "dark"}, {"360", 360, 740, "light"}, {"360-dark", 360, 740, "dark"},
}

// seeAs changes the window and the colors.
func (v *visitor) seeAs(width, height int64, scheme string) {
	v.t.Helper()
	var mobile []chromedp.EmulateViewportOption
	if width < 500 {
		mobile = append(mobile, chromedp.EmulateMobile)
	}
	v.do(chromedp.EmulateViewport(width, height, mobile...))
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	if _, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		v.t.Fatal(err)
	}
}

// inspect looks at a page in all ways, and has axe look.
func (v *visitor) inspect(name string) {
	v.t.Helper()
	source, err := axe()
	if err != nil {
		v.t.Fatal(err)
	}
	v.do(chromedp.Evaluate[chromedp.Void](source + "\n;undefined"))
	for i, l := range looks {
		v.seeAs(l.width, l.height, l.scheme)
		v.look(name + "-" + l.name)
		where := "document"
		if i > 0 { // the entries of long pages are alike: all of them once, and then some
			where = `{include: [["html"]], exclude: [[".entry:nth-of-type(n+3)"]]}`
		}
		found := ask(v, chromedp.Evaluate[[]violation](`axe.run(`+where+`, {resultTypes: ["violations"]}).then(r => r.violations)`, chromedp.EvalAwaitPromise))
		for _, f := range found {
			for _, n := range f.Nodes {
				v.t.Errorf("%s-%s: %s (%s): %v %s: %s", name, l.name, f.Help, f.ID, n.Target, n.HTML, n.Why)
			}
		}
	}
	v.seeAs(1440, 900, "light")
}

// traffic is what the browser has asked for, and what that weighed as it came.
type traffic struct {
	mutex sync.Mutex
	asked []string                    // addresses
	heads []string                    // of requests: Referer and what else could tell a token
	bytes map[network.RequestID]int64 // with heads, compressed as they came
	kinds map[network.RequestID]network.ResourceType
}

// follow notes what the browser asks for from now on.
func (v *visitor) follow() *traffic {
	v.t.Helper()
	tr := &traffic{bytes: map[network.RequestID]int64{}, kinds: map[network.RequestID]network.ResourceType{}}
	err := chromedp.Listen(v.ctx, func(event any) {
		tr.mutex.Lock()
		defer tr.mutex.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			tr.asked = append(tr.asked, e.Request.URL)
			tr.kinds[e.RequestID] = e.Type
			if head, err := json.Marshal(e.Request.Headers); err == nil {
				tr.heads = append(tr.heads, string(head))
			}
		case *network.EventLoadingFinished:
			tr.bytes[e.RequestID] = int64(e.EncodedDataLength)
		}
	})
	if err != nil {
		v.t.Fatal(err)
	}
	if _, err := chromedp.Call(v.ctx, network.Enable, network.EnableParams{}); err != nil {
		v.t.Fatal(err)
	}
	return tr
}

// weight returns how many bytes came since it was asked the last time.
func (tr *traffic) weight() (all int64) {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	for _, n := range tr.bytes {
		all += n
	}
	clear(tr.bytes)
	return all
}

// weights returns how many bytes came, and how many of them are no pictures.
func (tr *traffic) weights() (all, code int64) {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	for id, n := range tr.bytes {
		all += n
		if tr.kinds[id] != network.ResourceTypeImage {
			code += n
		}
	}
	return all, code
}

// wantOwn checks that nothing was asked for but from the servers under test.
func (tr *traffic) wantOwn(t *testing.T, roots ...string) {
	t.Helper()
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	for _, address := range tr.asked {
		own := func(root string) bool { return strings.HasPrefix(address, root+"/") }
		if !slices.ContainsFunc(roots, own) && !strings.HasPrefix(address, "data:") && !strings.HasPrefix(address, "blob:") {
			t.Errorf("the pages ask for %s", address)
		}
	}
}

// allowed has the console say as often as it likes that something was answered with a status, and tells whether it did.
func (v *visitor) allowed(status int) bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	before := len(v.complaints)
	v.complaints = slices.DeleteFunc(v.complaints, func(c string) bool { return strings.Contains(c, fmt.Sprintf("status of %d", status)) })
	return len(v.complaints) < before
}

// refused waits until the console says that something was answered with a status.
func (v *visitor) refused(status int) {
	v.t.Helper()
	for end := time.Now().Add(20 * time.Second); !v.allowed(status); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			v.t.Fatalf("the console does not speak of a status %d", status)
		}
	}
}

// sendSamples uploads the samples, and returns their ids.
func sendSamples(t *testing.T, root, token string, names ...string) (ids []string) {
	t.Helper()
	for _, name := range names {
		picture, err := os.ReadFile(sample(t, name))
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("image", name)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(picture)
		form.Close()
		request, err := http.NewRequestWithContext(t.Context(), "POST", root+"/upload-image", &body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", form.FormDataContentType())
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		var kept struct{ ID string }
		if err != nil || json.Unmarshal(text, &kept) != nil || kept.ID == "" {
			t.Fatalf("%s is not kept: %d %s %v", name, response.StatusCode, text, err)
		}
		ids = append(ids, kept.ID)
	}
	return ids
}

// No page has a fault that axe finds, whatever it shows, in light and dark, on a wide and a narrow window; none asks another host for anything.
func TestBrowserPagesAreForAll(t *testing.T) {
	empty, root, locked := serve(t), serve(t), serve(t, "--token", browserToken)
	sendSamples(t, root, "", "landscape.jpg", "cutout.png")
	chosen := []string{sample(t, "landscape.jpg"), sample(t, "crop-250-70-220-220.webp"), writeFile(t, t.TempDir(), "notes.txt", "no image")}
	type steps = []chromedp.Action[chromedp.Void]
	wrong := steps{chromedp.WaitVisible(`#locked`), chromedp.SendKeys(`#locked input`, "not-the-token-of-the-tests"), chromedp.Click(`#locked button`), chromedp.WaitVisible(`#locked-why:not(:empty)`)}
	for _, page := range []struct {
		name, address string
		status        int
		steps         steps
	}{
		{"gallery-empty", empty + "/download", 200, nil},
		{"gallery-none", root + "/download?exts=tiff", 200, nil},
		{"gallery", root + "/download", 200, nil},
		{"gallery-search", root + "/download?q=nobody", 200, nil},
		{"playground-choice", root + "/playground", 200, nil},
		{"upload", root + "/upload-image", 200, nil},
		{"upload-done", root + "/upload-image", 415, steps{chromedp.SetUploadFiles(`input[type=file]`, chosen), chromedp.WaitVisible(`.upload.done img`), chromedp.WaitVisible(`.upload.refused`)}},
		{"reference", root + "/docs", 200, nil},
		{"reference-found", root + "/docs", 200, steps{chromedp.WaitVisible(`#filter`), chromedp.SendKeys(`#filter`, "tolerance")}},
		{"api", root + "/docs/api", 200, nil},
		{"nothing", root + "/nothing", 404, nil},
		{"bad-query", root + "/download?exts=xyz", 400, nil},
		{"locked", locked + "/upload-image", 401, steps{chromedp.WaitVisible(`#locked`)}},
		{"locked-wrong", locked + "/download", 401, wrong},
	} {
		t.Run(page.name, func(t *testing.T) {
			v := visit(t, root, 1440, 900)
			traffic := v.follow()
			v.do(append(steps{chromedp.Navigate(page.address), chromedp.WaitVisible(`main`)}, page.steps...)...)
			if page.status >= 400 {
				v.refused(page.status)
			}
			v.inspect("all-" + page.name)
			traffic.wantOwn(t, empty, root, locked)
		})
	}
}

// A page weighs little, is asked for from here alone, and its parts are sent small and kept for ever.
func TestBrowserPagesAreLight(t *testing.T) {
	root := serve(t)
	id := sendSamples(t, root, "", "landscape.jpg")[0]
	for _, page := range []struct {
		name, path, shows string
		most              int64 // bytes as they come, without pictures
	}{
		{"upload", "/upload-image", `main button`, 200_000},
		{"playground", "/playground/" + id, `main img`, 200_000},
		{"gallery", "/download", `a[download] img`, 200_000},
		{"reference", "/docs", `#crop`, 200_000},
		{"api", "/docs/api", `#problems`, 200_000},
	} {
		t.Run(page.name, func(t *testing.T) {
			v := visit(t, root, 1440, 900)
			traffic := v.follow()
			v.do(chromedp.Navigate(root+page.path), chromedp.WaitVisible(page.shows))
			v.look("light-" + page.name)
			traffic.wantOwn(t, root)
			all, code := traffic.weights()
			t.Logf("%d bytes, of which %d are no pictures", all, code)
			if code > page.most || code < 2000 {
				t.Errorf("it weighs %d bytes, and may %d", code, page.most)
			}
			for _, address := range script[[]string](v, `return [...document.querySelectorAll("link[rel=stylesheet], script[src]")].map(e => e.href || e.src)`) {
				for _, encoding := range []string{"br", "gzip"} {
					request, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
					if err != nil {
						t.Fatal(err)
					}
					request.Header.Set("Accept-Encoding", encoding)
					response, err := http.DefaultClient.Do(request)
					if err != nil {
						t.Fatal(err)
					}
					response.Body.Close()
					if kept := response.Header.Get("Cache-Control"); response.Header.Get("Content-Encoding") != encoding || !strings.Contains(kept, "immutable") {
						t.Errorf("%s by %s: %d %v", address, encoding, response.StatusCode, response.Header)
					}
				}
			}
		})
	}
}

// With keys alone one comes to all that can be pressed or filled in, in the order in which it is read; the first leads past the navigation.
func TestBrowserPagesWorkByKeys(t *testing.T) {
	root := serve(t)
	id := sendSamples(t, root, "", "landscape.jpg")[0]
	for _, page := range []struct{ name, path, shows string }{
		{"upload", "/upload-image", `main button`},
		{"gallery", "/download", `a[download] img`},
		{"playground", "/playground/" + id, `main img`},
		{"choice", "/playground", `main a`},
		{"reference", "/docs", `#crop`},
		{"nothing", "/nothing", `main a`},
	} {
		t.Run(page.name, func(t *testing.T) {
			v := visit(t, root, 1440, 900)
			v.do(chromedp.Navigate(root+page.path), chromedp.WaitVisible(page.shows), chromedp.KeyEvent(kb.Tab))
			if first := ask(v, chromedp.Evaluate[string](`document.activeElement.className`)); first != "skip" {
				t.Errorf("the first is %q", first)
			}
			v.do(chromedp.KeyEvent(kb.Enter))
			if at := ask(v, chromedp.Evaluate[string](`document.activeElement.id`)); at != "content" {
				t.Errorf("it leads to %q", at)
			}
			// What can be reached is counted here, and then it is gone to. Of radio buttons one is reached.
			want := script[int](v, `
				window.toReach = [...document.querySelectorAll("main a[href], main button, main input, main select, main textarea, main summary, main [tabindex='0']")].filter(e =>
					!e.disabled && e.tabIndex >= 0 && e.checkVisibility({visibilityProperty: true}) && (e.type !== "radio" || e.checked));
				window.reached = new Set();
				return toReach.length`)
			if want == 0 {
				t.Fatal("there is nothing to reach")
			}
			for range want + 40 {
				v.do(chromedp.KeyEvent(kb.Tab))
				if left := ask(v, chromedp.Evaluate[int](`reached.add(document.activeElement), toReach.filter(e => !reached.has(e)).length`)); left == 0 {
					return
				}
			}
			t.Errorf("of %d these are not reached: %v", want, script[[]string](v, `return toReach.filter(e => !reached.has(e)).map(e => e.outerHTML.slice(0, 150))`))
		})
	}
}
