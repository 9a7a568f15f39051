//go:build browser

package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A visitor is a person at a browser, who keeps count of what the console complains of.
type visitor struct {
	t    *testing.T
	ctx  context.Context
	root string

	expects func(complaint string) bool // those that a test brings about; nil is none

	mutex      sync.Mutex
	complaints []string
}

func visit(t *testing.T, root string, width, height int64) *visitor {
	t.Helper()
	return visitFor(t, time.Minute, root, width, height)
}

// visitFor is a visit that may take so long.
func visitFor(t *testing.T, most time.Duration, root string, width, height int64) *visitor {
	t.Helper()
	temporary, err := os.MkdirTemp("", "browser") // which it does not empty by itself when it is made to end
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temporary) })
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Env("TMPDIR="+temporary),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.WindowSize(int(width), int(height)),
	)
	allocated, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancelAllocator)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)
	// The browser lives as long as the context of the first call, and each later one has its own limit.
	v := &visitor{t: t, ctx: ctx, root: root}
	var viewport []chromedp.EmulateViewportOption
	if width < 500 {
		viewport = append(viewport, chromedp.EmulateMobile)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height, viewport...)); err != nil {
		t.Fatal(err)
	}
	v.ctx, cancel = context.WithTimeout(ctx, most)
	t.Cleanup(cancel)
	err = chromedp.Listen(v.ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded: // failed loads and violations of the content security policy
			if e.Entry.Level == log.EntryLevelError && !strings.HasSuffix(e.Entry.URL, "/favicon.ico") {
				v.complain(fmt.Sprintf("%s: %s", e.Entry.Text, e.Entry.URL))
			}
		case *runtime.EventExceptionThrown:
			v.complain(e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(v.ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *visitor) complain(what string) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.expects == nil || !v.expects(what) {
		v.complaints = append(v.complaints, what)
	}
}

func (v *visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, actions...); err != nil {
		v.t.Fatal(err)
	}
}

// ask runs an action that has a result.
func ask[T any](v *visitor, action chromedp.Action[T]) T {
	v.t.Helper()
	result, err := chromedp.Run(v.ctx, action)
	if err != nil {
		v.t.Fatal(err)
	}
	return result
}

// withoutScripts has the pages that come run none.
func (v *visitor) withoutScripts() {
	v.t.Helper()
	if _, err := chromedp.Call(v.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		v.t.Fatal(err)
	}
}

// sees waits for something to be true of the page, also while it goes on to another one.
func (v *visitor) sees(what, expression string) {
	v.t.Helper()
	for end := time.Now().Add(45 * time.Second); ; time.Sleep(25 * time.Millisecond) {
		so, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if so && err == nil {
			return
		}
		if time.Now().After(end) || v.ctx.Err() != nil {
			v.t.Fatalf("not to be seen: %s (%v); the page says %q, the console %v", what, err, ask(v, chromedp.Evaluate[string](`location.href + " " + document.body.innerText.slice(0, 2000)`)), v.complaints)
		}
	}
}

