//go:build browser

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// settled waits until the address bar has a chain, and the playground shows its print.
func (v *visitor) settled(id, chain string) {
	v.t.Helper()
	v.sees("the print "+chain, fmt.Sprintf(`(() => {
		const print = document.querySelector(".view img"), path = "/" + %q;
		return location.pathname === "/playground" + path && print && print.dataset.address === "/download" + path && print.complete &&
			!print.classList.contains("stale") && !document.querySelector(".stage .fault");
	})()`, id+chain))
}

// play opens the playground, and has it remember what the pictures are made of that it shows, which the policy of pages lets no script read, and what
// is copied.
func (v *visitor) play(path string) {
	v.t.Helper()
	_, err := chromedp.Call(v.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `if (!window.blobs) {
			const make = URL.createObjectURL;
			window.blobs = new Map();
			URL.createObjectURL = b => { const u = make(b); blobs.set(u, b); return u };
			navigator.clipboard.writeText = async text => { window.copied = text };
		}`,
	})
	if err != nil {
		v.t.Fatal(err)
	}
	v.do(chromedp.Navigate(v.root+"/playground"+path), chromedp.WaitVisible(`.bench`))
}

// shownPrint is what the page shows, byte by byte.
func (v *visitor) shownPrint() []byte {
	v.t.Helper()
	text := ask(v, chromedp.Evaluate[string](
		`blobs.get(document.querySelector(".view img").src).arrayBuffer().then(b => [...new Uint8Array(b)].map(n => n.toString(16).padStart(2, "0")).join(""))`,
		chromedp.EvalAwaitPromise))
	var data []byte
	if _, err := fmt.Sscanf(text, "%x", &data); err != nil {
		v.t.Fatal(err)
	}
	return data
}

func printAt(t *testing.T, address string) []byte {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v %s", address, answer.StatusCode, err, body)
	}
	return body
}

// forget leaves out complaints of the console that are to be expected.
func (v *visitor) forget(words string) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.complaints = slices.DeleteFunc(v.complaints, func(c string) bool { return strings.Contains(c, words) })
}

// button is the XPath of a button that has these words.
func button(words string) string {
	return fmt.Sprintf(`//button[normalize-space(.)=%[1]q or @aria-label=%[1]q]`, words)
}

func (v *visitor) choose(words string) { v.t.Helper(); v.do(chromedp.Click(button(words))) }

// pick adds an operation or a setting from its menu.
func (v *visitor) pick(menu, name string) {
	v.t.Helper()
	v.choose("Add " + menu)
	v.do(chromedp.WaitVisible(`#sought`), chromedp.SendKeys(`#sought`, name), chromedp.Click(fmt.Sprintf(`.menu-entry[data-name=%q]`, name)))
}

// dragOver draws on the picture, in shares of it.
func (v *visitor) dragOver(fromX, fromY, toX, toY float64) {
	v.t.Helper()
	v.do(chromedp.ScrollIntoView(`.board`))
	box := ask(v, chromedp.Evaluate[[]float64](`(b => [b.left, b.top, b.width, b.height])(document.querySelector(".board").getBoundingClientRect())`))
	at := func(x, y float64) (float64, float64) { return box[0] + x*box[2], box[1] + y*box[3] }
	x0, y0 := at(fromX, fromY)
	x1, y1 := at(toX, toY)
	v.do(
		chromedp.MouseEvent(chromedp.MousePressed, x0, y0, chromedp.ButtonLeft, chromedp.ClickCount(1)),
		chromedp.MouseEvent(chromedp.MouseMoved, (x0+x1)/2, (y0+y1)/2, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, x1, y1, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, x1, y1, chromedp.ButtonLeft, chromedp.ClickCount(1)),
	)
}

