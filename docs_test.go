package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"calotype/handler/tenants"
	"calotype/transform"
)

//go:generate go test -run ^TestDocsAreUpToDate$ . -update

var update = flag.Bool("update", false, "write the generated pages and samples")

// pinnedLibvips made the samples that are in the repository; another one makes other bytes.
const pinnedLibvips, pinnedArch = "8.18.7", "amd64"

// The pages that follow from the declarations say what the declarations say.
func TestDocsAreUpToDate(t *testing.T) {
	samples := newSampler(t)
	check(t, "docs/operations.md", []byte(operationsPage(samples)))
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme = fill(t, readme, "prints", printsTable(samples))
	readme = fill(t, readme, "operations", operationsTable())
	readme = fill(t, readme, "options", optionsTable(t))
	readme = fill(t, readme, "commands", commandsTable(t))
	check(t, "README.md", readme)
	tenantsPage, err := os.ReadFile("docs/tenants.md")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "docs/tenants.md", fill(t, tenantsPage, "tenants", tenantsTable()))
	samples.checkUnused()
}

// check compares a file with what it should be, or writes it.
func check(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not up to date; run make generate", path)
	}
}

// fill replaces what stands between the two comments that mark a generated part.
func fill(t *testing.T, page []byte, name, content string) []byte {
	t.Helper()
	part := regexp.MustCompile(`(?s)(<!-- generated: ` + name + ` -->\n).*?(<!-- end -->)`)
	if !part.Match(page) {
		t.Fatalf("a page has no generated part %s", name)
	}
	return part.ReplaceAll(page, []byte("${1}"+strings.ReplaceAll(content, "$", "$$")+"${2}"))
}

// A sampler renders the examples of the reference by the real engine.
type sampler struct {
	t       *testing.T
	engine  *transform.Engine
	used    map[string]bool
	chains  map[string]string // file name to the chain that is shown
	sources map[string]string // operation to original, where it is not the usual one
}

const (
	sampleFolder = "docs/samples"
	sampleID     = "0"
)

func newSampler(t *testing.T) *sampler {
	engine, err := transform.NewEngine(transform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	s := &sampler{t: t, engine: engine, used: map[string]bool{}, chains: map[string]string{}, sources: map[string]string{"background": "cutout.png"}}
	var photo, cutout bytes.Buffer
	if err := jpeg.Encode(&photo, landscape(480, 320, true), &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&cutout, landscape(480, 320, false)); err != nil {
		t.Fatal(err)
	}
	s.keep("landscape.jpg", photo.Bytes())
	s.keep("cutout.png", cutout.Bytes())
	return s
}

func (s *sampler) keep(name string, data []byte) {
	s.t.Helper()
	s.used[name] = true
	check(s.t, filepath.Join(sampleFolder, name), data)
}

// render makes the sample of a chain and returns its file name.
func (s *sampler) render(operation, chain string) string {
	s.t.Helper()
	target, err := transform.Parse(sampleID + "/" + chain + ".webp")
	if err != nil {
		s.t.Fatal(err)
	}
	source := s.sources[operation]
	if source == "" {
		source = "landscape.jpg"
	}
	rendition, err := s.print(target, source)
	if err != nil {
		s.t.Fatal(err)
	}
	name := strings.ReplaceAll(chain, transform.ExampleImage, "image")
	name = regexp.MustCompile(`([:,])-`).ReplaceAllString(name, "${1}minus-")
	name = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(name, "-") + ".webp"
	if other := s.chains[name]; other != "" && other != chain {
		s.t.Fatalf("the samples of %s and %s would both be %s", other, chain, name)
	}
	s.chains[name] = chain
	if transform.LibvipsVersion() == pinnedLibvips && runtime.GOARCH == pinnedArch {
		s.keep(name, rendition.Body)
		return name
	}
	s.used[name] = true
	if _, err := os.Stat(filepath.Join(sampleFolder, name)); err != nil {
		s.t.Errorf("the sample of %s is missing; run make generate with the pinned libvips", chain)
	}
	return name
}

// print makes a print of one of the originals of samples.
func (s *sampler) print(target transform.Target, source string) (*transform.Rendition, error) {
	file, err := os.Open(filepath.Join(sampleFolder, source))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	original, err := s.engine.Inspect(context.Background(), file, transform.Asker{})
	if err != nil {
		return nil, err
	}
	presets, faults := transform.NewPresets(transform.ExamplePresets)
	if len(faults) > 0 {
		return nil, faults[0]
	}
	if target.Chain, _, err = target.Chain.Expand(presets); err != nil {
		return nil, err
	}
	layers := make([]transform.Original, len(target.Chain.Images()))
	for i := range layers {
		layers[i] = transform.Original{Format: "png", Size: transform.Size{Width: 480, Height: 320}, Frames: 1, Depth: 8, Alpha: true}
	}
	plan, err := transform.NewPlan(target.Chain.Settle(original, "image/webp"), original, transform.Limits{}, layers...)
	if err != nil {
		return nil, err
	}
	return s.engine.Render(context.Background(), transform.Job{
		Open: func(context.Context) (*os.File, error) { return os.Open(file.Name()) },
		OpenLayer: func(context.Context, int) (*os.File, error) {
			return os.Open(filepath.Join(sampleFolder, "cutout.png"))
		},
		Plan: plan,
	})
}

// checkUnused finds samples that no page shows.
func (s *sampler) checkUnused() {
	files, err := os.ReadDir(sampleFolder)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		if s.used[f.Name()] {
			continue
		}
		if *update {
			os.Remove(filepath.Join(sampleFolder, f.Name()))
		} else {
			s.t.Errorf("%s/%s is shown nowhere; run make generate", sampleFolder, f.Name())
		}
	}
}

