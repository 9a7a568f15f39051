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
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
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

// colors has pages see which scheme is preferred, "light" or "dark".
func (v *visitor) colors(scheme string) {
	v.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	if _, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		v.t.Fatal(err)
	}
}

// lookTwice looks at the page in light and in dark.
func (v *visitor) lookTwice(name string) {
	v.t.Helper()
	// What is outside of the window is not drawn, to be fast, and would be missing in the picture.
	v.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll(".upload").forEach(row => row.style.contentVisibility = "visible")`))
	for _, scheme := range []string{"light", "dark"} {
		v.colors(scheme)
		v.look(name + "-" + scheme)
	}
}

// until waits for something to be true of the page.
func (v *visitor) until(what string) {
	v.t.Helper()
	for end := time.Now().Add(45 * time.Second); !ask(v, chromedp.Evaluate[bool]("!!("+what+")")); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			v.t.Fatalf("never true: %s. The page says:\n%s", what, ask(v, chromedp.Evaluate[string](`document.querySelector("main").innerText`)))
		}
	}
}

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
	for _, window := range []struct{ width, height int64 }{{1440, 900}, {360, 740}} {
		t.Run(fmt.Sprint(window.width), func(t *testing.T) {
			root := serve(t)
			v := visit(t, root, window.width, window.height)
			v.mayReadClipboard()
			folder := t.TempDir()
			files := photos(t, folder, 28)
			files = append(files, writeFile(t, folder, "notes.txt", strings.Repeat("no picture at all ", 100)), writeFile(t, folder, "broken.jpg", "\xff\xd8\xff\xe0 and nothing more"))
			name := func(page string) string { return fmt.Sprintf("%s-%d", page, window.width) }
			v.do(chromedp.Navigate(root+"/"), chromedp.WaitVisible(`.zone`))
			v.lookTwice(name("choose"))

			v.do(chromedp.SetUploadFiles(`#image`, files))
			v.until(count("done") + " == 28 && " + count("refused") + " == 2")
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
			v.lookTwice(name("done"))
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
		})
	}
}

// ignoreLostConnections takes from what the console has said that connections were lost, as they were.
func (v *visitor) ignoreLostConnections() {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.complaints = slices.DeleteFunc(v.complaints, func(what string) bool {
		return strings.Contains(what, "net::ERR_") && strings.Contains(what, "/files/")
	})
}
