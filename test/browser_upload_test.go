//go:build browser

package test

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// photos makes n photos that differ, photo-01.jpg and so on, in a folder, and returns their paths.
func photos(t *testing.T, folder string, n int) []string {
	t.Helper()
	var paths []string
	for i := range n {
		picture := image.NewRGBA(image.Rect(0, 0, 480+8*i, 360))
		for y := range picture.Rect.Dy() {
			for x := range picture.Rect.Dx() {
				picture.SetRGBA(x, y, color.RGBA{uint8(x/2 + 7*i), uint8(y / 2), uint8(200 - 5*i), 255})
			}
		}
		path := filepath.Join(folder, fmt.Sprintf("photo-%02d.jpg", i+1))
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(jpeg.Encode(file, picture, nil), file.Close()); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// writeFile makes a file in a folder, and returns its path.
func writeFile(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// lookAround inspects the upload page, with all rows of its list: what is outside of the window is not drawn, to be fast, and would be missing.
func (v *visitor) lookAround(name string) {
	v.t.Helper()
	v.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll(".upload").forEach(row => row.style.contentVisibility = "visible")`))
	v.inspect("upload-" + name)
}

// holds waits for something to be true of the page.
func (v *visitor) holds(expression string) { v.t.Helper(); v.sees(expression, expression) }

// count counts the files in a state: sending, paused, done and so on; "" counts all.
func count(state string) string {
	if state != "" {
		state = "." + state
	}
	return fmt.Sprintf(`document.querySelectorAll(".upload%s").length`, state)
}

// row is a selector of the row of a file, and of what is in it.
func inRow(name, inside string) string { return fmt.Sprintf(`[data-name="%s"] %s`, name, inside) }

// press clicks a button or a link by the words on it.
func (v *visitor) press(inside, words string) {
	v.t.Helper()
	v.do(chromedp.Click(fmt.Sprintf(`//%s//*[self::button or self::a][starts-with(normalize-space(.), "%s")]`, inside, words)))
}

// text is what a person reads in an element.
func (v *visitor) text(selector string) string {
	v.t.Helper()
	return ask(v, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.textContent ?? ""`, selector)))
}

// copier returns a function that presses a button that copies, and returns what is on the clipboard then, which must be something else than before.
func (v *visitor) copier() func(inside, words string) string {
	var before string
	return func(inside, words string) string {
		v.t.Helper()
		v.press(inside, words)
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if text := ask(v, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise)); text != before {
				before = text
				return text
			}
		}
		v.t.Fatalf("%s of %s copies nothing", words, inside)
		return ""
	}
}

func (v *visitor) mayReadClipboard() {
	v.t.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(v.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
		})
		if err != nil {
			v.t.Fatal(err)
		}
	}
}

// complained takes what the console has said that fits, and leaves the rest. Chromium complains of every answer that is no success.
func (v *visitor) complained(status int) (n int) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	var rest []string
	for _, what := range v.complaints {
		if strings.Contains(what, fmt.Sprintf("a status of %d ", status)) && strings.Contains(what, "/files/") {
			n++
		} else {
			rest = append(rest, what)
		}
	}
	v.complaints = rest
	return n
}

// Thirty files are chosen at once. Two are no images: what is wrong with them is said beside their names, and the others are kept. What a page needs
// of them is copied.
func TestBrowserUploadsManyFiles(t *testing.T) {
	root := serve(t)
	v := visit(t, root, 1440, 900)
	v.mayReadClipboard()
	folder := t.TempDir()
	files := photos(t, folder, 28)
	files = append(files, writeFile(t, folder, "notes.txt", strings.Repeat("no picture at all ", 100)), writeFile(t, folder, "broken.jpg", "\xff\xd8\xff\xe0 and nothing more"))
	v.do(chromedp.Navigate(root+"/"), chromedp.WaitVisible(`.zone`))
	v.lookAround("choose")

	v.do(chromedp.SetUploadFiles(`#image`, files))
	v.holds(count("done") + " == 28 && " + count("refused") + " == 2")
	if total := v.text(".total h2"); total != "28 images uploaded, 2 refused" {
		t.Errorf("in all it says %q", total)
	}
	if said := v.text(inRow("notes.txt", ".text p")); !strings.Contains(said, "ot an image") {
		t.Errorf("of a text it says %q", said)
	}
	if said := v.text(inRow("broken.jpg", ".text p")); !strings.Contains(said, "amaged") && !strings.Contains(said, "ot an image") {
		t.Errorf("of a file that ends in its head it says %q", said)
	}
	if n := v.complained(415) + v.complained(422); n != 2 {
		t.Errorf("%d files were refused by the server", n)
	}
	v.lookAround("done")
	if shown := ask(v, chromedp.Evaluate[int](`[...document.querySelectorAll(".upload.done img")].filter(i => i.naturalWidth > 0).length`)); shown != 28 {
		t.Errorf("%d thumbnails show", shown)
	}

	image := ask(v, chromedp.Evaluate[string](`document.querySelector('`+inRow("photo-01.jpg", "img")+`').src.match(/[0-9a-f-]{36}/)[0]`))
	copied := v.copier()
	for label, want := range map[string]string{
		"id":        image,
		"URL":       root + "/download/" + image,
		"<img>":     `<img loading="lazy" decoding="async" width="480" height="360" alt="photo 01" sizes="100vw" srcset="` + root + "/download/" + image + "/resize:320.webp 320w, ",
		"<picture>": "<picture>\n<source type=\"image/avif\" sizes=\"100vw\" srcset=\"" + root + "/download/" + image + "/resize:320.avif 320w, ",
	} {
		if text := copied(`li[@data-name="photo-01.jpg"]`, label); !strings.HasPrefix(text, want) {
			t.Errorf("%s is copied as %s, want %s", label, text, want)
		}
	}
	if lines := strings.Split(copied(`div[contains(@class, "all")]`, "URLs"), "\n"); len(lines) != 28 || lines[0] != root+"/download/"+image {
		t.Errorf("as URLs of all are copied %q", lines)
	}
	if all := copied(`div[contains(@class, "all")]`, "<picture>"); strings.Count(all, "<picture>") != 28 || strings.Count(all, "</picture>") != 28 {
		t.Errorf("as pictures of all are copied %s", all)
	}
}

// drawn is a script in which file(name, color) makes a picture, which a page has drawn, a file.
const drawn = `const file = (name, color) => new Promise(done => {
	const canvas = document.createElement("canvas"), pen = canvas.getContext("2d")
	pen.fillStyle = color
	pen.fillRect(0, 0, 300, 150)
	canvas.toBlob(blob => done(new File([blob], name, { type: "image/png" })))
})
`

// Pictures are dropped anywhere on the page, and pasted; a folder is chosen with all that is in it, but for what programs have put there.
func TestBrowserUploadsWhatIsDroppedAndPasted(t *testing.T) {
	root := serve(t)
	v := visit(t, root, 1280, 900)
	v.do(chromedp.Navigate(root+"/"), chromedp.WaitVisible(`.zone`))
	v.do(chromedp.Evaluate[chromedp.Void](`(async () => { `+drawn+`
		const transfer = new DataTransfer()
		transfer.items.add(await file("dropped-1.png", "red"))
		transfer.items.add(await file("dropped-2.png", "green"))
		document.querySelector("footer").dispatchEvent(new DragEvent("dragenter", { dataTransfer: transfer, bubbles: true, cancelable: true }))
		window.drop = () => document.querySelector("footer").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }))
	})()`, chromedp.EvalAwaitPromise))
	v.holds(`getComputedStyle(document.body, "::after").content != "none"`)
	v.lookAround("drop")
	v.do(chromedp.Evaluate[chromedp.Void](`void drop()`))
	v.holds(count("done") + " == 2")
	if content := ask(v, chromedp.Evaluate[string](`getComputedStyle(document.body, "::after").content`)); content != "none" {
		t.Errorf("after the drop the page still says %s", content)
	}

	v.do(chromedp.Evaluate[chromedp.Void](`(async () => { `+drawn+`
		const transfer = new DataTransfer()
		transfer.items.add(await file("image.png", "blue"))
		document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }))
	})()`, chromedp.EvalAwaitPromise))
	v.holds(count("done") + " == 3")
	if name := v.text(".upload:last-child h3"); !strings.HasPrefix(name, "pasted-20") || !strings.HasSuffix(name, ".png") {
		t.Errorf("what was pasted is named %q", name)
	}

	folder := t.TempDir()
	inner := filepath.Join(folder, "holiday", "sea")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	photos(t, inner, 2)
	writeFile(t, filepath.Join(folder, "holiday"), ".DS_Store", "hidden")
	writeFile(t, inner, "Thumbs.db", "hidden")
	v.do(chromedp.SetUploadFiles(`#folder`, []string{filepath.Join(folder, "holiday")}))
	v.holds(count("done") + " == 5")
	if notice := v.text("#uploads"); !strings.Contains(notice, "Left out: 2 hidden files.") {
		t.Errorf("the page says %q", notice)
	}
	// Those that are there already are not sent again, also after the page was loaded anew.
	v.do(chromedp.Reload(), chromedp.WaitVisible(`.upload`))
	v.holds(count("done") + " == 5")
	v.do(chromedp.SetUploadFiles(`#folder`, []string{filepath.Join(folder, "holiday")}))
	v.holds(`document.querySelector("#uploads").textContent.includes("Left out: 2 files in the list already, 2 hidden files.")`)
	if total := v.text(".total h2"); total != "5 images uploaded" {
		t.Errorf("in all it says %q", total)
	}
	v.lookAround("folder")
}

// Uploads are paused, resumed and cancelled, one and all. What need not be sent to be refused is not sent.
func TestBrowserUploadsArePausedAndCancelled(t *testing.T) {
	server := start(t, "--max-upload-bytes=100MB", "--max-pixels=500000000")
	l := newLine(t, server.address)
	root := "http://" + l.address
	v := visit(t, root, 1280, 900)
	folder := t.TempDir()
	large := largeTIFF(t, 30_000_000)
	huge := writeFile(t, folder, "huge.jpg", "")
	if err := os.Truncate(huge, 100_000_001); err != nil {
		t.Fatal(err)
	}
	files := append(photos(t, folder, 3), large, huge, writeFile(t, folder, "empty.png", ""))
	v.do(chromedp.Navigate(root+"/"), chromedp.WaitVisible(`.zone`))
	l.pace(1_000_000)
	v.do(chromedp.SetUploadFiles(`#image`, files))
	// What is too large or empty is told before a byte is sent.
	v.holds(count("refused") + " == 2")
	for name, want := range map[string]string{"huge.jpg": "Not kept. It is too large: at most 100 MB are taken.", "empty.png": "Not kept. It is empty."} {
		if said := v.text(inRow(name, ".text p")); said != want {
			t.Errorf("of %s it says %q, want %q", name, said, want)
		}
	}
	v.holds(count("done") + " == 3 && " + count("sending") + " == 1")
	v.lookAround("sending")

	tiff := `li[@data-name="large.tif"]`
	v.press(tiff, "Pause")
	v.holds(count("paused") + " == 1")
	at := v.text(inRow("large.tif", ".text p"))
	time.Sleep(500 * time.Millisecond) // in which bytes would go
	if now := v.text(inRow("large.tif", ".text p")); now != at || !strings.HasSuffix(now, "paused") {
		t.Errorf("while it is paused it says %q and then %q", at, now)
	}
	if focused := ask(v, chromedp.Evaluate[string](`document.activeElement.textContent`)); focused != "Resume large.tif" {
		t.Errorf("the focus is on %q", focused)
	}
	v.lookAround("paused")
	v.press(tiff, "Resume")
	v.holds(count("sending") + " == 1")
	v.press(`div[contains(@class, "all")]`, "Pause all")
	v.holds(count("paused") + " == 1")
	v.press(`div[contains(@class, "all")]`, "Resume all")
	v.holds(count("sending") + " == 1")
	v.press(tiff, "Cancel")
	v.holds(count("") + " == 5 && " + count("sending") + " == 0")
	v.press(`li[@data-name="huge.jpg"]`, "Remove")
	v.holds(count("") + " == 4")

	// The same file can be sent after all.
	l.pace(0)
	v.do(chromedp.SetUploadFiles(`#image`, []string{large}))
	v.holds(count("done") + " == 4")
	v.press(`div[contains(@class, "all")]`, "Clear the list")
	v.holds(count("") + " == 0")
	v.do(chromedp.WaitVisible(`#prints`))
	v.lookAround("cleared")
}

// Where a token is needed it is asked for once; without it files are refused, and can be sent again.
func TestBrowserUploadsWithToken(t *testing.T) {
	const token = "correct-horse-battery-staple"
	root := serve(t, "--token="+token)
	v := visit(t, root, 1280, 900)
	files := photos(t, t.TempDir(), 4)
	v.do(
		chromedp.Navigate(root+"/upload-image"), chromedp.WaitVisible(`#token`),
		chromedp.SendKeys(`#token`, token), chromedp.Click(`#locked button`), chromedp.WaitVisible(`.zone`),
		chromedp.SetUploadFiles(`#image`, files[:2]),
	)
	v.holds(count("done") + " == 2")

	v.do(
		chromedp.Evaluate[chromedp.Void](`sessionStorage.setItem("calotype-token", "another-token-that-is-not-known")`),
		chromedp.SetUploadFiles(`#image`, files[2:]), chromedp.WaitVisible(`#ask-token`), chromedp.Click(`dialog button.plain`),
	)
	v.holds(count("refused") + " == 2")
	v.complaints = nil // of the answers 401
	v.lookAround("needs-token")
	v.press(`div[contains(@class, "all")]`, "Try refused files again")
	v.do(chromedp.WaitVisible(`#ask-token`), chromedp.SendKeys(`#ask-token`, token), chromedp.Click(`dialog button`))
	v.holds(count("done") + " == 4")
}
