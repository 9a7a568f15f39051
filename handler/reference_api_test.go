package handler

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func describedPage(t *testing.T, tokens bool) apiPage {
	t.Helper()
	text, err := openAPI(tokens)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newAPIPage(text.plain)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The page says all that the description says: each method with its parameters, bodies and answers, each problem, each schema.
func TestAPIPageSaysAll(t *testing.T) {
	s := serve(t)
	page := string(s.mustGet(apiPath, "Accept", "text/html").body)
	d := decode[map[string]any](t, s.mustGet("/openapi.json"))
	said := func(id string) string {
		t.Helper()
		_, rest, found := strings.Cut(page, ` id="`+id+`"`)
		if !found {
			t.Errorf("there is nothing at #%s", id)
		}
		section, _, _ := strings.Cut(rest, `<section class="entry"`)
		return section
	}
	want := func(where, text string) {
		t.Helper()
		if text != "" && !strings.Contains(said(where), string(prose(text))) {
			t.Errorf("#%s does not say %q", where, text)
		}
	}
	var texts func(where string, value any)
	texts = func(where string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for key, v := range value {
				switch text, isText := v.(string); {
				case key == "description" && isText || key == "summary" && isText:
					want(where, text)
				case key == "name" && value["in"] != nil:
					want(where, text)
				case strings.HasPrefix(key, "x-"): // for programs
				case key == "default" && value["operationId"] == nil: // problems, which have a chapter of their own, and defaults of values
				default:
					texts(where, v)
				}
			}
		case []any:
			for _, v := range value {
				texts(where, v)
			}
		}
	}
	operations := 0
	for path, methods := range d["paths"].(map[string]any) {
		for method, o := range methods.(map[string]any) {
			id := o.(map[string]any)["operationId"].(string)
			want(id, strings.ToUpper(method)+" "+path)
			texts(id, o)
			operations++
		}
	}
	components := d["components"].(map[string]any)
	for name, schema := range components["schemas"].(map[string]any) {
		if name != "Operation" { // it is the reference
			texts(name, schema)
		}
	}
	for _, p := range append(problems, internal) {
		_, row, found := strings.Cut(page, `<div id="`+p.code+`">`)
		row, _, _ = strings.Cut(row, "</div>")
		if !found || !strings.Contains(row, p.title) || !strings.Contains(row, fmt.Sprint(p.status)) || !strings.Contains(row, keptInWords(p.keep)) {
			t.Errorf("%s is told as %q", p.code, row)
		}
	}
	if operations < 20 || strings.Count(page, "<h4>Answers</h4>") != operations {
		t.Errorf("%d operations are described, and %d shown", operations, strings.Count(page, "<h4>Answers</h4>"))
	}
}

func TestKeptInWords(t *testing.T) {
	for control, want := range map[string]string{
		"no-store": "not kept", "public, max-age=10": "kept for 10 seconds", "public, max-age=60": "kept for 1 minute", "public, max-age=7200": "kept for 2 hours",
	} {
		if got := keptInWords(control); got != want {
			t.Errorf("%s is %q, want %q", control, got, want)
		}
	}
}

// Who may ask is told where there are tokens.
func TestAPIPageTellsWhoMay(t *testing.T) {
	for _, tokens := range []bool{false, true} {
		p := describedPage(t, tokens)
		for _, o := range p.Operations {
			want := ""
			if tokens {
				want = map[access]string{managed: "Needs a token.", publicIfNamed: "Needs a token for what names no image."}[routes[routePlace(o.Path)].access]
			}
			if o.Access() != want {
				t.Errorf("tokens %t: %s %s: %q, want %q", tokens, o.Method, o.Path, o.Access(), want)
			}
		}
		if rendered(t, p) == "" || strings.Contains(rendered(t, p), "$TOKEN") != tokens {
			t.Errorf("tokens %t: the commands have another idea of them", tokens)
		}
	}
}