// look takes a picture of the page and checks what holds for all pages: nothing sticks out at the side, is cut off or
// lies on something else, every image is there, the console is silent.
func (v *visitor) look(name string) {
	v.t.Helper()
	v.do(chromedp.Evaluate[chromedp.Void](
		`Promise.all([...document.images].map(i => { i.loading = "eager"; return i.decode().catch(() => {}) }))`,
		chromedp.EvalAwaitPromise))
	wide := ask(v, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
	broken := ask(v, chromedp.Evaluate[[]string](`[...document.images].filter(i => i.getAttribute("src") && !i.naturalWidth).map(i => i.src)`))
	v.fits(name)
	picture := ask(v, v.picture())
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		folder = v.t.ArtifactDir()
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		v.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
		v.t.Fatal(err)
	}
	if wide {
		v.t.Errorf("%s: the page is wider than the window", name)
	}
	if len(broken) > 0 {
		v.t.Errorf("%s: images that do not show: %v", name, broken)
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if len(v.complaints) > 0 {
		v.t.Errorf("%s: the console says %v", name, v.complaints)
		v.complaints = nil
	}
}

// picture is that of the whole page, or of what the window shows of one that is very long.
func (v *visitor) picture() chromedp.Action[[]byte] {
	if ask(v, chromedp.Evaluate[int](`document.documentElement.scrollHeight`)) > 10_000 {
		return chromedp.CaptureScreenshot()
	}
	return chromedp.FullScreenshot(100)
}

// Two photos are chosen and uploaded, the gallery shows both, and a click downloads one under its name. Nothing of it needs
// scripts.
func TestBrowserUploadGalleryDownload(t *testing.T) {
	for _, window := range []struct{ width, height int64 }{{1440, 900}, {360, 740}} {
		t.Run(fmt.Sprint(window.width), func(t *testing.T) {
			v := visit(t, serve(t), window.width, window.height)
			v.withoutScripts()
			name := func(page string) string { return fmt.Sprintf("%s-%d", page, window.width) }
			v.do(
				chromedp.Navigate(v.root+"/"),
				chromedp.WaitVisible(`input[type=file]`),
			)
			v.look(name("upload"))

			photo := sample(t, "landscape.jpg")
			v.do(
				chromedp.SetUploadFiles(`input[type=file]`, []string{photo, sample(t, "cutout.png")}),
				chromedp.Click(`button`),
				chromedp.WaitVisible(`body img`),
			)
			v.look(name("uploaded"))

			v.do(chromedp.Navigate(v.root+"/download?exts=jpeg|jpg|png|gif"), chromedp.WaitVisible(`a[download] img`))
			v.look(name("gallery"))
			if shown := ask(v, chromedp.Evaluate[int](`document.querySelectorAll("a[download] img").length`)); shown != 2 {
				t.Fatalf("the gallery shows %d images", shown)
			}

			folder := t.TempDir()
			done := make(chan string, 8)
			suggested := make(chan string, 8)
			err := chromedp.ListenBrowser(v.ctx, func(event any) {
				switch e := event.(type) {
				case *browser.EventDownloadWillBegin:
					suggested <- e.SuggestedFilename
				case *browser.EventDownloadProgress:
					if e.State == browser.DownloadProgressStateCompleted {
						done <- e.GUID
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			events := true
			_, err = chromedp.CallBrowser(v.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
				Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: folder, EventsEnabled: &events,
			})
			if err != nil {
				t.Fatal(err)
			}
			v.do(chromedp.Click(`//a[@download][contains(., "landscape")]`))
			select {
			case guid := <-done:
				got, err := os.ReadFile(filepath.Join(folder, guid))
				if err != nil {
					t.Fatal(err)
				}
				want, err := os.ReadFile(photo)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("the download has %d bytes, the photo %d", len(got), len(want))
				}
				if name := <-suggested; name != "landscape.jpg" {
					t.Errorf("it is saved as %q", name)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the click downloads nothing")
			}

			v.do(chromedp.Navigate(v.root+"/download?exts=tiff"), chromedp.WaitVisible(`main`))
			v.look(name("empty"))
		})
	}
}

// An img tag of another site shows prints, also where the address has its commas and colons.
func TestBrowserShowsPrintsInAnotherPage(t *testing.T) {
	root := serve(t)
	v := visit(t, root, 800, 600)
	v.withoutScripts()
	v.do(
		chromedp.Navigate(root+"/upload-image"), chromedp.WaitVisible(`input[type=file]`),
		chromedp.SetUploadFiles(`input[type=file]`, []string{sample(t, "landscape.jpg")}),
		chromedp.Click(`button`), chromedp.WaitVisible(`body img`),
	)
	page := ask(v, chromedp.Evaluate[string](`document.body.innerHTML`))
	i := strings.Index(page, "/download/0")
	if i < 0 {
		t.Fatal("the page after the upload names no address")
	}
	image := root + page[i:i+len("/download/")+36]
	site := filepath.Join(t.TempDir(), "index.html")
	html := fmt.Sprintf(`<!doctype html><meta charset="utf-8"><title>x</title><link rel="icon" href="data:,">
<img src="%[1]s/resize:200.webp" alt=""><img src="%[1]s/crop:0,0,200,200/rotate:90.png" alt="">
<img src="%[1]s/resize:100.auto" alt="" crossorigin><img srcset="%[1]s/resize:90.jpg 1x, %[1]s/resize:90/dpr:2.jpg 2x" alt="">`, image)
	if err := os.WriteFile(site, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	v.do(chromedp.Navigate("file://"+site), chromedp.WaitVisible(`body img`))
	v.look("elsewhere")
}

// The answer of /srcset, put into a page as it is, has the browser take the print of the width and the density that it needs, and
// nothing moves when it comes.
func TestBrowserChoosesFromASrcset(t *testing.T) {
	root := serve(t)
	id := sendSamples(t, root, "", "landscape.jpg")[0]
	address := root + "/srcset/" + id + "/crop:0,0,480,270.auto?widths=120,240,360,480&sizes=(min-width:+600px)+240px,+100vw&alt=A+tree&base=" + root
	fragment, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer fragment.Body.Close()
	tag, err := io.ReadAll(fragment.Body)
	if err != nil {
		t.Fatal(err)
	}
	// What follows the picture notes where it stands before anything is loaded.
	page := filepath.Join(t.TempDir(), "index.html")
	html := `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>x</title><link rel="icon" href="data:,">
<style>body { margin: 0 } img { display: block; width: 100%; max-width: 480px; height: auto } @media (min-width: 600px) { img { width: 240px } }</style>
` + string(tag) + `<p>below</p><script>
var text = document.querySelector("p"), loaded = document.images[0].complete && document.images[0].naturalWidth > 0, before = text.getBoundingClientRect().top, shift = 0
new PerformanceObserver(list => { for (const e of list.getEntries()) shift += e.value }).observe({ type: "layout-shift", buffered: true })
</script>`
	if err := os.WriteFile(page, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, window := range []struct {
		width, height int64
		scale         float64
		want          string
		shown         int
	}{
		{1440, 900, 1, "/crop:0~0~480~270/resize:240.avif", 240},
		{1440, 900, 2, "/crop:0~0~480~270.avif", 240},
		{340, 700, 1, "/crop:0~0~480~270/resize:360.avif", 340},
		{100, 700, 1, "/crop:0~0~480~270/resize:120.avif", 100},
	} {
		t.Run(fmt.Sprintf("%d@%v", window.width, window.scale), func(t *testing.T) {
			v := visit(t, root, window.width, window.height)
			v.do(
				chromedp.EmulateViewport(window.width, window.height, chromedp.EmulateScale(window.scale)),
				chromedp.Navigate("file://"+page), chromedp.WaitVisible(`body > p`),
			)
			v.look(fmt.Sprintf("srcset-%d-%v", window.width, window.scale))
			if got := ask(v, chromedp.Evaluate[string]("document.images[0].currentSrc")); got != root+"/download/"+id+window.want {
				t.Errorf("the browser takes %s, want %s", got, window.want)
			}
			if got := ask(v, chromedp.Evaluate[int]("document.images[0].width")); got != window.shown {
				t.Errorf("it is shown %d pixels wide, want %d", got, window.shown)
			}
			if ask(v, chromedp.Evaluate[bool]("loaded")) {
				t.Error("the picture was loaded before its place was noted")
			}
			moved := ask(v, chromedp.Evaluate[float64]("Math.abs(text.getBoundingClientRect().top - before)"))
			shift := ask(v, chromedp.Evaluate[float64]("shift"))
			if top := ask(v, chromedp.Evaluate[float64]("before")); moved > 0.5 || shift != 0 || top < 50 {
				t.Errorf("the text below stands at %v and moves by %v pixels, a shift of %v", top, moved, shift)
			}
		})
	}
	// Whoever opens the address in a browser sees the picture.
	v := visit(t, root, 800, 600)
	v.do(chromedp.Navigate(strings.TrimSuffix(address, "&base="+root)), chromedp.WaitVisible(`body img`))
	v.look("srcset-itself")
}
