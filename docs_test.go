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
	"slices"
	"strings"
	"testing"

	"calotype/docs"
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
	t      *testing.T
	engine *transform.Engine
	used   map[string]bool
	chains map[string]string // file name to the chain that is shown
}

const sampleID = "0"

func newSampler(t *testing.T) *sampler {
	engine, err := transform.NewEngine(transform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	s := &sampler{t: t, engine: engine, used: map[string]bool{}, chains: map[string]string{}}
	var photo, cutout bytes.Buffer
	if err := jpeg.Encode(&photo, landscape(480, 320, true), &jpeg.Options{Quality: 92}); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&cutout, landscape(480, 320, false)); err != nil {
		t.Fatal(err)
	}
	s.keep(docs.Landscape, photo.Bytes())
	s.keep(docs.Cutout, cutout.Bytes())
	return s
}

func (s *sampler) keep(name string, data []byte) {
	s.t.Helper()
	s.used[name] = true
	check(s.t, filepath.Join(docs.SampleFolder, name), data)
}

// render makes the sample of a chain and returns its file name.
func (s *sampler) render(operation, chain string) string {
	s.t.Helper()
	target, err := transform.Parse(sampleID + "/" + chain + ".webp")
	if err != nil {
		s.t.Fatal(err)
	}
	rendition, err := s.print(target, docs.SampleOriginal(operation))
	if err != nil {
		s.t.Fatal(err)
	}
	name := docs.SampleName(chain)
	if other := s.chains[name]; other != "" && other != chain {
		s.t.Fatalf("the samples of %s and %s would both be %s", other, chain, name)
	}
	s.chains[name] = chain
	if transform.LibvipsVersion() == pinnedLibvips && runtime.GOARCH == pinnedArch {
		s.keep(name, rendition.Body)
		return name
	}
	s.used[name] = true
	if _, err := os.Stat(filepath.Join(docs.SampleFolder, name)); err != nil {
		s.t.Errorf("the sample of %s is missing; run make generate with the pinned libvips", chain)
	}
	return name
}

// print makes a print of one of the originals of samples.
func (s *sampler) print(target transform.Target, source string) (*transform.Rendition, error) {
	file, err := os.Open(filepath.Join(docs.SampleFolder, source))
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
			return os.Open(filepath.Join(docs.SampleFolder, docs.Cutout))
		},
		Plan: plan,
	})
}

// checkUnused finds samples that no page shows.
func (s *sampler) checkUnused() {
	files, err := os.ReadDir(docs.SampleFolder)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range files {
		if s.used[f.Name()] {
			continue
		}
		if *update {
			os.Remove(filepath.Join(docs.SampleFolder, f.Name()))
		} else {
			s.t.Errorf("%s/%s is shown nowhere; run make generate", docs.SampleFolder, f.Name())
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
		if _, err := s.print(target, docs.Landscape); err != nil {
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
	b.WriteString("# Operations, settings and formats\n\n<!-- Made by \"make generate\" from the declarations in transform/ and the texts in docs/; changes belong there. -->\n")
	for _, paragraph := range append(slices.Clone(docs.Introduction), docs.OnSamples) {
		b.WriteString("\n" + paragraph + "\n")
	}
	fmt.Fprintf(&b, "\n![the original](samples/%s)\n\n## Operations\n", docs.Landscape)
	for _, o := range docs.Operations() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", o.Name, o.Doc)
		for _, f := range o.Forms {
			fmt.Fprintf(&b, "\n`%s`", f.Signature)
			if f.Doc != "" {
				fmt.Fprintf(&b, " – %s", f.Doc)
			}
			b.WriteString("\n")
			writeParams(&b, f.Params)
		}
		b.WriteString("\n|")
		for _, example := range o.Examples {
			fmt.Fprintf(&b, " `%s` |", example.Chain)
		}
		b.WriteString("\n|" + strings.Repeat("---|", len(o.Examples)) + "\n|")
		for _, example := range o.Examples {
			fmt.Fprintf(&b, " ![%s](samples/%s) |", example.Chain, samples.render(o.Name, example.Chain))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## Settings\n")
	for _, s := range docs.Settings() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n`%s`, for example `%s`\n", s.Name, s.Doc, s.Forms[0].Signature, s.Examples[0].Chain)
		writeParams(&b, s.Forms[0].Params)
	}
	b.WriteString("\n## Formats\n\n" + docs.OnFormats + "\n\n| extension | format | settings | holds | |\n|---|---|---|---|---|\n")
	for _, f := range docs.Formats() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(f.Extensions), f.Type, f.Settings, f.Holds, f.Doc)
	}
	b.WriteString("\n" + docs.OnOriginals + "\n\n| format | | without an extension | |\n|---|---|---|---|\n")
	for _, f := range docs.Originals() {
		fmt.Fprintf(&b, "| %s | %s | `.%s` | %s |\n", f.Name, f.Type, f.Extension, f.Doc)
	}
	for _, paragraph := range append(docs.Unnamed(), docs.OwnPixels) {
		b.WriteString("\n" + paragraph + "\n")
	}
	return b.String()
}

func writeParams(b *strings.Builder, params []docs.Param) {
	if len(params) == 0 {
		return
	}
	b.WriteString("\n| argument | | value | default |\n|---|---|---|---|\n")
	for _, p := range params {
		preset := ""
		if p.Default != "" {
			preset = code([]string{p.Default})
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, p.Doc, p.Value, preset)
	}
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
