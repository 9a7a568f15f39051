package handler

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"calotype/store"
)

// The HTML pages: what a browser gets where a program gets JSON. They work without JavaScript; a page that does more with it names
// its script, which is one of package web. They keep to pagePolicy: nothing in them is inline. Names of files and messages are
// anyone's words; html/template escapes them and <bdi> keeps their writing direction to themselves.

// uploadPage is the form of GET /upload-image. A limit of 0 is not spoken of.
type uploadPage struct {
	MaxBytes  int64    // of one image
	MaxPixels int64    // of one image
	Formats   []string // names or media types: "jpeg", "image/png"
}

// uploadedPage is what a browser sees after it posted the form.
type uploadedPage struct{ Images []uploadedImage }

// uploadedImage is one file of the form. Where Problem says in plain words why the file was refused, only Name
// need be set. URL is the path of the original.
type uploadedImage struct {
	Name, ID, URL, Thumbnail, Format string
	Width, Height                    int
	Bytes                            int64
	Prints                           []samplePrint // to look at
	Problem                          string
}

// galleryPage is one page of the originals, the newest first.
type galleryPage struct {
	Asked  store.Query
	Images []galleryImage
	Next   string // URL of the next page, "" on the last
}

// First is the address of the first page, "" on it.
func (p galleryPage) First() string {
	if p.Asked.Before == (store.ID{}) {
		return ""
	}
	return galleryListing.first(p.Asked)
}

// AllTypes is the address of the page without a choice of types.
func (p galleryPage) AllTypes() string { return galleryTypesURL(p.Asked, nil) }

// Types are the types that are asked for, as the address has them.
func (p galleryPage) Types() string { return strings.Join(p.Asked.Formats, "|") }

// Filtered tells whether not all originals are asked for.
func (p galleryPage) Filtered() bool {
	return len(p.Asked.Formats) > 0 || p.Asked.Name != "" || !p.Asked.Since.IsZero() || !p.Asked.Until.IsZero()
}

// galleryImage is one original. Choosing it downloads URL. Thumbnail2x may be empty.
type galleryImage struct {
	shownDescription
	Created time.Time
}

// problemPage tells a person what went wrong.
type problemPage struct {
	Status        int
	Title, Detail string
	Help          string // address of what there is to read about it
}

// lockedPage asks for a token, and then shows what is at the address that it came for. Without scripts it leads to SignIn.
type lockedPage struct{ SignIn string }

// Each render writes the whole page to w, or returns an error and has written nothing. Safe for concurrent use.

func (p uploadPage) render(w io.Writer) error   { return renderPage(w, uploadTemplate, "upload", p) }
func (p uploadedPage) render(w io.Writer) error { return renderPage(w, uploadedTemplate, "", p) }
func (p galleryPage) render(w io.Writer) error  { return renderPage(w, galleryTemplate, "gallery", p) }
func (p problemPage) render(w io.Writer) error  { return renderPage(w, problemTemplate, "", p) }
func (p lockedPage) render(w io.Writer) error   { return renderPage(w, lockedTemplate, "", p) }
func (p playgroundPage) render(w io.Writer) error {
	return renderPage(w, playgroundTemplate, "playground", p)
}

func (p playgroundChoice) render(w io.Writer) error {
	return renderPage(w, playgroundChoiceTemplate, "playground", p)
}

//go:embed pages
var pageFiles embed.FS

var (
	uploadTemplate   = parsePage("upload.html")
	uploadedTemplate = parsePage("uploaded.html")
	galleryTemplate  = parsePage("gallery.html")
	problemTemplate  = parsePage("problem.html")
	lockedTemplate   = parsePage("locked.html")

	playgroundTemplate       = parsePage("playground.html")
	playgroundChoiceTemplate = parsePage("playground-choice.html")
)

func parsePage(file string) *template.Template {
	layout := template.New("layout.html").Funcs(template.FuncMap{
		"caption":    caption,
		"exactly":    exactBytes,
		"filters":    typeFilters,
		"format":     formatName,
		"formats":    formatNames,
		"galleryURL": func() string { return galleryListing.path },
		"day":        func(when time.Time) string { return when.UTC().Format("2 January 2006") },
		"imgTag":     imgTag,
		"limits":     limitsInWords,
		"prose":      prose,
		"sample":     sample,
		"size":       humanBytes,
		"asset":      assetPath,
		"summary":    uploadSummary,
	})
	return template.Must(layout.ParseFS(pageFiles, "pages/layout.html", "pages/"+file))
}

