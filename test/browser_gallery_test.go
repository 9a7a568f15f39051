//go:build browser

package test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
	_ "modernc.org/sqlite"
)

var (
	galleryImages = flag.Int("gallery-images", 2000, "images in the gallery that is scrolled to its end; 10000 are to be smooth")
	galleryRows   = flag.Int("gallery-rows", 100_000, "images in the index whose first page is timed")
)

// gallerySamples are the pictures that a gallery repeats.
var gallerySamples = []string{"landscape.jpg", "cutout.png", "duotone-2b1055-ffd36e.webp", "crop-250-70-220-220.webp", "orient-6.webp"}

// repeatSQL repeats all records under other ids and names: IMG_00001.jpg is of 1 November 2026, and each further one is an hour older.
const repeatSQL = `with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < $1),
	dated (n, ms) as (select n, 1793491200000 - 3600000 * n from numbers),
	kinds as (select *, row_number() over (order by id) - 1 as k from original)
	insert into original (id, digest, bytes, format, width, height, orientation, frames, depth, alpha, name, created, tenant, blurhash, folded)
	select unhex(printf('%012x70008000%012x', ms, n)), digest, bytes, format, width, height, orientation, frames, depth, alpha,
		cast(printf('IMG_%05d.jpg', n) as blob), ms, tenant, blurhash, printf('img_%05d.jpg', n) from dated join kinds on k = n % (select count(*) from kinds)`

// A shelf is a gallery that is served.
type shelf struct {
	t    testing.TB
	root string
}

// fillGallery serves a data folder with so many images: samples that were uploaded and looked at, and their records repeated.
func fillGallery(t testing.TB, images int, arguments ...string) shelf {
	t.Helper()
	data := t.TempDir()
	first, command := startIn(t, data, os.Stderr)
	g := shelf{t, "http://" + first.address}
	for _, name := range gallerySamples {
		content, err := os.ReadFile(sample(t, name))
		if err != nil {
			t.Fatal(err)
		}
		request, _ := http.NewRequest("POST", g.root+"/upload-image", bytes.NewReader(content))
		request.Header.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		if _, status := g.send(request); status != http.StatusCreated {
			t.Fatalf("%s: %d", name, status)
		}
	}
	// Whoever has seen the gallery once has its images looked at.
	for deadline := time.Now().Add(time.Minute); len(g.listed("", func(i tileImage) bool { return i.Blurhash != "" })) < len(gallerySamples); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the gallery does not tell what its images look like")
		}
	}
	http.DefaultClient.CloseIdleConnections() // the program would wait for them
	stop(t, command)
	db, err := sql.Open("sqlite", filepath.Join(data, "index.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(repeatSQL, images-len(gallerySamples)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	served, command := startIn(t, data, os.Stderr, arguments...)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop(t, command)
	})
	g.root = "http://" + served.address
	return g
}

func (g shelf) send(request *http.Request) (body string, status int) {
	g.t.Helper()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b), answer.StatusCode
}

func (g shelf) get(path, accept string) string {
	g.t.Helper()
	request, _ := http.NewRequest("GET", g.root+path, nil)
	request.Header.Set("Accept", accept)
	body, status := g.send(request)
	if status != http.StatusOK {
		g.t.Fatalf("%s: %d %s", path, status, body)
	}
	return body
}

type tileImage struct{ ID, Name, Blurhash string }

// listed are the images on the first page that fit.
func (g shelf) listed(query string, fits func(tileImage) bool) (list []tileImage) {
	g.t.Helper()
	var page struct{ Images []tileImage }
	if err := json.Unmarshal([]byte(g.get("/download"+query, "application/json")), &page); err != nil {
		g.t.Fatal(err)
	}
	for _, i := range page.Images {
		if fits(i) {
			list = append(list, i)
		}
	}
	return list
}

// gone tells how many of some images are gone.
func (g shelf) gone(images []tileImage) (n int) {
	g.t.Helper()
	for _, i := range images {
		request, _ := http.NewRequest("GET", g.root+"/images/"+i.ID, nil)
		if _, status := g.send(request); status == http.StatusGone {
			n++
		}
	}
	return n
}

const shownTiles = `document.querySelectorAll(".grid > li").length`