// dragCard drags the card of an operation to the place of another.
func (v *visitor) dragCard(name, to string) {
	v.t.Helper()
	middle := func(of string) (x, y float64) {
		v.t.Helper()
		place := ask(v, chromedp.Evaluate[[]float64](fmt.Sprintf(`(b => [b.left + b.width / 2, b.top + b.height / 2])(document.querySelector('.card[data-name="%s"] .grip').getBoundingClientRect())`, of)))
		return place[0], place[1]
	}
	v.do(chromedp.ScrollIntoView(fmt.Sprintf(`.card[data-name=%q]`, to)))
	x0, y0 := middle(name)
	x1, y1 := middle(to)
	v.do(chromedp.MouseEvent(chromedp.MousePressed, x0, y0, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	for i := range 6 {
		share := float64(i+1) / 6
		v.do(chromedp.MouseEvent(chromedp.MouseMoved, x0+(x1-x0)*share, y0+(y1-y0)*share, chromedp.ButtonLeft))
	}
	v.do(chromedp.MouseEvent(chromedp.MouseReleased, x1, y1, chromedp.ButtonLeft, chromedp.ClickCount(1)))
}

// A chain of four operations is made by a drawn rectangle, clicks and keys. The print that is shown is the one at the address in the bar, whatever is
// done: another order, an operation switched off, undone, back again after another page, or opened anew.
func TestBrowserPlaygroundBuildsAChain(t *testing.T) {
	for _, window := range []struct{ width, height int64 }{{1440, 900}, {360, 740}} {
		t.Run(fmt.Sprint(window.width), func(t *testing.T) {
			root := serve(t)
			id := sendSamples(t, root, "", "landscape.jpg")[0]
			v := visit(t, root, window.width, window.height)
			shot := func(name string) { v.look(fmt.Sprintf("playground-%s-%d", name, window.width)) }
			same := func(want string) {
				t.Helper()
				v.settled(id, want)
				if !bytes.Equal(v.shownPrint(), printAt(t, root+"/download/"+id+want)) {
					t.Errorf("%s: the page shows another print", want)
				}
			}
			v.play("/" + id)
			v.sees("the picture", `document.querySelector(".board img")?.naturalWidth`)
			shot("new")

			// The rectangle: drawn, then made smaller by keys. It is in the pixels of the picture.
			v.dragOver(0.25, 0.25, 0.75, 0.75)
			v.sees("a rectangle", `document.querySelector('.card[data-name="crop"]') && document.activeElement.matches(".rectangle")`)
			v.do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(chromedp.ModifierShift)))
			v.sees("the rectangle in the address", `location.pathname.includes("/crop:")`)
			shot("drawn")
			var x, y, width, height int
			drawn := strings.TrimPrefix(ask(v, chromedp.Evaluate[string](`location.pathname`)), "/playground/"+id)
			if _, err := fmt.Sscanf(drawn, "/crop:%d,%d,%d,%d", &x, &y, &width, &height); err != nil {
				t.Fatalf("the address bar has %s: %v", drawn, err)
			}
			if x < 123 || x > 127 || y < 78 || y > 82 || width < 238 || width > 242 || height < 161 || height > 165 {
				t.Errorf("%s was drawn", drawn)
			}
			v.choose("Print")
			same(drawn)

			// By the menu, and by the keyboard alone: Enter takes what was sought.
			v.pick("an operation", "rotate")
			same(drawn + "/rotate:90")
			v.do(chromedp.Focus(button("Add an operation")), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(`#sought`))
			shot("menu")
			v.do(chromedp.KeyEvent("gray"), chromedp.KeyEvent(kb.Enter))
			same(drawn + "/rotate:90/grayscale")
			v.pick("an operation", "border")
			v.do(chromedp.SendKeys(`.card.open input[type="number"]`, kb.Backspace+"12"))
			same(drawn + "/rotate:90/grayscale/border:12")
			v.do(chromedp.SetValue(`.format select`, "png"))
			v.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".format select").dispatchEvent(new Event("change", { bubbles: true }))`))
			chain := drawn + "/rotate:90/grayscale/border:12.png"
			same(chain)
			shot("four")

			// Another order makes another print.
			before := v.shownPrint()
			v.choose("Move rotate up")
			moved := "/rotate:90" + drawn + "/grayscale/border:12.png"
			same(moved)
			if bytes.Equal(before, v.shownPrint()) {
				t.Error("the order of the operations makes no difference")
			}
			v.do(chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
			same(chain)
			v.do(chromedp.KeyEvent("y", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
			same(moved)
			v.choose("Undo")
			same(chain)

			// By the pointer, too, in one step that can be undone.
			v.dragCard("grayscale", "crop")
			same("/grayscale" + drawn + "/rotate:90/border:12.png")
			v.choose("Undo")
			same(chain)

			// Switched off it is left out, and comes back, also when the page is loaded again.
			v.do(chromedp.Click(`input[aria-label="rotate is on"]`))
			off := drawn + "/grayscale/border:12.png"
			same(off)
			v.do(chromedp.Evaluate[chromedp.Void](`window.before = true; setTimeout(() => location.reload())`))
			v.sees("the page loaded anew", `!window.before`)
			same(off)
			v.do(chromedp.Click(`input[aria-label="rotate is on"]`))
			same(chain)
			v.choose("Remove border")
			same(strings.Replace(chain, "/border:12", "", 1))

			v.choose("Compare")
			v.do(chromedp.WaitVisible(`.compare-before`))
			v.sees("how long the original took", `/\d ms/.test(document.querySelector(".facts-list > div").textContent)`)
			shot("compare")

			// Whoever leaves the page and comes back finds it as it was.
			left := ask(v, chromedp.Evaluate[string](`location.pathname`))
			v.do(chromedp.Navigate(root+"/capabilities"), chromedp.Evaluate[chromedp.Void](`setTimeout(() => history.back())`))
			v.sees("the page before", fmt.Sprintf(`location.pathname === %q && document.querySelectorAll(".card").length === 3`, left))

			// Who gets the address sees the same.
			other := visit(t, root, window.width, window.height)
			other.play("/" + id + moved)
			other.settled(id, moved)
			if cards := ask(other, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".card")].map(c => c.dataset.name)`)); !slices.Equal(cards, []string{"rotate", "crop", "grayscale", "border"}) {
				t.Errorf("the cards are %v", cards)
			}
		})
	}
}

