package transform

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// withExamples writes out the presets of a chain, which are those of the reference.
func withExamples(t testing.TB, c Chain) Chain {
	t.Helper()
	presets, faults := NewPresets(ExamplePresets)
	c, _, err := c.Expand(presets)
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	return c
}

// ownOperations are all that do something themselves.
func ownOperations() []*Operation {
	return slices.DeleteFunc(slices.Clone(Operations), func(o *Operation) bool { return o == preset })
}

// presets reads lines as in "card,2 = resize:240.webp".
func presets(lines ...string) (*Presets, []*PresetError) {
	var list []Preset
	for _, line := range lines {
		called, chain, _ := strings.Cut(line, " = ")
		name, version, _ := strings.Cut(called, ",")
		p := Preset{Name: name, Chain: chain}
		if version != "" {
			fmt.Sscan(version, &p.Version)
		}
		list = append(list, p)
	}
	return NewPresets(list)
}

func mustHave(t testing.TB, lines ...string) *Presets {
	t.Helper()
	p, faults := presets(lines...)
	for _, fault := range faults {
		t.Fatal(fault)
	}
	return p
}

// writtenOut is the canonical spelling of what follows an id, presets written out.
func writtenOut(p *Presets, path string) (string, []Use, error) {
	target, err := Parse(id + path)
	if err != nil {
		return "", nil, err
	}
	c, uses, err := target.Chain.Expand(p)
	return strings.TrimPrefix(Target{ID: id, Chain: c}.String(), id), uses, err
}

func TestPresetsAreWrittenOut(t *testing.T) {
	p := mustHave(t,
		"square = crop:ar=1x1",
		"small,1 = resize:100/quality:50",
		"small,2 = resize:160/quality:60.webp",
		"avatar,1 = preset:square/resize:96/round:max.auto",
		"tile,3 = preset:small,1/quality:70",
		"still,1 = frames:1",
		"exact,1 = lossless:1/metadata:keep/dpr:2",
		"best,1 = quality:auto",
		"turned,1 = orient:6/flip:h",
	)
	f := func(path, want string) {
		t.Helper()
		got, _, err := writtenOut(p, path)
		if err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", path, got, want, err)
			return
		}
		if again := canonical(t, got); again != got {
			t.Errorf("%s is %s, which is spelled %s", path, got, again)
		}
	}
	f("/rotate:90.png", "/rotate:90.png")
	f("/preset:square.png", "/crop:ar=1x1.png")
	f("/PRESET=Square.png", "/crop:ar=1x1.png")
	f("/rotate:90/preset:square/flip:h.png", "/rotate:90/crop:ar=1x1/flip:h.png")
	f("/preset:square/preset:square.png", "/crop:ar=1x1/crop:ar=1x1.png")

	// The newest version, or the one that is named.
	f("/preset:small.jpg", "/resize:160/quality:60.jpg")
	f("/preset:small,0.jpg", "/resize:160/quality:60.jpg")
	f("/preset:small,2.jpg", "/resize:160/quality:60.jpg")
	f("/preset:small,1.jpg", "/resize:100/quality:50.jpg")

	// Settings and the format are defaults; of two presets the later one counts, and in a preset its own words.
	f("/preset:small", "/resize:160/quality:60.webp")
	f("/preset:small.avif", "/resize:160/quality:60.avif")
	f("/preset:small/quality:80.jpg", "/resize:160/quality:80.jpg")
	f("/quality:80/preset:small.jpg", "/resize:160/quality:80.jpg")
	f("/preset:avatar", "/crop:ar=1x1/resize:96/round:max.auto")
	f("/preset:avatar.png", "/crop:ar=1x1/resize:96/round:max.png")
	f("/preset:avatar.json", "/crop:ar=1x1/resize:96/round:max.json")
	f("/preset:small.json", "/resize:160/quality:60/format:webp.json")
	f("/preset:avatar/preset:small", "/crop:ar=1x1/resize:96/round:max/resize:160/quality:60.webp")
	f("/preset:small/preset:small,1", "/resize:160/resize:100/quality:50.webp")
	f("/preset:tile.jpg", "/resize:100/quality:70.jpg")
	f("/preset:tile/format:auto.jpg", "/resize:100/quality:70/format:auto.jpg")

	// A default that is written overrides what a preset says.
	f("/preset:exact/metadata:strip.webp", "/dpr:2/lossless:1.webp")
	f("/preset:exact/dpr:1/lossless:0/metadata:copyright.webp", "/lossless:0/metadata:copyright.webp")
	// What cannot stand beside what the address says gives way.
	f("/preset:still/page:2.webp", "/page:2.webp")
	f("/preset:exact/quality:auto.webp", "/dpr:2/quality:auto/metadata:keep.webp")
	f("/preset:best/lossless:1.webp", "/lossless:1.webp")
	f("/preset:turned.png", "/orient:6/flip:h.png")

	refuse := func(path string, want error, text string) {
		t.Helper()
		got, _, err := writtenOut(p, path)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s is %s, %v; want %v, %s", path, got, err, want, text)
		}
	}
	refuse("/preset:none.png", ErrNoPreset, "none")
	refuse("/preset:small,3.png", ErrNoPreset, "small, version 3")
	refuse("/preset:square,1.png", ErrNoPreset, "square, version 1")
	refuse("/rotate:90/preset:turned.png", ErrSyntax, "orient: must stand before all other operations")
	refuse(strings.Repeat("/preset:turned/rotate:90", 9)+".png", ErrSyntax, "orient")
	refuse(strings.Repeat("/preset:avatar", 12)+".png", ErrSyntax, "one operation too many")
	refuse("/preset", ErrSyntax, "name is missing")
	refuse("/preset:", ErrSyntax, "must be a word")
	refuse("/preset:a.b", ErrSyntax, "format: must be")
	refuse("/preset:small,-1.png", ErrSyntax, "from 0 to 999999")
	refuse("/preset:small,1,2.png", ErrSyntax, "takes preset:name[,version]")
	if _, _, err := writtenOut(nil, "/preset:small.png"); !errors.Is(err, ErrNoPreset) {
		t.Errorf("without presets: %v", err)
	}
}