// names are those of the tiles, from the first.
func (v *visitor) names() []string {
	v.t.Helper()
	return ask(v, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".grid > li .name")].map(n => n.textContent)`))
}

// tick clicks the boxes of some tiles; with shift the last of them.
func (v *visitor) tick(shift bool, tiles ...int) {
	v.t.Helper()
	for i, n := range tiles {
		v.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelectorAll(".tick input")[%d].dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, shiftKey: %v }))`,
			n, shift && i == len(tiles)-1)))
	}
}

// looks takes pictures in both color schemes.
func (v *visitor) looks(name string) {
	v.t.Helper()
	for _, scheme := range []string{"dark", "light"} {
		v.scheme(scheme)
		v.sees("the thumbnails are there", `(() => { for (const i of document.images) i.loading = "eager"; return [...document.images].every(i => i.complete) })()`)
		v.look(name + "-" + scheme)
	}
}

func (v *visitor) scheme(value string) {
	v.t.Helper()
	_, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}})
	if err != nil {
		v.t.Fatal(err)
	}
}

// Somebody finds images by their names, dates and types, and the address bar always has the address of what is shown.
func TestBrowserGalleryIsSearched(t *testing.T) {
	g := fillGallery(t, 300)
	for _, width := range []int64{1440, 360} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			v := visit(t, g.root, width, 800)
			name := func(what string) string { return fmt.Sprintf("gallery-%s-%d", what, width) }
			address := func() string {
				return strings.TrimPrefix(ask(v, chromedp.Evaluate[string](`location.href`)), g.root)
			}
			v.do(chromedp.Navigate(g.root+"/download?q=IMG_0003&exts=jpeg|png|webp"), chromedp.WaitVisible(`.grid img`))
			v.looks(name("filtered"))
			v.do(chromedp.Navigate(g.root+"/download"), chromedp.WaitVisible(`.grid img`))
			v.do(chromedp.SendKeys(`#q`, "G_0012"))
			v.sees("what is typed is searched for", shownTiles+` === 10`)
			if got := address(); got != "/download?q=G_0012" {
				t.Errorf("the address is %s", got)
			}
			if got := v.names(); got[0] != "IMG_00120.jpg" || got[9] != "IMG_00129.jpg" {
				t.Errorf("found %v", got)
			}
			v.looks(name("found"))
			v.do(chromedp.Click(`//nav[@aria-label="Types shown"]//a[normalize-space(.)="PNG"]`))
			v.sees("a type narrows it", shownTiles+` === 2`)
			if got := address(); got != "/download?exts=png&q=G_0012" {
				t.Errorf("the address is %s", got)
			}
			v.do(chromedp.SetValue(`#since`, "2026-10-26"), chromedp.Evaluate[chromedp.Void](`document.querySelector("#since").dispatchEvent(new Event("input", { bubbles: true }))`))
			v.sees("a date narrows it", shownTiles+` === 2 && location.search.includes("since=2026-10-26")`)
			v.do(chromedp.SetValue(`#until`, "2026-10-27"), chromedp.Evaluate[chromedp.Void](`document.querySelector("#until").dispatchEvent(new Event("input", { bubbles: true }))`))
			v.sees("two dates narrow it", shownTiles+` === 2 && location.search.includes("until=2026-10-27")`)
			v.do(chromedp.SendKeys(`#q`, "zzz"))
			v.sees("nothing is found", `!!document.querySelector(".empty")`)
			v.looks(name("nothing"))
			v.do(chromedp.Reload())
			v.sees("the address shows the same again", `document.querySelector("#q").value.includes("zzz") && !!document.querySelector(".empty")`)
			v.do(chromedp.Click(`//a[.="Show all images"]`), chromedp.WaitVisible(`.grid img`))
			if got := address(); got != "/download" {
				t.Errorf("the address is %s", got)
			}
		})
	}
}

