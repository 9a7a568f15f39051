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

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
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
		if i > 0 { // entries of long pages are alike: all of them once, and then some
			where = `{include: [["html"]], exclude: [[".entry:nth-of-type(n+4)"]]}`
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
	asked []string // addresses
	heads []string // of requests: Referer and what else could tell a token
	bytes int64    // with heads, compressed as they came
}

// follow notes what the browser asks for from now on.
func (v *visitor) follow() *traffic {
	v.t.Helper()
	tr := &traffic{}
	err := chromedp.Listen(v.ctx, func(event any) {
		tr.mutex.Lock()
		defer tr.mutex.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			tr.asked = append(tr.asked, e.Request.URL)
			if head, err := json.Marshal(e.Request.Headers); err == nil {
				tr.heads = append(tr.heads, string(head))
			}
		case *network.EventLoadingFinished:
			tr.bytes += int64(e.EncodedDataLength)
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
func (tr *traffic) weight() int64 {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	n := tr.bytes
	tr.bytes = 0
	return n
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

// refused has the console say that an address was answered with a status, which is as it should be, or fails the test.
func (v *visitor) refused(status int) {
	v.t.Helper()
	v.mutex.Lock()
	defer v.mutex.Unlock()
	before := len(v.complaints)
	v.complaints = slices.DeleteFunc(v.complaints, func(c string) bool { return strings.Contains(c, fmt.Sprintf("status of %d", status)) })
	if len(v.complaints) == before {
		v.t.Errorf("the console does not speak of a status %d", status)
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
	type steps = []chromedp.Action[chromedp.Void]
	wrong := steps{chromedp.WaitVisible(`#locked`), chromedp.SendKeys(`#locked input`, "not-the-token-of-the-tests"), chromedp.Click(`#locked button`), chromedp.WaitVisible(`#locked-why:not(:empty)`)}
	for _, page := range []struct {
		name, address string
		status        int
		steps         steps
	}{
		{"gallery-empty", empty + "/download", 200, nil},
		{"gallery-none", root + "/download?exts=tiff", 200, nil},
		{"upload", root + "/upload-image", 200, nil},
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
