//go:build cdn && browser

package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A page of fifty pictures, each with a srcset, is seen through Varnish. Who reloads it gets them from the browser's cache or is told
// that they are the same; who comes later costs the program nothing.
func TestCDNBrowser(t *testing.T) {
	program(t, "chromium")
	o := newOrigin(t)
	p := varnish(t, o.port)
	id := o.landscape()
	var page strings.Builder
	fmt.Fprint(&page, `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>x</title>`+
		`<link rel="icon" href="data:,"><style>body { margin: 8px } img { display: block; float: left; width: 110px; height: 74px; margin: 4px }</style>`)
	for i := range 50 {
		chain := fmt.Sprintf("%s/download/%s/crop:%d~%d~300~200", p.address, id, 3*i, 2*i)
		fmt.Fprintf(&page, `<img alt="" sizes="110px" src="%[1]s/resize:110.jpg" srcset="%[1]s/resize:110.jpg 110w, %[1]s/resize:220.jpg 220w, %[1]s/resize:300.jpg 300w">`, chain)
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page.String())
	}))
	defer site.Close()

	// What a visit costs: requests to Varnish, its requests to the program, and prints.
	type cost struct{ requests, fetches, asked, prints int }
	spent := func() cost {
		n := p.counters(t)
		return cost{n["MAIN.client_req"], n["MAIN.backend_req"], o.asked(), o.prints()}
	}
	since := func(before cost) cost {
		now := spent()
		return cost{now.requests - before.requests, now.fetches - before.fetches, now.asked - before.asked, now.prints - before.prints}
	}

	before := spent()
	first := visit(t, site.URL, 1000, 700)
	first.do(chromedp.Navigate(site.URL), chromedp.WaitVisible(`body > img`))
	first.look("cdn-first")
	if got := since(before); got != (cost{50, 50, 50, 50}) {
		t.Errorf("the first visit costs %+v", got)
	}

	before = spent()
	first.do(chromedp.Reload(), chromedp.WaitVisible(`body > img`))
	first.look("cdn-reload")
	if got := since(before); got.fetches != 0 || got.asked != 0 || got.prints != 0 {
		t.Errorf("a reload costs %+v", got)
	}
	moved := ask(first, chromedp.Evaluate[int](
		`performance.getEntriesByType("resource").filter(e => e.name.includes("/download/") && e.transferSize > 1000).length`))
	if moved != 0 {
		t.Errorf("a reload transfers %d pictures", moved)
	}

	before = spent()
	second := visit(t, site.URL, 1000, 700)
	second.do(chromedp.Navigate(site.URL), chromedp.WaitVisible(`body > img`))
	second.look("cdn-second")
	if got := since(before); got != (cost{requests: 50}) {
		t.Errorf("the second visit costs %+v", got)
	}
}
