//go:build browser

package test

import (
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// shownEntries are the names of the entries of the reference that can be seen.
func (v *visitor) shownEntries() []string {
	v.t.Helper()
	return script[[]string](v, `return [...document.querySelectorAll("section.entry")].filter(e => e.checkVisibility()).map(e => e.id)`)
}

// The reference finds what is typed, leads to each entry, and shows the picture of a sample when it is chosen.
func TestBrowserReferenceFinds(t *testing.T) {
	root := serve(t)
	v := visit(t, root, 360, 740)
	v.do(chromedp.Navigate(root+"/docs"), chromedp.WaitVisible(`#filter`))
	all := v.shownEntries()
	if len(all) < 60 || all[0] != "crop" {
		t.Fatalf("it has %v", all)
	}
	v.do(chromedp.SendKeys(`#filter`, "focal point"), chromedp.WaitNotVisible(`#blur`))
	if got := v.shownEntries(); !slices.Contains(got, "crop") || !slices.Contains(got, "resize") || len(got) > 10 {
		t.Errorf("focal point is found in %v", got)
	}
	if links := script[[]string](v, `return [...document.querySelectorAll(".contents li a")].filter(e => e.checkVisibility()).map(e => e.textContent)`); !slices.Equal(links, v.shownEntries()) {
		t.Errorf("the contents have %v", links)
	}
	// Whoever follows a link to another entry sees it, and all others.
	v.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#blur"`), chromedp.WaitVisible(`#blur`))
	if got := v.shownEntries(); !slices.Equal(got, all) {
		t.Errorf("then it has %v", got)
	}
	v.do(chromedp.SendKeys(`#filter`, "nothing like this"), chromedp.WaitVisible(`//*[@id="found"][contains(., "0 found")]`), chromedp.SendKeys(`#filter`, "\x1b"), chromedp.WaitVisible(`#crop`))

	v.do(chromedp.Click(`#crop .samples a`), chromedp.WaitVisible(`body > img`))
	if width := script[int](v, `return document.images[0].naturalWidth`); width != 220 {
		t.Errorf("the sample of a crop is %d pixels wide", width)
	}
}

// Links to entries lead to them, also without scripts, and the commands of the API are of this server.
func TestBrowserReferenceWithoutScripts(t *testing.T) {
	root := serve(t)
	v := visit(t, root, 1440, 900)
	v.do(chromedp.Navigate(root+"/docs/api"), chromedp.WaitVisible(`//*[@id="origin"][contains(., "`+root+`")]`))
	v.withoutScripts()
	v.do(chromedp.Navigate(root+"/docs#duotone"), chromedp.WaitVisible(`#duotone`))
	if top := ask(v, chromedp.Evaluate[float64](`document.querySelector("#duotone").getBoundingClientRect().top`)); top < -1 || top > 800 {
		t.Errorf("the entry stands at %v", top)
	}
	if ask(v, chromedp.Evaluate[bool](`document.querySelector("#filter").checkVisibility()`)) {
		t.Error("there is a field that does nothing")
	}
	v.look("reference-without-scripts")
}
