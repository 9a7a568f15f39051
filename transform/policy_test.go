package transform

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	f := func(p Policy, path, want string) {
		t.Helper()
		policy, err := NewPolicy(p)
		if err != nil {
			t.Fatal(err)
		}
		target, err := Parse(id + path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		before := target.String()
		target.Chain, err = policy.Apply(target.Chain)
		got := strings.TrimPrefix(target.String(), id)
		if err != nil {
			got = err.Error()
			if !errors.Is(err, ErrNotAllowed) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%+v: %s is %s, want %s", p, path, got, want)
		}
		if again, _ := Parse(id + path); again.String() != before {
			t.Errorf("%s: the chain that was parsed was changed", path)
		}
	}
	f(Policy{}, "/blur:3/resize:33.png", "/blur:3/resize:33.png")

	only := Policy{PresetsOnly: true}
	f(only, "", "")
	f(only, "/name:x/attach/v:2", "/name:x/attach:1/v:2")
	f(only, "/preset:a", "/preset:a")
	f(only, "/preset:a,3.webp", "/preset:a,3.webp")
	f(only, "/preset:a/name:x/describe:look.json", "/preset:a/describe:look/name:x.json")
	f(only, "/preset:a/format:auto.jpg", "/preset:a/format:auto.jpg")
	for _, path := range []string{".webp", ".json", "/resize:10", "/preset:a/resize:10", "/preset:a/preset:a", "/preset:a/quality:5", "/preset:a/dpr:2", "/preset:a/dpr:1"} {
		f(only, path, "not among what is served here: a print is asked for by one preset, as in /preset:avatar.webp")
	}

	some := Policy{Names: []string{"resize", "quality"}}
	f(some, "", "")
	f(some, ".webp", ".webp")
	f(some, "/resize:33/quality:7/name:x/describe:look.json", "/resize:33/quality:7/describe:look/name:x.json")
	f(some, "/preset:a/resize:9.auto", "/preset:a/resize:9.auto")
	f(some, "/resize:33/blur:1", "not among what is served here: blur; there is resize, quality, preset")
	f(some, "/dpr:2/resize:33", "not among what is served here: dpr; there is")
	f(some, "/orient:6.png", "orient")

	sizes := Policy{Sizes: []int{640, 320, 1280, 320}}
	f(sizes, "/resize:320.png", "/resize:320.png")
	f(sizes, "/resize:0,640.png", "/resize:0,640.png")
	f(sizes, "/resize:320,640,stretch/dpr:2.png", "/resize:320,640,stretch/dpr:2.png")
	f(sizes, "/crop:7,7/blur:2.png", "/crop:7,7/blur:2.png")
	f(sizes, "/resize:300.png", "resize: width must be 320, 640 or 1280, not 300")
	f(sizes, "/resize:320,600.png", "resize: height must be 320, 640 or 1280, not 600")
	f(sizes, "/resize:50p.png", "not 50p")
	f(sizes, "/resize:320p.png", "not 320p")
	f(sizes, "/resize:320/dpr:1.5.png", "dpr: dpr must be 1, 2, 3 or 4, not 1.5")

	snap := Policy{Sizes: []int{320, 640, 1280}, Snap: true}
	f(snap, "/resize:1.png", "/resize:320.png")
	f(snap, "/resize:320.png", "/resize:320.png")
	f(snap, "/resize:321.png", "/resize:640.png")
	f(snap, "/rotate:90/resize:0,700/flip:h.png", "/rotate:90/resize:0,1280/flip:h.png")
	f(snap, "/resize:300,500.png", "/resize:320,640.png")
	f(snap, "/resize:300,500,outside.png", "/resize:320,640,outside.png")
	f(snap, "/resize:300,0,cover.png", "/resize:320,cover.png")
	f(snap, "/resize:320,640,cover.png", "/resize:320,640,cover.png")
	f(snap, "/resize:300,640,cover.png", "width must be 320, 640 or 1280, not 300")
	f(snap, "/resize:320,600,stretch.png", "height must be")
	f(snap, "/resize:320,600,pad.png", "height must be")
	f(snap, "/resize:1281.png", "not 1281")
	f(snap, "/resize:50p.png", "not 50p")
	f(snap, "/resize:320/dpr:1.5.png", "/resize:320/dpr:2.png")
	f(snap, "/resize:320/dpr:0.5.png", "/resize:320.png")
	f(snap, "/preset:a/resize:3/dpr:0.5.png", "/preset:a/resize:320/dpr:1.png")

	all := Policy{Names: []string{"resize"}, Sizes: []int{100}}
	f(all, "/resize:100.png", "/resize:100.png")
	f(all, "/resize:99.png", "not 99")
	f(all, "/resize:100/flip:h.png", "flip")
}

func TestPoliciesAreChecked(t *testing.T) {
	f := func(p Policy, want string) {
		t.Helper()
		if _, err := NewPolicy(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", p, err, want)
		}
	}
	f(Policy{Names: []string{"resiz"}}, "did you mean resize")
	f(Policy{Sizes: []int{0}}, "not 0")
	f(Policy{Sizes: []int{65536}}, "not 65536")
	f(Policy{Snap: true}, "no sizes")
	if p, err := NewPolicy(Policy{}); p != nil || err != nil {
		t.Errorf("one that serves all: %v, %v", p, err)
	}
}

// What a policy says that it serves, it serves, and nothing else.
func TestPolicySaysWhatIsServed(t *testing.T) {
	served := func(p *Policy, example string) bool {
		c, err := parseChain(example)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Apply(c)
		return err == nil
	}
	for _, given := range []Policy{{Names: []string{"resize", "quality"}}, {Names: []string{"describe", "rotate"}}, {Sizes: []int{100}}, {}} {
		p, err := NewPolicy(given)
		if err != nil {
			t.Fatal(err)
		}
		names := p.Served()
		for _, o := range Operations {
			start, ok := o.startOf(0)
			if said := names == nil || slices.Contains(names, o.Name); ok && o != resize && said != served(p, start.String()) {
				t.Errorf("%+v: %s is said to be served: %t", given, start, said)
			}
		}
		for _, s := range Settings {
			if said := names == nil || slices.Contains(names, s.Name); s != dpr && said != served(p, s.Example) {
				t.Errorf("%+v: %s is said to be served: %t", given, s.Example, said)
			}
		}
	}
	only, err := NewPolicy(Policy{PresetsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if names := only.Served(); !slices.Contains(names, "preset") || !slices.Contains(names, "name") || slices.Contains(names, "resize") {
		t.Errorf("presets only: %v", names)
	}
}