// Every operation and every setting of the API description can be added from the menus, and has a print or is told why there is none. Nothing is known
// here of any of them, but for the two that need more than there is at the beginning.
func TestBrowserPlaygroundHasEverything(t *testing.T) {
	root := serve(t)
	id := sendSamples(t, root, "", "cutout.png")[0]
	var api struct {
		Components struct {
			Schemas struct {
				Operation struct {
					OneOf []struct {
						Name    string `json:"x-name"`
						Setting bool   `json:"x-setting"`
					}
				}
			}
		}
	}
	if err := json.Unmarshal(printAt(t, root+"/openapi.json"), &api); err != nil {
		t.Fatal(err)
	}
	for _, list := range []struct {
		menu, path string
		settings   bool
		told       map[string]string // problems that are to be expected
	}{
		{"Add an operation", "/" + id, false, map[string]string{"preset": "no such preset"}},
		{"Add a setting", "/" + id + ".auto", true, map[string]string{"describe": "is a setting of .json", "format": "must not contradict the extension"}},
	} {
		t.Run(list.menu, func(t *testing.T) {
			names := []string{}
			for _, o := range api.Components.Schemas.Operation.OneOf {
				if o.Setting == list.settings && !slices.Contains(names, o.Name) {
					names = append(names, o.Name)
				}
			}
			if len(names) < 15 {
				t.Fatalf("only %v are described", names)
			}
			v := visit(t, root, 1440, 900)
			v.play(list.path)
			told := map[string]string{}
			for _, name := range names {
				told[name] = ask(v, chromedp.Evaluate[string](fmt.Sprintf(`(async () => {
					const until = async f => { for (let x; !(x = f()); ) await new Promise(r => setTimeout(r, 10)); return f() };
					const button = words => [...document.querySelectorAll("button")].find(b => b.textContent === words || b.ariaLabel === words);
					const former = location.pathname;
					button(%q).click();
					(await until(() => document.querySelector('.menu-entry[data-name="%[2]s"]'))).click();
					const facts = await until(() => location.pathname !== former && document.querySelector(".facts[aria-busy=false]")?.dataset.of === location.pathname.replace("/playground/", "/download/") && document.querySelector(".facts"));
					const open = document.querySelector('.card.open[data-name="%[2]s"]');
					const fault = facts.querySelector(".fault")?.textContent ?? "";
					const missing = open ? "" : " no card is open";
					button("Remove %[2]s").click();
					await until(() => location.pathname === former);
					return fault + missing;
				})()`, list.menu, name), chromedp.EvalAwaitPromise))
			}
			for _, name := range names {
				if want := list.told[name]; (want == "") != (told[name] == "") || !strings.Contains(told[name], want) {
					t.Errorf("%s: it is told %q, want %q", name, told[name], want)
				}
			}
			v.forget("the server responded with a status of 4")
			v.look("playground-everything")
		})
	}
}

