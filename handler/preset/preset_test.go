package preset

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"calotype/transform"
)

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presets.yaml")
	read := func(text string) ([]transform.Preset, error) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return ReadFile(path)
	}
	list, err := read(`
# who looks at whom
avatar: crop:ar=1x1/resize:160/round:max.webp
card:
  2: crop:ar=16x9/resize:640/quality:75
  1: &first crop:ar=16x9/resize:480
3x: *first
quoted: "resize:10/background:f00"
`)
	want := []transform.Preset{
		{Name: "3x", Chain: "crop:ar=16x9/resize:480"},
		{Name: "avatar", Chain: "crop:ar=1x1/resize:160/round:max.webp"},
		{Name: "card", Version: 1, Chain: "crop:ar=16x9/resize:480"},
		{Name: "card", Version: 2, Chain: "crop:ar=16x9/resize:640/quality:75"},
		{Name: "quoted", Chain: "resize:10/background:f00"},
	}
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("got  %+v, %v\nwant %+v", list, err, want)
	}
	for _, empty := range []string{"", "# nothing\n", "{}"} {
		if list, err := read(empty); len(list) > 0 || err != nil {
			t.Errorf("%q: %v, %v", empty, list, err)
		}
	}
	f := func(text, want string) {
		t.Helper()
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	f("avatar: rotate:x", "preset avatar: rotate: angle must be")
	f("a: resiz:10\nb: preset:c", "preset a: an operation or setting was expected (did you mean resize?)")
	f("a: resiz:10\nb: preset:c", "preset b: there is no such preset: c")
	f("a: preset:b\nb: preset:a", "must not stand in itself")
	f("Avatar: resize:10", "in lower case")
	f("a: resize:10\na: resize:20", "already defined")
	f("a:\n  1: resize:10\n  1: resize:20", "already defined")
	f("a:\n  0: resize:10", "line 2: chains are numbered from 1")
	f("a: {}", "line 1: chains are numbered from 1")
	f("a:\n  x: resize:10", "cannot unmarshal")
	f("a: [resize:10]", "cannot unmarshal")
	f("- resize:10", "cannot unmarshal")
	f("a:", "nothing stands there")
	f("a: [", "yaml")
	f("a: resize:10\n---\nb: resize:10", "something follows")
	f("a: resize:10\n#"+strings.Repeat("x", maxFile), "more than")
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
}

func TestTagsOfWhatHasChanged(t *testing.T) {
	f := func(want string, before, after []transform.Preset) {
		t.Helper()
		if got := strings.Join(Changed(before, after), " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	p := func(name string, version int, chain string) transform.Preset {
		return transform.Preset{Name: name, Version: version, Chain: chain}
	}
	list := func(all ...transform.Preset) []transform.Preset { return all }
	f("", nil, nil)
	f("", nil, list(p("a", 1, "x")))
	f("", list(p("a", 1, "x"), p("b", 0, "y")), list(p("b", 0, "y"), p("a", 1, "x")))
	f("preset-a", list(p("a", 1, "x")), list(p("a", 1, "x"), p("a", 2, "y")))
	f("preset-b", list(p("b", 0, "y")), list(p("b", 0, "z")))
	f("preset-a preset-a.1 preset-a.2 preset-b", list(p("a", 1, "x"), p("a", 2, "y"), p("b", 0, "y")), nil)
	f("preset-a.1", list(p("a", 1, "x"), p("a", 2, "y")), list(p("a", 2, "y")))
}