// The commands of the page do what it says.
func TestCommandsOfTheAPIPageWork(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	s := serve(t, with(Access{Tokens: tokens(t)}), func(o *Options) { o.Keys = signKeys(t, signKey) })
	folder := t.TempDir()
	picture := encodePNG(t, photo(300, 300, 1))
	if err := os.WriteFile(filepath.Join(folder, "photo.jpg"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
	admitted := []string{"Authorization", "Bearer " + goodToken}
	// What is asked of an address where nothing can be: no original may be fetched here, and no upload is under way.
	refused := map[string]string{
		"getProxySignatureSource": "no-sources", "getPrintElsewhere": "no-sources",
		"patchFilesId": "wrong-offset", "deleteFilesId": "whole-upload",
	}
	for _, o := range describedPage(t, true).Operations {
		kept := decode[uploaded](t, s.do("POST", uploadPath, strings.NewReader(string(picture)), admitted...))
		s.putPreset("avatar", "resize:100", admitted...)
		command := exec.Command("sh", "-c", strings.Replace(o.Curl(), "curl ", "curl -sS -D - -o /dev/null ", 1))
		command.Dir = folder
		command.Env = append(os.Environ(), "CALOTYPE=http://"+s.host, "TOKEN="+goodToken, "ID="+kept.ID)
		out, err := command.CombinedOutput()
		var status int
		if _, scanned := fmt.Sscanf(string(out), "HTTP/1.1 %d", &status); err != nil || scanned != nil {
			t.Errorf("%s: %v %s", o.Curl(), err, out)
			continue
		}
		if code := refused[o.ID]; code == "" && status >= http.StatusBadRequest || code != "" && !strings.Contains(string(out), "Calotype-Error: "+code) {
			t.Errorf("%s: %s", o.Curl(), out)
		}
		if strings.Contains(o.Curl(), "{") && !strings.Contains(o.Curl(), "--json") {
			t.Errorf("%s is no command yet", o.Curl())
		}
	}
}

func TestFieldsOfSchemas(t *testing.T) {
	text := apiSchema{Type: "string"}
	most := 5.0
	s := apiSchema{Required: []string{"z"}, Properties: map[string]apiSchema{
		"a": {Ref: "#/components/schemas/Image"}, "z": {Type: "array", Items: &apiSchema{Required: []string{"y"}, Properties: map[string]apiSchema{"x": text, "y": {Type: "integer", Minimum: new(float64), Maximum: &most}}}},
		"b": {OneOf: []apiSchema{{Const: "<"}, {Enum: []any{"c", 1}, Default: "c"}}},
	}}
	var got []string
	for _, f := range s.Fields() {
		got = append(got, fmt.Sprintf("%s %t %s", f.Name, f.Required, f.Schema.Kind()))
	}
	want := []string{
		"z true list of ", "z[].y true integer from 0 to 5", "z[].x false string", `a false <a href="#Image">Image</a>`,
		"b false <code>&lt;</code> or <code>c</code>, <code>1</code>; <code>c</code> if left out",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A page that tells of a problem leads to where it is explained.
func TestProblemPagesLeadToTheReference(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]string{"/nothing": "/docs/api#no-such-address", "/download?exts=x": "/docs/api#bad-query", "/presets/x": "/docs/api#no-such-preset"} {
		a := s.get(path, "Accept", "text/html")
		if !strings.Contains(string(a.body), `<a href="`+want+`">What this means</a>`) {
			t.Errorf("%s does not lead to %s: %s", path, want, a.body)
		}
		address, fragment, _ := strings.Cut(want, "#")
		if !strings.Contains(string(s.mustGet(address).body), `id="`+fragment+`"`) {
			t.Errorf("%s has no %s", address, fragment)
		}
	}
	if got := helpOn(problem{code: "bad-chain"}, problemBody{Operation: "crop"}); got != "/docs#crop" {
		t.Errorf("a fault in a crop is explained at %s", got)
	}
}