// A fault is told at the operation and at the parameter that it is of, and so is a segment that is no operation.
func TestBrowserPlaygroundTellsFaultsWhereTheyAre(t *testing.T) {
	root := serve(t)
	id := sendSamples(t, root, "", "landscape.jpg")[0]
	for _, width := range []int64{1440, 360} {
		v := visit(t, root, width, 800)
		v.play("/" + id + "/crop:0,0,200,200/blur:900/rotat:9/quality:300")
		faulty := func(name, words string) {
			t.Helper()
			v.sees(words, fmt.Sprintf(`document.querySelectorAll(".card.faulty").length === 1 && document.querySelector('.card.faulty[data-name=%q] .fault').textContent.includes(%q)`, name, words))
		}
		faulty("blur", "sigma must be a number of pixels from 0.3 to 250")
		v.do(chromedp.Click(`//li[@data-name="blur"]//button[@aria-expanded]`))
		v.sees("a field that is wrong", `document.querySelector(".card.open input[type=number][aria-invalid=true]").value === "900"`)
		v.forget("400 (Bad Request)")
		v.look(fmt.Sprintf("playground-fault-%d", width))
		v.do(chromedp.Evaluate[chromedp.Void](`(f => { f.value = "3"; f.dispatchEvent(new Event("input", { bubbles: true })) })(document.querySelector(".card.open input[type=number]"))`))
		faulty("rotat", "did you mean rotate?")
		v.choose("Remove rotat")
		faulty("quality", "from 1 to 100")
		v.choose("Remove quality")
		v.settled(id, "/crop:0,0,200,200/blur:3")
	}
}