// What a format lacks is refused where the address says it, and left out where a preset does.
func TestPresetsAreForAllFormats(t *testing.T) {
	p := mustHave(t, "fine = resize:10/quality:90/subsample:444")
	photo := Original{Format: "jpeg", Size: Size{100, 100}, Frames: 1, Depth: 8}
	f := func(path, want string, wantError error) {
		t.Helper()
		target, err := Parse(id + path)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := target.Chain.Expand(p)
		if err != nil {
			t.Fatal(err)
		}
		c = c.Settle(photo, "")
		if _, err = NewPlan(c, photo, Limits{}); !errors.Is(err, wantError) || strings.TrimPrefix(c.String(), "/") != want {
			t.Errorf("%s is %s, %v; want %s, %v", path, c, err, want, wantError)
		}
	}
	f("/preset:fine.jpg", "resize:10/quality:90/subsample:444.jpg", nil)
	f("/preset:fine.png", "resize:10.png", nil)
	f("/preset:fine", "resize:10/quality:90/subsample:444.jpg", nil)
	f("/preset:fine/quality:80.png", "resize:10/quality:80.png", ErrSyntax)
	target, err := Parse(id + "/preset:fine.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewPlan(target.Chain, photo, Limits{}); !errors.Is(err, ErrNoPreset) {
		t.Errorf("a preset that was not written out is planned: %v", err)
	}
}

