//go:build browser

package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Somebody who has read nothing uploads ten photos, crops one by drawing, and pastes the code into a page of another site. The clicks and the waiting
// take some seconds of the minute in which that must be done.
func TestBrowserFirstVisit(t *testing.T) {
	root := serve(t)
	v := visit(t, root, 1440, 900)
	v.mayReadClipboard()
	files := photos(t, t.TempDir(), 10)
	began := time.Now()

	v.do(chromedp.Navigate(root+"/"), chromedp.WaitVisible(`.zone`), chromedp.SetUploadFiles(`#image`, files))
	v.holds(count("done") + " == 10")
	v.look("visit-1-uploaded")
	v.do(chromedp.Click(`.upload a[href^="/playground/"]`))
	v.sees("the photo to draw on", `document.querySelector(".board img")?.naturalWidth`)
	v.dragOver(0.25, 0.25, 0.75, 0.75)
	v.sees("the drawn part in the code", `document.querySelector("code[data-kind]").textContent.includes("/crop:") && !document.querySelector(".code .stale")`)
	v.look("visit-2-drawn")
	v.choose("Copy <picture>")
	v.sees("that it is copied", `[...document.querySelectorAll(".code button")].some(b => b.textContent === "Copied")`)
	code := ask(v, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
	t.Logf("after %v there is code to paste:\n%s", time.Since(began).Round(100*time.Millisecond), code)

	if !strings.Contains(code, `type="image/webp"`) || !strings.Contains(code, root+"/download/") {
		t.Errorf("the code offers no WebP, or not from here")
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><meta name="viewport" content="width=device-width"><title>A page</title><link rel="icon" href="data:,"><h1>My photos</h1>%s`, code)
	}))
	defer site.Close()
	reader := visit(t, root, 800, 600)
	reader.do(chromedp.Navigate(site.URL), chromedp.WaitVisible(`body img`))
	reader.look("visit-3-pasted")
	if size := ask(reader, chromedp.Evaluate[[]int](`[document.images[0].naturalWidth, document.images[0].naturalHeight]`)); size[0] < 230 || size[0] > 290 || size[1] != 180 {
		t.Errorf("the page shows a picture of %v pixels: not half of the photo each way", size)
	}
}