// Several images are selected and deleted. Who takes it back in time has lost nothing; else they are gone, also when the page is left.
func TestBrowserGalleryDeletes(t *testing.T) {
	g := fillGallery(t, 40)
	all := g.listed("?limit=100", func(tileImage) bool { return true })
	for _, width := range []int64{1440, 360} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			left := slices.DeleteFunc(slices.Clone(all), func(i tileImage) bool { return g.gone([]tileImage{i}) == 1 })
			v := visit(t, g.root, width, 800)
			name := func(what string) string { return fmt.Sprintf("gallery-%s-%d", what, width) }
			v.do(chromedp.Navigate(g.root+"/download"), chromedp.WaitVisible(`.grid img`))
			before := v.names()
			v.tick(true, 1, 3)
			v.tick(false, 2)
			v.sees("a range was selected, and one taken out", `document.querySelector(".chosen p").textContent === "2 selected"`)
			v.looks(name("selected"))
			v.choose("Delete")
			v.sees("they vanish", fmt.Sprintf(`document.querySelector(".notice p").textContent === "2 images deleted." && !document.querySelector('[data-id="%s"]') && !document.querySelector('[data-id="%s"]')`, left[1].ID, left[3].ID))
			v.do(chromedp.Evaluate[chromedp.Void](`[...document.querySelectorAll(".notice button")].find(b => b.textContent === "Undo").focus()`)) // who is at it has all the time
			v.looks(name("deleted"))
			v.choose("Undo")
			v.sees("they are back", `document.querySelector(".notice").hidden`)
			if got := v.names(); !slices.Equal(got[:len(before)], before) {
				t.Errorf("after undo the gallery shows %v, want %v", got, before)
			}
			if n := g.gone(left[:5]); n > 0 {
				t.Errorf("%d images are gone that were taken back", n)
			}
			v.tick(false, 0)
			v.choose("Delete")
			v.sees("it vanishes", fmt.Sprintf(`!document.querySelector('[data-id="%s"]')`, left[0].ID))
			v.do(chromedp.MouseEvent(chromedp.MouseMoved, 3, 3)) // the notice may have come under the pointer, and waits for whoever points at it
			v.sees("the time has passed", `document.querySelector(".notice").hidden`)
			wait(t, "the image is gone", func() bool { return g.gone(left[:1]) == 1 })
			v.tick(false, 0, 1)
			v.choose("Delete")
			v.sees("they vanish", fmt.Sprintf(`!document.querySelector('[data-id="%s"]')`, left[1].ID))
			v.do(chromedp.Navigate(g.root + "/upload-image"))
			wait(t, "who leaves the page has deleted them", func() bool { return g.gone(left[1:3]) == 2 })
			if n := g.gone(left[3:6]); n > 0 {
				t.Errorf("%d images more are gone", n)
			}
			v.look(name("left"))
		})
	}
}

// wait waits until something is so.
func wait(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come to this: %s", what)
		}
	}
}

// What the server refuses to delete comes back, with the reason.
func TestBrowserGalleryTellsWhyNothingIsDeleted(t *testing.T) {
	g := fillGallery(t, 20)
	v := visit(t, g.root, 1440, 800)
	v.do(chromedp.Navigate(g.root+"/download"), chromedp.WaitVisible(`.grid img`))
	before := v.names()
	v.do(chromedp.Evaluate[chromedp.Void](`window.fetch = ((real) => (address, options = {}) => options.method === "DELETE"
		? Promise.resolve(new Response(JSON.stringify({ title: "not allowed", status: 403, detail: "this tenant may not delete" }), { status: 403, headers: { "Content-Type": "application/problem+json" } }))
		: real(address, options))(window.fetch)`))
	v.tick(false, 2, 4)
	v.choose("Delete")
	v.sees("they vanish", fmt.Sprintf(`%s === %d`, shownTiles, len(before)-2))
	v.choose("Close")
	v.sees("they are back, and it is said why", fmt.Sprintf(`%s === %d && document.querySelector(".notice p").textContent === "2 images were not deleted. not allowed: this tenant may not delete."`, shownTiles, len(before)))
	if got := v.names(); !slices.Equal(got, before) {
		t.Errorf("the gallery shows %v, want %v", got, before)
	}
	v.looks("gallery-refused-1440")
}

