package transform

import (
	"slices"
	"strings"
	"testing"
)

// An editor can begin with every form of every operation: what it starts with is a call of that form, and changes the picture.
func TestEveryFormHasAStart(t *testing.T) {
	for _, o := range Operations {
		for i, form := range o.Forms {
			c, ok := o.startOf(i)
			if !ok {
				t.Errorf("form %d of %s has neither a start nor an example", i+1, o.Name)
				continue
			}
			if o.Idle != nil && o.Idle(c) {
				t.Errorf("%s does nothing", c)
			}
			start := o.Start(i)
			for _, p := range form.Params {
				if text, ok := start[p.Name]; ok != p.Required() || ok && text == "" {
					t.Errorf("%s: the start of %s is %q", c, p.Name, text)
				}
			}
		}
	}
}

func TestRectanglesAreLengths(t *testing.T) {
	found := 0
	for _, o := range Operations {
		for _, form := range o.Forms {
			if form.Rectangle == nil {
				continue
			}
			found++
			for i, name := range form.Rectangle {
				k := slices.IndexFunc(form.Params, func(p Param) bool { return p.Name == name })
				if k < 0 || form.Params[k].Kind != Length || form.Params[k].Axis != []Axis{Horizontal, Vertical}[i%2] {
					t.Errorf("%s: %s is not side %d of a rectangle", o.Name, name, i)
				}
			}
			if len(form.Rectangle) != 4 {
				t.Errorf("%s: %v is no rectangle", o.Name, form.Rectangle)
			}
		}
	}
	if found == 0 {
		t.Error("no operation takes a rectangle")
	}
}

// What is usual is possible, and does not go all the way.
func TestUsualRangesLieWithinTheBounds(t *testing.T) {
	f := func(owner string, p *Param) {
		t.Helper()
		if p.Usual == [2]float64{} {
			return
		}
		if p.Usual[0] >= p.Usual[1] {
			t.Errorf("%s: the usual values of %s are %v", owner, p.Name, p.Usual)
		}
		for _, end := range p.Usual {
			v := Value{X: end, Percent: p.Kind == Length, Set: true}
			if _, ok := p.parse(string(p.append(nil, v))); !ok {
				t.Errorf("%s: %s is usually up to %v, and cannot be", owner, p.Name, end)
			}
		}
	}
	for _, o := range Operations {
		for _, form := range o.Forms {
			for i := range form.Params {
				f(o.Name, &form.Params[i])
			}
		}
	}
	for _, s := range Settings {
		f(s.Name, &s.Param)
	}
}

func TestPlacesAreThoseOfGravities(t *testing.T) {
	f := func(words []string, want int) {
		t.Helper()
		p := Param{Words: words}
		if got := p.Places(); len(got) != want {
			t.Errorf("of %v, %v are places", words, got)
		}
	}
	f(gravityWords, 9)
	f(slices.Concat(gravityWords, attentionWords), 9)
	f([]string{"left", "center", "right"}, 0)
	f(nil, 0)
}

func TestRecipesAreSpelledCanonically(t *testing.T) {
	for _, r := range Recipes {
		slash := "/"
		if strings.HasPrefix(r.Chain, ".") {
			slash = ""
		}
		if got := canonical(t, slash+r.Chain); got != slash+r.Chain || r.Title == "" {
			t.Errorf("the recipe %q is spelled %s, not %s", r.Title, got, r.Chain)
		}
	}
}
