//go:build browser

package test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// anotherSite is a page of another origin. It isolates itself, so that it shows only what says that it may be shown.
func anotherSite(t *testing.T) string {
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Embedder-Policy", "require-corp")
		w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!DOCTYPE html><link rel="icon" href="data:,"><title>another site</title><main>another site</main>`)
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// script has the page run the body of an async function and returns its result.
func script[T any](v *visitor, body string) T {
	v.t.Helper()
	return ask(v, chromedp.Evaluate[T]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise))
}

// A page of another site uploads if its origin is allowed, with a token, and reads what it gets; then it shows prints, reads their pixels
// and headers, and asks with a condition and for a part.
func TestBrowserPageOfAnotherSite(t *testing.T) {
	page := anotherSite(t)
	root, closed := serve(t, "--upload-origins", "https://elsewhere.example,"+page), serve(t)
	v := visit(t, root, 800, 600)
	v.do(chromedp.Navigate(page), chromedp.WaitVisible(`main`))
	photo, err := os.ReadFile(sample(t, "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	upload := fmt.Sprintf(`
		const bytes = Uint8Array.from(atob(%q), c => c.charCodeAt(0));
		const upload = root => fetch(root + "/upload-image", {method: "POST", body: bytes, headers: {
			"Authorization": "Bearer x", "Content-Type": "image/jpeg", "Content-Disposition": 'attachment; filename="tree.jpg"'}});`, base64.StdEncoding.EncodeToString(photo))
	if got := script[string](v, upload+fmt.Sprintf(`try { await upload(%q); return "it may" } catch (e) { return e.name }`, closed)); got != "TypeError" {
		t.Errorf("a page that is not allowed uploads: %s", got)
	}
	v.complaints = nil // of the upload that was refused
	type answer struct {
		Status                 int
		ID, Name, URL, Address string
	}
	kept := script[answer](v, upload+fmt.Sprintf(`
		const a = await upload(%q), told = await a.json();
		return {Status: a.status, ID: told.id, Name: told.name, URL: told.url, Address: a.headers.get("Location")}`, root))
	if kept.Status != http.StatusCreated || kept.Name != "tree.jpg" || kept.Address != kept.URL || kept.ID == "" {
		t.Fatalf("%+v", kept)
	}

	print := root + kept.URL + "/resize:40,20,stretch/background:white.png"
	if got := script[string](v, fmt.Sprintf(`
		const picture = new Image(); picture.crossOrigin = "anonymous"; picture.src = %q; await picture.decode();
		const canvas = new OffscreenCanvas(40, 20).getContext("2d"); canvas.drawImage(picture, 0, 0);
		return picture.naturalWidth + " " + canvas.getImageData(20, 10, 1, 1).data[3]`, print)); got != "40 255" {
		t.Errorf("its pixels: %s", got)
	}
	if got := script[string](v, fmt.Sprintf(`
		const picture = new Image(); picture.src = %q; await picture.decode();
		return picture.naturalWidth + "×" + picture.naturalHeight`, root+kept.URL+"/resize:30.auto")); got != "30×20" {
		t.Errorf("an image on an isolated page: %s", got)
	}
	if got := script[string](v, fmt.Sprintf(`
		const first = await fetch(%[1]q, {cache: "no-store"}), tag = first.headers.get("ETag");
		const second = await fetch(%[1]q, {cache: "no-store", headers: {"If-None-Match": tag}});
		const part = await fetch(%[1]q, {cache: "no-store", headers: {"Range": "bytes=0-9, 20-29", "If-None-Match": '"x"'}});
		return [first.status, tag.length > 20, first.headers.get("Cache-Status"), second.status, part.ok].join(" ")`, print)); got != "200 true calotype; hit 304 true" {
		t.Errorf("headers and conditions: %s", got)
	}
	if got := script[string](v, fmt.Sprintf(`const a = await fetch(%q); return a.status + " " + a.headers.get("Calotype-Error") + " " + (await a.json()).operation`,
		root+kept.URL+"/rotate:abc.png")); got != "400 bad-chain rotate" {
		t.Errorf("a problem: %s", got)
	}
	if got := script[string](v, fmt.Sprintf(`try { await fetch(%q); return "it may" } catch (e) { return e.name }`, root+"/download")); got != "TypeError" {
		t.Errorf("the gallery is read by another site: %s", got)
	}
}

// A link to what is to be saved saves it, under the name in the address, or that of the upload in all of its letters.
func TestBrowserSavesUnderTheName(t *testing.T) {
	root := serve(t)
	photo, err := os.ReadFile(sample(t, "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, root, 800, 600)
	v.do(chromedp.Navigate(root+"/upload-image"), chromedp.WaitVisible(`main button`))
	url := script[string](v, fmt.Sprintf(`
		const form = new FormData(), bytes = Uint8Array.from(atob(%q), c => c.charCodeAt(0));
		form.append("image", new File([bytes], "Žluté růže 🌹 50%%.jpeg"));
		return (await (await fetch("/upload-image", {method: "POST", body: form})).json()).url`, base64.StdEncoding.EncodeToString(photo)))
	suggested, done := make(chan string, 8), make(chan bool, 8)
	err = chromedp.ListenBrowser(v.ctx, func(event any) {
		switch e := event.(type) {
		case *browser.EventDownloadWillBegin:
			suggested <- e.SuggestedFilename
		case *browser.EventDownloadProgress:
			if e.State == browser.DownloadProgressStateCompleted {
				done <- true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	events := true
	_, err = chromedp.CallBrowser(v.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: t.TempDir(), EventsEnabled: &events,
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(target, want string) {
		t.Helper()
		v.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`location.href = %q`, target)))
		select {
		case <-done:
			if name := <-suggested; name != want {
				t.Errorf("%s is saved as %q, want %q", target, name, want)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s is not saved", target)
		}
	}
	f(url+"/attach", "Žluté růže 🌹 50%.jpg")
	f(url+"/resize:40/attach.webp", "Žluté růže 🌹 50%.webp")
	f(url+"/resize:40/name:Tree-1/attach.webp", "Tree-1.webp")
	f(url+"/name:Tree-2/attach", "Tree-2.jpg")
	f("/download?dl=1&id="+url[len("/download/"):], "Žluté růže 🌹 50%.jpg")
}