// What the playground gives to copy works in a page of another site: the browser takes the best format, and what it shows is what was drawn.
func TestBrowserPlaygroundGivesCodeForPages(t *testing.T) {
	root := serve(t)
	id := sendSamples(t, root, "", "landscape.jpg")[0]
	v := visit(t, root, 1440, 900)
	traffic := v.follow()
	v.play("/" + id)
	v.sees("the picture", `document.querySelector(".board img")?.naturalWidth`)
	if bytes := traffic.weight(); bytes < 10_000 || bytes > 150_000 {
		t.Errorf("the page weighs %d bytes, with its picture", bytes)
	} else {
		t.Logf("the page weighs %d bytes, with its picture", bytes)
	}
	v.dragOver(0.25, 0.25, 0.5, 0.75)
	v.sees("the drawn part in the code", `document.querySelector("code[data-kind]").textContent.includes("/crop:120~80~120~160.webp")`)
	v.do(chromedp.SendKeys(`.code input[type=text]`, `A "house" & <lake>`))
	v.sees("the words in the code", `document.querySelector("code[data-kind]").textContent.includes('alt="A &#34;house&#34; &amp; &lt;lake&gt;"')`)
	canonical := root + "/download/" + id + "/crop:120,80,120,160.jpg"
	copied := map[string]string{}
	for _, kind := range []string{"<picture>", "<img>", "URL", "Markdown", "curl", "Next.js"} {
		v.choose(kind)
		v.sees("code "+kind, fmt.Sprintf(`document.querySelector("code[data-kind]").dataset.kind === %q && !document.querySelector(".code .stale")`, kind))
		v.choose("Copy " + kind)
		v.sees("that it is copied", `[...document.querySelectorAll(".code button")].some(b => b.textContent === "Copied")`)
		copied[kind] = ask(v, chromedp.Evaluate[string](`copied`))
	}
	for kind, want := range map[string]string{
		"<img>":    `<img src="` + canonical + `" width="120" height="160" alt="A &quot;house&quot; &amp; &lt;lake&gt;" loading="lazy" decoding="async">`,
		"URL":      canonical,
		"Markdown": `![A "house" & \<lake\>](` + canonical + `)`,
		"curl":     `curl -o 'landscape.jpg' '` + canonical + `'`,
	} {
		if copied[kind] != want {
			t.Errorf("%s is copied as\n%s\nwant\n%s", kind, copied[kind], want)
		}
	}
	if next := copied["Next.js"]; !strings.Contains(next, `src="/download/`+id+`/crop:120,80,120,160" width={120} height={160}`) || !strings.Contains(next, `base: "`+root+`"`) {
		t.Errorf("for Next.js: %s", next)
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><meta name="viewport" content="width=device-width"><title>x</title><link rel="icon" href="data:,">%s%s`, copied["<picture>"], copied["<img>"])
	}))
	defer site.Close()
	for _, width := range []int64{1440, 360} {
		reader := visit(t, root, width, 800)
		reader.do(chromedp.Navigate(site.URL), chromedp.WaitVisible(`body img`))
		reader.look(fmt.Sprintf("playground-pasted-%d", width))
		if got := ask(reader, chromedp.Evaluate[string](`document.images[0].currentSrc`)); got != root+"/download/"+id+"/crop:120~80~120~160.avif" {
			t.Errorf("the browser takes %s", got)
		}
		if size := ask(reader, chromedp.Evaluate[[]int](`[...document.images].flatMap(i => [i.naturalWidth, i.naturalHeight])`)); !slices.Equal(size, []int{120, 160, 120, 160}) {
			t.Errorf("the pictures have %v", size)
		}
	}
}

// Where addresses must be signed, the page asks for the token once. What it shows and what is copied is signed; without a token it says what is wanted.
func TestBrowserPlaygroundSigns(t *testing.T) {
	root := serve(t, "--token", browserToken, "--sign", "transforms", "--sign-keys", "k1:"+strings.Repeat("0a", 32))
	id := sendSamples(t, root, browserToken, "landscape.jpg")[0]
	v := visit(t, root, 1440, 900)
	v.play("/" + id + "/rotate:90.webp")
	v.do(chromedp.WaitVisible(`dialog.ask`))
	v.choose("Cancel")
	v.sees("that a token is needed", `document.querySelector(".facts .fault")?.textContent.includes("A token is needed")`)
	v.choose("Try again")
	v.do(chromedp.WaitVisible(`dialog.ask input`), chromedp.SendKeys(`dialog.ask input`, browserToken+kb.Enter))
	v.settled(id, "/rotate:90.webp")
	v.choose("URL")
	address := ask(v, chromedp.TextContent(`code[data-kind="URL"]`))
	if !strings.HasPrefix(address, root+"/download/~k1.") || !bytes.Equal(printAt(t, address), v.shownPrint()) {
		t.Errorf("the address to be copied is %s", address)
	}
	v.choose("<picture>")
	v.sees("signed addresses in the tag", `document.querySelector("code[data-kind]").textContent.includes("/download/~k1.")`)
	v.choose("Draw")
	v.dragOver(0.1, 0.1, 0.9, 0.5)
	v.sees("a signed print of what was drawn", `document.querySelector(".facts-print")?.naturalWidth > 100 && location.pathname.includes("/crop:")`)
	v.forget("status of 401")
	v.look("playground-signed")
}

// The page in its states, wide and narrow, light and dark, for eyes and for axe.
func TestBrowserPlaygroundIsForAll(t *testing.T) {
	root := serve(t)
	id := sendSamples(t, root, "", "landscape.jpg")[0]
	v := visit(t, root, 1440, 900)
	v.play("/" + id)
	v.dragOver(0.25, 0.25, 0.5, 0.75)
	v.sees("a print of what was drawn", `document.querySelector(".facts-print")?.naturalWidth === 120`)
	v.inspect("playground-draw")
	v.choose("Undo")
	chain := "/resize:400,200,cover,north,bg=gold/text:SGVsbG8,size=20p/quality:70.webp"
	v.play("/" + id + chain)
	v.settled(id, chain)
	v.do(chromedp.Click(`.card[data-name="resize"] .card-title`))
	v.inspect("playground-open")
	v.do(chromedp.Click(`.card[data-name="text"] .card-title`))
	v.sees("the words", `document.querySelector(".card.open textarea").value === "Hello"`)
	v.choose("Compare")
	v.inspect("playground-compare")
	v.choose("Add an operation")
	v.inspect("playground-menu")
	v.do(chromedp.Navigate(root+"/playground"), chromedp.WaitVisible(`.grid img`))
	v.inspect("playground-choice")
}
