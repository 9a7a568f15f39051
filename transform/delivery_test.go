package transform

import "testing"

// How a print is sent is no part of it.
func TestDeliveryIsNoPartOfThePrint(t *testing.T) {
	f := func(path, print, sent string) {
		t.Helper()
		target, err := Parse(id + path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		chain := target.Chain
		if got := (Target{Chain: chain.Print()}).String(); got != print {
			t.Errorf("%s: the print is %s, want %s", path, got, print)
		}
		if got := (Target{Chain: chain.Sent()}).String(); got != sent {
			t.Errorf("%s: sent is %s, want %s", path, got, sent)
		}
		if chain.Delivers() != (print != sent) {
			t.Errorf("%s: Delivers() is %v", path, chain.Delivers())
		}
	}
	f("/rotate:90.png", "/rotate:90.png", "/rotate:90.png")
	f("/name:cat/rotate:90/attach/v:3.png", "/rotate:90.png", "/rotate:90/name:cat/attach:1/v:3.png")
	f("/name:cat/describe:look/format:webp.json", ".webp", "/name:cat.webp")
	f("/attach:0.png", ".png", ".png")
}

func TestOriginalIsSentInAnyWay(t *testing.T) {
	f := func(path string, want bool) {
		t.Helper()
		target, err := Parse(id + path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if got := target.Chain.IsOriginal(); got != want {
			t.Errorf("%s: IsOriginal() is %v", path, got)
		}
	}
	f("", true)
	f("/name:cat", true)
	f("/attach", true)
	f("/v:1/attach/name:cat", true)
	f("/rotate:0/v:1", true)
	f("/name:cat.png", false)
	f("/name:cat.auto", false)
	f("/name:cat.json", false)
	f("/name:cat/rotate:90", false)
	f("/name:cat/quality:80", false)
}

// An answer that says what is wrong with an address must say, too, that it would depend on Accept.
func TestNegotiationIsSeenInWhatIsWrong(t *testing.T) {
	f := func(path string, want bool) {
		t.Helper()
		target, err := Parse(path)
		if err == nil {
			t.Fatalf("%s is well formed", path)
		}
		if target.Chain.Negotiated != want {
			t.Errorf("%s: Negotiated is %v", path, target.Chain.Negotiated)
		}
	}
	f(id+"/rotate:abc.auto", true)
	f(id+"/rotate:abc.AUTO", true)
	f(id+"/rotate:abc/format:auto.jpg", true)
	f(id+"/Format%3Dauto/rotate:abc.jpg", true)
	f(id+"/rotate:90/dpr:2/dpr:2.auto", true)
	f("a_b.auto", true)
	f(id+"/rotate:abc.jpg", false)
	f(id+"/quality:auto/rotate:abc.jpg", false)
	f(id+"/auto", false)
}