// Who uses which preset is told, since a change of it changes the print.
func TestPinnedPresetsStayTheSame(t *testing.T) {
	p := mustHave(t, "base,4 = sharpen", "base,5 = sharpen:2", "card,1 = preset:base/resize:10", "fixed,1 = preset:base,4/resize:10", "plain = grayscale")
	f := func(path string, settled bool, want ...Use) {
		t.Helper()
		_, got, err := writtenOut(p, path)
		if err != nil || !slices.Equal(got, want) || Settled(got) != settled {
			t.Errorf("%s uses %v, settled %v, want %v, %v (%v)", path, got, Settled(got), want, settled, err)
		}
	}
	f("/resize:10.png", true)
	f("/preset:base.png", false, Use{"base", 5, false})
	f("/preset:base,5.png", true, Use{"base", 5, true})
	f("/preset:card.png", false, Use{"card", 1, false}, Use{"base", 5, false})
	f("/preset:card,1.png", false, Use{"card", 1, true}, Use{"base", 5, false})
	f("/preset:fixed,1.png", true, Use{"fixed", 1, true}, Use{"base", 4, true})
	f("/preset:plain/preset:plain.png", false, Use{"plain", 0, false})
	if got := p.Uses("card"); !slices.Equal(got, []Use{{"base", 5, false}}) {
		t.Errorf("card uses %v", got)
	}
}

func TestFaultyPresetsAreRefusedAndTheOthersAreNot(t *testing.T) {
	f := func(want string, lines ...string) {
		t.Helper()
		p, faults := presets(append(lines, "good,1 = resize:10")...)
		var texts []string
		for _, fault := range faults {
			texts = append(texts, fault.Error())
		}
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, want) }) {
			t.Errorf("%q: the faults are %q, want %s", lines, texts, want)
		}
		if got, _, err := writtenOut(p, "/preset:good.png"); got != "/resize:10.png" || err != nil {
			t.Errorf("%q: the good one is %s, %v", lines, got, err)
		}
		for _, fault := range faults {
			version := ""
			if fault.Version > 0 {
				version = fmt.Sprint(",", fault.Version)
			} else if want == "needs a version" {
				continue // another chain has the name
			}
			if got, _, err := writtenOut(p, "/preset:"+fault.Name+version+".png"); err == nil {
				t.Errorf("%q: %s is faulty, and is %s", lines, fault.Name, got)
			}
		}
	}
	f("rotate: angle", "a = rotate:x")
	f("nothing stands there", "a = ")
	f("nothing stands there", "a = ///")
	f("did you mean resize", "a = resiz:10")
	f("must change something", "a = rotate:0")
	f("must change something", "a = dpr:1")
	f("must be of a print", "a = resize:10.json")
	f("must be of a print", "a = .json")
	f("attach: has no place in a preset", "a = resize:10/attach")
	f("name: has no place", "a = name:x")
	f("v: has no place", "a = v:x")
	f("describe: has no place", "a = describe:look")
	f("quality: is no setting of png prints", "a = resize:10/quality:80.png")
	f("cannot stand beside", "a = frames:1/page:1")
	f("format: must be", "a = resize:10.exe")
	f("one operation too many", "a = "+strings.Repeat("rotate:1/", 33))
	f("must stand before all", "a = preset:good/preset:b", "b = orient:6")
	f("is too long once its presets are written out", "a = "+strings.Repeat("preset:b/", 4), "b = text:"+strings.Repeat("SGVs", 300))

	// Names and versions.
	f("has no right name", "Big = resize:10")
	f("has no right name", "a.b = resize:10")
	f("has no right name", strings.Repeat("a", 65)+" = resize:10")
	f("has no right version", "a,-1 = resize:10")
	f("has no right version", "a,1000000 = resize:10")
	f("is there twice", "a,2 = resize:10", "a,2 = resize:20")
	f("needs a version", "a = resize:10", "a,1 = resize:20")

	// What stands in it.
	f("there is no such preset: none", "a = preset:none")
	f("there is no such preset: good, version 7", "a = preset:good,7")
	f("preset b in it: resize", "a = preset:b", "b = resize:x")
	f("must not stand in itself", "a = preset:a")
	f("must not stand in itself", "a = preset:b", "b = preset:c", "c = preset:a")
	f("preset b: preset c in it: preset: must not stand in itself, as b does by way of c", "d = preset:b", "b = preset:c/rotate:90", "c = resize:5/preset:b")
	f("deeper than 4", "p1 = preset:p2", "p2 = preset:p3", "p3 = preset:p4", "p4 = preset:p5", "p5 = flip:h")
	p := mustHave(t, "p1 = preset:p2", "p2 = preset:p3", "p3 = preset:p4", "p4 = flip:h")
	if got, _, err := writtenOut(p, "/preset:p1.png"); got != "/flip:h.png" || err != nil {
		t.Errorf("four deep: %s, %v", got, err)
	}
}

