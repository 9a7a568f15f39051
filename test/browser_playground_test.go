//go:build browser

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keep uploads a file, and returns its id.
func keep(t *testing.T, root, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	answer, err := http.Post(root+"/upload-image", "application/octet-stream", file)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var uploaded struct{ ID string }
	if err := json.NewDecoder(answer.Body).Decode(&uploaded); err != nil || uploaded.ID == "" {
		t.Fatalf("no id in the answer to the upload: %v", err)
	}
	return uploaded.ID
}

// until waits for something to be true of the page.
func (v *visitor) until(what, expression string) {
	v.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(25 * time.Millisecond) {
		if ask(v, chromedp.Evaluate[bool]("!!("+expression+")")) {
			return
		}
		if time.Now().After(end) {
			v.t.Fatalf("not to be seen at %s: %s; the console says %v", ask(v, chromedp.Evaluate[string]("location.href")), what, v.complaints)
		}
	}
}

// settled waits until the address bar has a chain, and the playground shows its print.
func (v *visitor) settled(id, chain string) {
	v.t.Helper()
	v.until("the print "+chain, fmt.Sprintf(`(() => {
		const print = document.querySelector(".view img"), path = "/" + %q;
		return location.pathname === "/playground" + path && print && print.dataset.address === "/download" + path && print.complete &&
			!print.classList.contains("stale") && !document.querySelector(".stage .fault");
	})()`, id+chain))
}

// play opens the playground, and has it remember what the pictures are made of that it shows: the policy of pages lets no script read them.
func (v *visitor) play(path string) {
	v.t.Helper()
	_, err := chromedp.Call(v.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `const blobs = new Map(), make = URL.createObjectURL; URL.createObjectURL = b => { const u = make(b); blobs.set(u, b); return u }`,
	})
	if err != nil {
		v.t.Fatal(err)
	}
	v.do(chromedp.Navigate(v.root+"/playground"+path), chromedp.WaitVisible(`.stage img`))
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

func fetched(t *testing.T, address string) []byte {
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

// button is the XPath of a button that has these words.
func button(words string) string {
	return fmt.Sprintf(`//button[normalize-space(.)=%[1]q or @aria-label=%[1]q]`, words)
}

func (v *visitor) press(words string) { v.t.Helper(); v.do(chromedp.Click(button(words))) }

// pick adds an operation or a setting from its menu.
func (v *visitor) pick(menu, name string) {
	v.t.Helper()
	v.press("Add " + menu)
	v.do(chromedp.WaitVisible(`#sought`), chromedp.SendKeys(`#sought`, name), chromedp.Click(fmt.Sprintf(`.entry[data-name=%q]`, name)))
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

// A chain of four operations is made by a drawn rectangle, clicks and keys. The print that is shown is the one at the address in the bar, whatever is
// done: another order, an operation switched off, undone, back again after another page, or opened anew.
func TestBrowserPlaygroundBuildsAChain(t *testing.T) {
	for _, window := range []struct{ width, height int64 }{{1440, 900}, {360, 740}} {
		t.Run(fmt.Sprint(window.width), func(t *testing.T) {
			root := serve(t)
			id := keep(t, root, sample(t, "landscape.jpg"))
			v := visit(t, root, window.width, window.height)
			shot := func(name string) { v.look(fmt.Sprintf("playground-%s-%d", name, window.width)) }
			same := func(want string) {
				t.Helper()
				v.settled(id, want)
				if !bytes.Equal(v.shownPrint(), fetched(t, root+"/download/"+id+want)) {
					t.Errorf("%s: the page shows another print", want)
				}
			}
			v.play("/" + id)
			shot("new")

			// The rectangle: drawn, then made smaller by keys. It is in the pixels of the picture.
			v.dragOver(0.25, 0.25, 0.75, 0.75)
			v.until("a rectangle", `document.querySelector('.card[data-name="crop"]') && document.activeElement.matches(".rectangle")`)
			v.do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowDown, chromedp.KeyModifiers(chromedp.ModifierShift)))
			v.until("the rectangle in the address", `location.pathname.includes("/crop:")`)
			shot("drawn")
			var x, y, width, height int
			drawn := strings.TrimPrefix(ask(v, chromedp.Evaluate[string](`location.pathname`)), "/playground/"+id)
			if _, err := fmt.Sscanf(drawn, "/crop:%d,%d,%d,%d", &x, &y, &width, &height); err != nil {
				t.Fatalf("the address bar has %s: %v", drawn, err)
			}
			if x < 123 || x > 127 || y < 78 || y > 82 || width < 238 || width > 242 || height < 161 || height > 165 {
				t.Errorf("%s was drawn", drawn)
			}
			v.press("Print")
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
			v.press("Move rotate up")
			moved := "/rotate:90" + drawn + "/grayscale/border:12.png"
			same(moved)
			if bytes.Equal(before, v.shownPrint()) {
				t.Error("the order of the operations makes no difference")
			}
			v.do(chromedp.KeyEvent("z", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
			same(chain)
			v.do(chromedp.KeyEvent("y", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
			same(moved)
			v.press("Undo")
			same(chain)

			// Switched off it is left out, and comes back, also when the page is loaded again.
			v.do(chromedp.Click(`input[aria-label="rotate is on"]`))
			off := drawn + "/grayscale/border:12.png"
			same(off)
			v.do(chromedp.Evaluate[chromedp.Void](`window.before = true; setTimeout(() => location.reload())`))
			v.until("the page loaded anew", `!window.before`)
			same(off)
			v.do(chromedp.Click(`input[aria-label="rotate is on"]`))
			same(chain)
			v.press("Remove border")
			same(strings.Replace(chain, "/border:12", "", 1))

			v.press("Compare")
			v.do(chromedp.WaitVisible(`.compare-before`))
			shot("compare")

			// Whoever leaves the page and comes back finds it as it was.
			left := ask(v, chromedp.Evaluate[string](`location.pathname`))
			v.do(chromedp.Navigate(root+"/capabilities"), chromedp.Evaluate[chromedp.Void](`setTimeout(() => history.back())`))
			v.until("the page before", fmt.Sprintf(`location.pathname === %q && document.querySelectorAll(".card").length === 3`, left))

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