// A click saves the original under its name, also from a tile that came by scrolling; the copy menu copies.
func TestBrowserGalleryDownloadsAndCopies(t *testing.T) {
	g := fillGallery(t, 100)
	v := visit(t, g.root, 1440, 800)
	v.do(chromedp.Navigate(g.root+"/download?limit=10"), chromedp.WaitVisible(`.grid img`))
	v.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, document.body.scrollHeight)`))
	v.sees("more come", shownTiles+` > 20`)
	folder := t.TempDir()
	saved := make(chan string, 8)
	if err := chromedp.ListenBrowser(v.ctx, func(event any) {
		if e, is := event.(*browser.EventDownloadWillBegin); is {
			saved <- e.SuggestedFilename
		}
	}); err != nil {
		t.Fatal(err)
	}
	events := true
	if _, err := chromedp.CallBrowser(v.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: folder, EventsEnabled: &events,
	}); err != nil {
		t.Fatal(err)
	}
	wanted := func(name string) {
		t.Helper()
		select {
		case got := <-saved:
			if got != name {
				t.Errorf("it is saved as %q, want %q", got, name)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s is not saved", name)
		}
	}
	name := v.names()[15] // came with the second page
	v.do(chromedp.Click(fmt.Sprintf(`//a[@download][contains(., %q)]`, name)))
	wanted(name[:len(name)-4] + extensionOf(15))
	// Several, one after the other.
	v.tick(false, 15, 16)
	v.choose("Download")
	wanted(v.names()[15][:9] + extensionOf(15))
	wanted(v.names()[16][:9] + extensionOf(16))

	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(v.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted, Origin: g.root,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	copied := func(want string) {
		t.Helper()
		v.sees("it is copied", `[...document.querySelectorAll(".copier")].some(b => b.textContent === "Copied")`)
		if got := ask(v, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise)); got != want {
			t.Errorf("copied %q, want %q", got, want)
		}
		v.sees("the button is as it was", `[...document.querySelectorAll(".copier")].every(b => b.textContent === "Copy…")`)
	}
	first := g.listed("?limit=1", func(tileImage) bool { return true })[0]
	v.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`))
	v.choose("Clear")
	v.do(chromedp.Click(`.copier`), chromedp.WaitVisible(`.copy-menu button`))
	v.looks("gallery-menu-1440")
	v.choose("Address")
	copied(g.root + "/download/" + first.ID)
	v.do(chromedp.Click(`.copier`))
	v.choose("<img> tag")
	copied(fmt.Sprintf(`<img src="%s/download/%s" width="320" height="480" alt="%s">`, g.root, first.ID, first.Name))
	v.do(chromedp.Click(`.copier`), chromedp.WaitVisible(`.copy-menu button`), chromedp.KeyEvent("\x1b"))
	v.sees("Escape closes the menu", `!document.querySelector(".copy-menu") && document.activeElement.matches(".copier")`)
}

// extensionOf is the extension of the i-th image of a gallery from the newest, of which the samples come first.
func extensionOf(i int) string {
	return filepath.Ext(gallerySamples[(i-len(gallerySamples)+1)%len(gallerySamples)])
}

// Somebody scrolls to the end of a large gallery, where scrolling is still smooth, and finds his place again who comes back.
func TestBrowserGalleryScrollsToItsEnd(t *testing.T) {
	g := fillGallery(t, *galleryImages)
	v := visit(t, g.root, 1440, 900)
	var cancel context.CancelFunc
	v.ctx, cancel = context.WithTimeout(context.WithoutCancel(v.ctx), 10*time.Minute)
	defer cancel()
	v.do(chromedp.Navigate(g.root+"/download?limit=100"), chromedp.WaitVisible(`.grid img`))
	if _, err := chromedp.Call(v.ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}); err != nil {
		t.Fatal(err)
	}
	first := v.scrollCost(t)
	began := time.Now()
	v.do(chromedp.Evaluate[chromedp.Void](`window.long = []; new PerformanceObserver(l => long.push(...l.getEntries().map(e => e.duration))).observe({ type: "longtask" })`))
	_, err := chromedp.Run(v.ctx, chromedp.Poll[bool](`(() => { scrollTo(0, document.body.scrollHeight); return !!document.querySelector(".more button").hidden })()`, chromedp.WithPollingTimeout(5*time.Minute)))
	if err != nil {
		t.Fatalf("after %v the end is not there: %d images, %v", time.Since(began), ask(v, chromedp.Evaluate[int](shownTiles)), err)
	}
	if n := ask(v, chromedp.Evaluate[int](shownTiles)); n != *galleryImages {
		t.Errorf("at the end there are %d images of %d", n, *galleryImages)
	}
	time.Sleep(3 * time.Second) // until the images at the end are there, and what they look like is drawn
	last := v.scrollCost(t)
	long := ask(v, chromedp.Evaluate[[]float64](`long`))
	slices.Sort(long)
	elements := ask(v, chromedp.Evaluate[float64](`document.querySelectorAll(".grid *").length / document.querySelectorAll(".grid > li").length`))
	t.Logf("%d images in %v: a step takes %.1f ms of the page's thread to scroll, at first %.1f ms; %d long tasks, the longest of %v ms; %.1f elements an image",
		*galleryImages, time.Since(began).Round(time.Second), last, first, len(long), long[max(0, len(long)-3):], elements)
	if last > smooth {
		t.Errorf("a step takes %.1f ms to scroll at the end, and %.1f ms at first", last, first)
	}
	if elements > 20 {
		t.Errorf("%.1f elements an image", elements)
	}
	if ask(v, chromedp.Evaluate[bool](`document.querySelector(".grid > li img").checkVisibility({ contentVisibilityAuto: true })`)) {
		t.Error("what is far away is rendered")
	}

	place := `(() => { const t = [...document.querySelectorAll(".grid > li")].find(t => t.getBoundingClientRect().bottom > 0); return t.dataset.id + " " + Math.round(t.getBoundingClientRect().top / 20) })()`
	v.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, document.body.scrollHeight / 2)`))
	v.sees("the place is noted", `!!history.state && `+place+`.startsWith(history.state.id)`)
	was := ask(v, chromedp.Evaluate[string](place))
	there := place + ` === ` + fmt.Sprintf("%q", was)
	v.do(chromedp.Navigate(g.root+"/upload-image"), chromedp.Evaluate[chromedp.Void](`history.back()`))
	v.sees("who comes back finds his place", `!!document.querySelector(".grid") && `+there)
	v.do(chromedp.Reload()) // the browser may have kept the page before, and now has not
	v.sees("who loads the page anew finds his place", there)
}