// renderPage puts page into the layout. The section is the entry of the main navigation that it stands for, if any.
func renderPage(w io.Writer, t *template.Template, section string, page any) error {
	var b bytes.Buffer
	if err := t.Execute(&b, struct {
		Section string
		Page    any
	}{section, page}); err != nil {
		return fmt.Errorf("rendering a page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// galleryTypes are the types that the gallery offers as filters.
var galleryTypes = []string{"jpeg", "png", "gif", "webp", "avif", "tiff"}

// galleryTypesURL is the address of the gallery of what is asked, but of these types; of all if there are none.
func galleryTypesURL(asked store.Query, types []string) string {
	asked.Formats = types
	return galleryListing.first(asked)
}

// typeFilter is a type that the gallery shows or could show, and the address that changes it.
type typeFilter struct {
	Type  string
	Shown bool
	URL   string
}

// typeFilters returns the types to choose from when asked are shown: each link adds its type or takes it away.
func typeFilters(asked store.Query) []typeFilter {
	chosen := make([]string, len(asked.Formats))
	for i, name := range asked.Formats {
		chosen[i] = canonicalType(name)
	}
	offered := slices.Clone(galleryTypes)
	for _, name := range chosen {
		if !slices.Contains(offered, name) {
			offered = append(offered, name)
		}
	}
	list := make([]typeFilter, len(offered))
	for i, name := range offered {
		var next []string
		shown := slices.Contains(chosen, name)
		for _, other := range offered {
			if (other == name && !shown) || (other != name && slices.Contains(chosen, other)) {
				next = append(next, other)
			}
		}
		list[i] = typeFilter{name, shown, galleryTypesURL(asked, next)}
	}
	return list
}

// samplePrint is a print to look at, with its chain as a URL ends in it.
type samplePrint struct{ Chain, URL, Doc string }

// samplePrints are some prints of an image, whose addresses are made of their chains.
func samplePrints(address func(chain string) string) []samplePrint {
	list := []samplePrint{
		{Chain: "/resize:400.webp", Doc: "400 pixels wide, as WebP"},
		{Chain: "/crop:0,0,200,200/rotate:90.png", Doc: "the upper left corner, turned"},
		{Chain: ".json", Doc: "what is known of it"},
	}
	for i := range list {
		list[i].URL = address(list[i].Chain)
	}
	return list
}

// imgTag is the HTML that shows the image, to be copied. Characters that cannot be seen, such as those that change
// the writing direction, are spelled out: what is copied is what was read.
func imgTag(i uploadedImage) string {
	var alt strings.Builder
	for _, r := range caption(i.Name, "") {
		if unicode.IsGraphic(r) {
			alt.WriteString(html.EscapeString(string(r)))
		} else {
			fmt.Fprintf(&alt, "&#x%X;", r)
		}
	}
	return fmt.Sprintf(`<img src="%s" width="%d" height="%d" alt="%s">`, html.EscapeString(i.URL), i.Width, i.Height, alt.String())
}

// caption returns the name of a file as it can be shown, or the fallback if there is nothing to show.
func caption(name, fallback string) string {
	if name = strings.TrimSpace(strings.ToValidUTF8(name, "\uFFFD")); name == "" {
		return fallback
	}
	return name
}

// uploadSummary says how many images were kept and how many were not.
func uploadSummary(images []uploadedImage) string {
	var kept, refused int64
	for _, image := range images {
		if image.Problem == "" {
			kept++
		} else {
			refused++
		}
	}
	switch {
	case refused == 0:
		return counted(kept, "image") + " uploaded"
	case kept == 0:
		return counted(refused, "file") + " refused"
	default:
		return counted(kept, "image") + " uploaded, " + humanNumber(refused) + " refused"
	}
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return humanNumber(n) + " " + what + "s"
}

// canonicalType returns the one spelling of a format's name, from any spelling or a media type.
func canonicalType(name string) string {
	switch name = strings.TrimPrefix(strings.ToLower(name), "image/"); name {
	case "jpg":
		return "jpeg"
	case "tif":
		return "tiff"
	default:
		return name
	}
}

// formatName is a format as people write it.
func formatName(name string) string {
	if name = canonicalType(name); name == "webp" {
		return "WebP"
	}
	return strings.ToUpper(name)
}

// formatNames lists formats as a choice: "JPEG, PNG or WebP".
func formatNames(names []string) string {
	var written []string
	for _, name := range names {
		if name = formatName(name); !slices.Contains(written, name) {
			written = append(written, name)
		}
	}
	if last := len(written) - 1; last > 0 {
		return strings.Join(written[:last], ", ") + " or " + written[last]
	}
	return strings.Join(written, "")
}

// limitsInWords says the limits of an upload in words, "" if there are none.
func limitsInWords(maxBytes, maxPixels int64) string {
	var parts []string
	if maxBytes > 0 {
		parts = append(parts, "at most "+exactBytes(maxBytes))
	}
	if maxPixels > 0 {
		parts = append(parts, "at most "+strconv.FormatFloat(float64(maxPixels)/1e6, 'f', -1, 64)+" megapixels")
	}
	return strings.Join(parts, " and ")
}

// exactBytes is a size that is not rounded, as a limit must not be: "32 MB", "32 MiB", "1,500 bytes".
func exactBytes(n int64) string {
	switch {
	case n > 0 && n%1_000_000 == 0:
		return humanNumber(n/1_000_000) + " MB"
	case n > 0 && n%(1<<20) == 0:
		return humanNumber(n>>20) + " MiB"
	default:
		return counted(n, "byte")
	}
}

// humanBytes is a size with two digits or more, in powers of 1000: "812 bytes", "1.4 MB".
func humanBytes(n int64) string {
	if n < 1000 {
		return counted(n, "byte")
	}
	value, units := float64(n)/1000, []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	for value >= 999.5 && len(units) > 1 {
		value, units = value/1000, units[1:]
	}
	digits := 0
	if value < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + units[0]
}

// humanNumber writes n with a comma between thousands.
func humanNumber(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