// An older version may stand in a newer one: that is no circle.
func TestVersionsAreApart(t *testing.T) {
	p := mustHave(t, "a,1 = resize:10", "a,2 = preset:a,1/sharpen")
	if got, _, err := writtenOut(p, "/preset:a.png"); got != "/resize:10/sharpen.png" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

// Wherever a chain is cut into presets, at any depth, it is the same chain.
func TestPresetsMeanWhatIsInThem(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	operations := ownOperations()
	tried := 0
	for range 3000 {
		var calls []string
		for range 1 + r.IntN(8) {
			if o := operations[r.IntN(len(operations))]; !o.First {
				calls = append(calls, callOf(o, r))
			}
		}
		whole := "/" + strings.Join(calls, "/") + ".png"
		want, _, err := writtenOut(nil, whole)
		if err != nil || want == ".png" {
			continue // the grammar refuses it, or it does nothing
		}
		var lines, top []string
		cut := func(part []string) string {
			name := fmt.Sprintf("p%d", len(lines))
			lines = append(lines, name+" = "+strings.Join(part, "/"))
			return "preset:" + name
		}
		for rest := calls; len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			part := rest[:n]
			if n > 1 && r.IntN(2) == 0 {
				part = []string{part[0], cut(part[1:])}
			}
			if r.IntN(3) > 0 {
				part = []string{cut(part)}
			}
			top, rest = append(top, part...), rest[n:]
		}
		p, faults := presets(lines...)
		if slices.ContainsFunc(faults, func(e *PresetError) bool { return !strings.Contains(e.Error(), "must change something") }) {
			t.Fatalf("%s: %v", lines, faults)
		}
		if len(faults) > 0 {
			continue
		}
		tried++
		if got, _, err := writtenOut(p, "/"+strings.Join(top, "/")+".png"); got != want || err != nil {
			t.Errorf("%s with %q is %s (%v), want %s", top, lines, got, err, want)
		}
	}
	if tried < 1000 {
		t.Errorf("only %d chains were tried", tried)
	}
}

// Whatever text comes as a preset, it is refused with a message, or its addresses are chains that can be written.
func FuzzPreset(f *testing.F) {
	for _, o := range Operations {
		f.Add("a", o.Examples[0], "/preset:a.png")
	}
	for _, s := range Settings {
		f.Add("x-1", s.Example+".webp", "/preset:x-1/quality:5")
	}
	f.Add("a", ".auto", "/preset:a/preset:a,1.json")
	f.Add("a", "preset:a,1", "/preset:a,2/dpr:1/format:auto.jpg")
	f.Fuzz(func(t *testing.T, name, chain, path string) {
		p, faults := NewPresets([]Preset{
			{Name: "avatar", Version: 1, Chain: "crop:ar=1x1/quality:5.webp"},
			{Name: name, Version: 1, Chain: chain},
			{Name: name, Version: 2, Chain: "preset:avatar/" + chain},
		})
		for _, fault := range faults {
			if len(fault.Error()) > 2000 {
				t.Errorf("a message of %d bytes", len(fault.Error()))
			}
		}
		target, err := Parse(id + path)
		if err != nil {
			return
		}
		c, uses, err := target.Chain.Expand(p)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrNoPreset) {
				t.Errorf("%s: %v", path, err)
			}
			return
		}
		text := Target{ID: id, Chain: c}.String()
		again, err := Parse(text)
		if err != nil || !again.Chain.Equal(&c) {
			t.Errorf("%s with %q is %s, which is another chain (%v)", path, chain, text, err)
		}
		if (len(uses) == 0) == target.Chain.hasPresets() {
			t.Errorf("%s uses %v", path, uses)
		}
	})
}