// smooth is how many milliseconds a page has for two frames, of which there are 60 in a second.
const smooth = 2 * 1000 / 60.0

// scrollCost returns how many milliseconds the page's thread works for scrolling on by a step, on average of some: measured in its own time,
// which does not run while others have the processor. Each step lasts two frames.
func (v *visitor) scrollCost(t *testing.T) float64 {
	t.Helper()
	busy := func() float64 {
		result, err := chromedp.Call(v.ctx, performance.GetMetrics, cdp.Empty{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range result.Metrics {
			if m.Name == "TaskDuration" {
				return 1000 * m.Value
			}
		}
		t.Fatal("the browser does not tell how long it has worked")
		return 0
	}
	const steps = 30
	before := busy()
	v.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(async () => {
		const frame = () => new Promise(requestAnimationFrame), from = Math.max(0, scrollY - 1000)
		for (let i = 0; i < %d; i++) { scrollTo(0, from + 33 * i); await frame(); await frame() }
	})()`, steps), chromedp.EvalAwaitPromise))
	return (busy() - before) / steps
}

// The first page of a large index takes the server little time, whatever is asked.
func TestBrowserGalleryAnswersSoon(t *testing.T) {
	g := fillGallery(t, *galleryRows)
	for _, target := range []string{"/download", "/download?exts=jpeg|jpg|png|gif", "/download?q=IMG_0001", "/download?q=nowhere", "/download?q=landscape&since=2020-01-01&exts=jpg"} {
		var times []time.Duration
		for range 9 {
			began := time.Now()
			g.get(target, "text/html")
			times = append(times, time.Since(began))
		}
		slices.Sort(times)
		median := times[len(times)/2]
		t.Logf("%s of %d images takes %v", target, *galleryRows, median.Round(time.Millisecond/10))
		if median > 150*time.Millisecond {
			t.Errorf("%s of %d images takes %v, more than 150 ms", target, *galleryRows, median)
		}
	}
}
