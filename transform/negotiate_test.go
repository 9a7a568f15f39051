package transform

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	photograph = Original{Format: "jpeg", Size: Size{400, 300}, Orientation: 1, Frames: 1, Depth: 8}
	cutout     = Original{Format: "png", Size: Size{400, 300}, Orientation: 1, Frames: 1, Depth: 8, Alpha: true}
	animated   = Original{Format: "gif", Size: Size{400, 300}, Orientation: 1, Frames: 3, Depth: 8, Alpha: true}
)

// negotiated returns the name of the format that an Accept header gets.
func negotiated(t *testing.T, chain string, original Original, accept string) string {
	t.Helper()
	target, err := Parse("0" + chain)
	if err != nil {
		t.Fatal(err)
	}
	settled := target.Chain.Settle(original, accept)
	if _, err := NewPlan(settled, original, Limits{}); err != nil {
		t.Errorf("%s for %q: %v", chain, accept, err)
	}
	return settled.Format.Name
}

func TestAcceptOfClients(t *testing.T) {
	for _, client := range []struct{ name, accept, want string }{
		{"Chrome 121 and newer", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "avif avif webp"},
		{"Chrome 32 to 84", "image/webp,image/apng,image/*,*/*;q=0.8", "webp webp webp"},
		{"Chrome, address bar", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7", "avif avif webp"},
		{"Firefox 128 and newer", "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "avif avif webp"},
		{"Firefox 93 to 127", "image/avif,image/webp,*/*", "avif avif webp"},
		{"Firefox 66 to 92", "image/webp,*/*", "webp webp webp"},
		{"Firefox 47 to 64", "*/*", "jpeg png gif"},
		{"Firefox, address bar", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "jpeg png gif"},
		{"Safari 17", "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "avif avif webp"},
		{"Safari 14", "image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", "webp webp webp"},
		{"Safari 13", "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", "jpeg png gif"},
		{"Internet Explorer 11", "image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5", "jpeg png gif"},
		{"curl, wget, previews of links", "*/*", "jpeg png gif"},
		{"a crawler", "text/html,application/xhtml+xml,application/signed-exchange;v=b3,application/xml;q=0.9,*/*;q=0.8", "jpeg png gif"},
		{"a crawler of images", "image/*", "jpeg png gif"},
		{"a program that says nothing", "", "jpeg png gif"},
	} {
		got := negotiated(t, ".auto", photograph, client.accept) + " " + negotiated(t, ".auto", cutout, client.accept) + " " + negotiated(t, ".auto", animated, client.accept)
		if got != client.want {
			t.Errorf("%s: %s, want %s", client.name, got, client.want)
		}
	}
}

func TestNegotiationReadsWeights(t *testing.T) {
	f := func(chain, accept, want string) {
		t.Helper()
		if got := negotiated(t, chain, photograph, accept); got != want {
			t.Errorf("%s for %q: %s, want %s", chain, accept, got, want)
		}
	}
	f(".auto", "image/avif;q=0,image/webp", "webp")
	f(".auto", "image/avif;q=0", "jpeg")
	f(".auto", "image/avif;q=0.000", "jpeg")
	f(".auto", "image/avif;q=0.001", "avif")
	f(".auto", "image/avif;q=0.5,image/webp;q=0.6", "webp")
	f(".auto", "image/avif;q=0.6,image/webp;q=0.6", "avif")
	f(".auto", "image/webp,image/avif", "avif")
	f(".auto", "image/webp ; Q=0.5 , IMAGE/AVIF ; q=0.4", "webp")
	f(".auto", "image/avif;level=1;q=0.4,image/webp;q=0.5", "webp")
	// A client may like the plain format best.
	f(".auto", "image/webp;q=0.5,image/jpeg", "jpeg")
	f(".auto", "image/webp;q=0.5,image/*;q=0.8", "jpeg")
	f(".auto", "image/webp;q=0.5,*/*;q=0.8", "jpeg")
	f(".auto", "image/webp;q=0.5,image/jpeg;q=0.1,image/*;q=0.8", "webp")
	// What all refuse is sent all the same: there is no 406.
	f(".auto", "image/jpeg;q=0", "jpeg")
	f(".auto", "*/*;q=0", "jpeg")
	f(".auto", "text/html", "jpeg")
	// What is no weight is no support.
	for _, q := range []string{"x", "-1", "2", "1.1", "0x1", "1e-1", "nan", "inf", "+1", "", "0.12345"} {
		f(".auto", "image/avif;q="+q, "jpeg")
	}
	f(".auto", ";;,,/;q,=", "jpeg")
	// An extension for all others.
	f("/format:auto.png", "", "png")
	f("/format:auto.png", "image/webp", "webp")
	f("/format:auto.webp", "", "webp")
	f("/format:auto.webp", "image/avif", "avif")
	f("/format:auto.webp", "image/avif;q=0.1,image/webp;q=0.9", "webp")
	f("/format:auto.avif", "image/webp", "avif")
}

// Only what can hold the print is negotiated.
func TestNegotiationKnowsThePrint(t *testing.T) {
	const all = "image/avif,image/webp"
	f := func(chain string, original Original, accept, want string) {
		t.Helper()
		if got := negotiated(t, chain, original, accept); got != want {
			t.Errorf("%s of %+v: %s, want %s", chain, original, got, want)
		}
	}
	f(".auto", animated, all, "webp")
	f("/frames:2.auto", animated, all, "webp")
	f("/frames:1.auto", animated, all, "avif")
	f("/page:2.auto", animated, all, "avif")
	f("/page:2.auto", animated, "", "png")
	f("/format:auto.jpg", animated, "image/avif", "jpeg")
	long := photograph
	long.Size = Size{16384, 20}
	f(".auto", long, all, "avif")
	f(".auto", long, "image/webp", "jpeg")
	long.Size = Size{20, 16385}
	f(".auto", long, all, "jpeg")
	f("/resize:0,16383.auto", long, "image/webp", "webp")
	f("/resize:10.auto", long, all, "avif")
}

// What this libvips does not write is not offered.
func TestOffersAreWhatIsWritten(t *testing.T) {
	target, err := Parse("0.auto")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range target.Chain.offers(photograph, func(f *Format) bool { return f != avif }) {
		got = append(got, f.Name)
	}
	if strings.Join(got, " ") != "webp jpeg" {
		t.Errorf("got %v", got)
	}
}

// However Accept reads, an address has at most four variants, and what was not named is not sent.
func TestNegotiationMakesFewVariantsOfAnyAccept(t *testing.T) {
	random, all := rand.New(rand.NewPCG(1, 2)), map[string]bool{}
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for _, original := range []Original{photograph, cutout, animated} {
		for _, chain := range []string{".auto", "/resize:30/quality:50/lossless:1.auto", "/format:auto.jpg", "/format:auto.webp", "/page:0.auto"} {
			variants := map[string]bool{}
			for range 3000 {
				var entries []string
				for range random.IntN(8) {
					entry := pick("image/avif", "image/webp", "image/jpeg", "image/png", "image/gif", "image/*", "*/*", "image/jxl", "Image/AVIF", " image/webp ", "text/html", "", "x")
					if random.IntN(2) == 0 {
						entry += pick(";q=", "; q = ", ";Q=", ";a=b;q=") + pick("0", "1", "0.5", fmt.Sprintf("%.3f", random.Float64()), "x", "")
					}
					entries = append(entries, entry)
				}
				accept := strings.Join(entries, pick(",", ", "))
				name := negotiated(t, chain, original, accept)
				variants[name] = true
				better := name == "avif" || name == "webp" && chain != "/format:auto.webp"
				if better && !strings.Contains(strings.ToLower(accept), "image/"+name) {
					t.Errorf("%s for %q is %s", chain, accept, name)
				}
			}
			if len(variants) > 4 {
				t.Errorf("%s has the variants %v", chain, variants)
			}
			maps.Copy(all, variants)
		}
	}
	if len(all) != 5 { // avif, webp, jpeg, png, gif
		t.Errorf("only %v were negotiated", all)
	}
}