// Every chain that the comparison with others shows can be had.
func TestComparedChainsWork(t *testing.T) {
	page, err := os.ReadFile("docs/compared.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newSampler(t)
	tried := 0
	for _, cell := range regexp.MustCompile("`(/[a-z]+[:,./][^`<]*|\\.[a-z]+)`").FindAllStringSubmatch(string(page), -1) {
		target, err := transform.Parse(sampleID + cell[1])
		if err != nil {
			t.Errorf("%s: %v", cell[1], err)
			continue
		}
		if _, err := s.print(target, "landscape.jpg"); err != nil {
			t.Errorf("%s: %v", cell[1], err)
		}
		tried++
	}
	if tried < 60 {
		t.Errorf("only %d chains were found", tried)
	}
}

// operationsPage is the reference of the grammar.
func operationsPage(samples *sampler) string {
	var b strings.Builder
	b.WriteString(`# Operations, settings and formats

<!-- Made by "make generate" from the declarations in transform/; changes belong there. -->

An address is ` + "`/download/<id>/<operation>/<operation>….<extension>`" + `. Operations run in the order in which they stand, each on
the result of the one before. Settings hold for the whole print and may stand anywhere. The extension is the format of the
print; without one the print keeps the format of its original.

Lengths are whole pixels (` + "`200`" + `) or percent of the picture as it is at that point (` + "`12.5p`" + `). Colors are CSS names, or 3, 4, 6 or 8
hexadecimal digits without a number sign (` + "`f00`, `ff000080`" + `). ` + "`fp=0.3x0.7`" + ` is a point in shares of width and height from the top left.
Arguments in brackets may be left out; words may stand in any order behind the numbers.

Where commas and colons are in the way, ` + "`~` and `=`" + ` do as well (` + "`crop=0~0~200~200`" + `), and so does percent-encoding. All spellings are
one print; its canonical address is named in the ` + "`Link`" + ` header.

The samples are prints of this picture (480×320):

![the original](samples/landscape.jpg)

## Operations
`)
	for _, o := range transform.Operations {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", o.Name, o.Doc)
		for _, f := range o.Forms {
			fmt.Fprintf(&b, "\n`%s`", f.Signature(o.Name))
			if f.Doc != "" {
				fmt.Fprintf(&b, " – %s", f.Doc)
			}
			b.WriteString("\n")
			writeParams(&b, f.Params)
		}
		b.WriteString("\n|")
		for _, example := range o.Examples {
			fmt.Fprintf(&b, " `%s` |", example)
		}
		b.WriteString("\n|" + strings.Repeat("---|", len(o.Examples)) + "\n|")
		for _, example := range o.Examples {
			fmt.Fprintf(&b, " ![%s](samples/%s) |", example, samples.render(o.Name, example))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## Settings\n")
	for _, s := range transform.Settings {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n`%s`, for example `%s`\n", s.Name, s.Doc, s.Signature(), s.Example)
		writeParams(&b, []transform.Param{s.Param})
	}
	b.WriteString("\n## Formats\n\nThose of prints; an original may have them as well.\n\n| extension | format | settings | holds | |\n|---|---|---|---|---|\n")
	for _, f := range transform.Formats {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(append([]string{f.Extension}, f.Spellings...)), f.Type, formatSettings(f), holds(f), f.Doc)
	}
	b.WriteString("| `auto` | AVIF or WebP where the `Accept` header names it, else JPEG; PNG if the original is transparent, GIF if it moves | all, as far as the format has them | | The answer varies with `Accept`. |\n")
	b.WriteString("| `json` | the print described: its size, bytes, format, plan and cost; with `describe:look` its colors, hashes and a placeholder, with `describe:exif` how the original was taken | | | `format:webp.json` describes the WebP print. |\n")
	b.WriteString("\nAn original may also have one of these, which are only read. A print of it whose address names no format has the one in the third column, and " +
		"is PNG if the original has transparency that this cannot hold. `/download/<id>` alone answers with the original as it is.\n\n| format | | without an extension | |\n|---|---|---|---|\n")
	for _, f := range transform.Originals {
		if !f.Written() {
			fmt.Fprintf(&b, "| %s | %s | `.%s` | %s |\n", f.Name, f.Type, f.Print.Extension, f.Doc)
		}
	}
	for _, f := range transform.Formats {
		if f.Print != nil {
			fmt.Fprintf(&b, "\nA print of %s whose address names no format is `.%s` as well.\n", f.Name, f.Print.Extension)
		}
	}
	b.WriteString(ownPixels)
	return b.String()
}

const ownPixels = `
A print that is the whole picture, in the format of its original, has the pixels as they are coded there if that takes fewer bytes than coding
them anew: so it is never larger than the original. The original's metadata is left out all the same, and so is what stands behind
the end of its picture. This holds for JPEG, PNG, WebP and GIF, animations too, beside the settings quality, effort, maxbytes, icc and dpr; not if an
operation or the orientation changes the picture, if colors are converted, if a gain map or metadata is kept, or beside any other setting. AVIF and TIFF are
always coded anew, and so are files that are mostly metadata, of several megabytes. Whether it was so, .json says at the end of the plan.
`

func writeParams(b *strings.Builder, params []transform.Param) {
	if len(params) == 0 {
		return
	}
	b.WriteString("\n| argument | | value | default |\n|---|---|---|---|\n")
	for i := range params {
		p := &params[i]
		preset := ""
		if p.Default != "" {
			preset = "`" + p.Default + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, p.Doc, strings.TrimPrefix(p.Expected(), "must be "), preset)
	}
}

func formatSettings(f *transform.Format) string {
	var names []string
	for _, s := range f.Settings {
		switch {
		case s.Name == "quality":
			names = append(names, fmt.Sprintf("quality (%d)", f.Quality))
		case s.Name == "effort":
			names = append(names, fmt.Sprintf("effort (%d)", f.Effort))
		default:
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}

func holds(f *transform.Format) string {
	var what []string
	for _, h := range []struct {
		name string
		is   bool
	}{{"transparency", f.Alpha}, {"animation", f.Animation}, {"16 bits", f.Deep}} {
		if h.is {
			what = append(what, h.name)
		}
	}
	return strings.Join(what, ", ")
}

func code(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

// printsTable shows what Calotype does, at the head of the README.
func printsTable(samples *sampler) string {
	head, line, pictures := "| the original |", "|---|", "| ![the original](docs/samples/landscape.jpg) |"
	for _, chain := range []string{"resize:200,200,cover,fp=0.2x0.6", "crop:0,140,220,130/rotate:-15,bg=gold", "resize:200/grayscale"} {
		head += " `/" + chain + ".webp` |"
		line += "---|"
		pictures += " ![" + chain + "](docs/samples/" + samples.render("", chain) + ") |"
	}
	return head + "\n" + line + "\n" + pictures + "\n"
}

// operationsTable is the short list for the README.
func operationsTable() string {
	var b strings.Builder
	b.WriteString("| | | for example |\n|---|---|---|\n")
	row := func(name, doc, example string) {
		first, _, _ := strings.Cut(doc, ". ")
		fmt.Fprintf(&b, "| [%s](docs/operations.md#%s) | %s | `%s` |\n", name, name, strings.TrimSuffix(first, ".")+".", example)
	}
	for _, o := range transform.Operations {
		row(o.Name, o.Doc, o.Examples[0])
	}
	for _, s := range transform.Settings {
		row(s.Name, s.Doc, s.Example)
	}
	return b.String()
}

// optionsTable lists the options of serve.
func optionsTable(t *testing.T) string {
	t.Helper()
	p, err := newParser(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| flag | environment | default | |\n|---|---|---|---|\n")
	for _, node := range p.Model.Children {
		if node.Name != "serve" {
			continue
		}
		for _, f := range node.Flags {
			if f.Hidden || f.Name == "help" {
				continue
			}
			fmt.Fprintf(&b, "| `--%s` | `%s` | `%s` | %s |\n", f.Name, strings.Join(f.Envs, "`, `"), f.Default, f.Help)
		}
	}
	return b.String()
}

// tenantsTable lists what can be said of a tenant.
func tenantsTable() string {
	var b strings.Builder
	b.WriteString("| setting | | |\n|---|---|---|\n")
	for _, s := range tenants.Settings {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", s.Name, strings.ReplaceAll(s.Form, "|", "\\|"), s.Doc)
	}
	return b.String()
}

// commandsTable lists the commands beside serve.
func commandsTable(t *testing.T) string {
	t.Helper()
	p, err := newParser(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	for _, node := range p.Model.Children {
		if node.Name == "serve" || node.Hidden {
			continue
		}
		name := node.Name
		for _, argument := range node.Positional {
			name += " " + strings.ToUpper(argument.Name)
		}
		fmt.Fprintf(&b, "| `calotype %s` | %s |\n", name, node.Help)
	}
	return b.String()
}
