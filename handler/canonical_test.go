package handler

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"calotype/handler/signing"
	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

var fuzzedPaths = flag.Int("paths", 100_000, "addresses to make at random")

// Two addresses that ask for different things never have the same canonical form, the same key in the cache or the same text to be signed,
// however they are spelled; and no refusal of an address is kept by caches for more than a minute. The only refusals that are kept for longer are
// those that stay true for ever: of deleted images, and of signatures that have ended.
func TestAddressesThatDifferShareNothing(t *testing.T) {
	paths := *fuzzedPaths
	if testing.Short() {
		paths /= 10
	}
	began := time.Now()
	w := newAddressWorld(t)
	random := rand.New(rand.NewPCG(7, 11))
	for range paths {
		w.try(t, w.randomPath(random))
		if t.Failed() {
			return
		}
	}
	t.Logf("%d paths in %v: %d are good and have %d canonical forms, %d keys and %d texts to be signed; of %d that are refused, %d by their plan",
		paths, time.Since(began).Round(time.Second), w.good, len(w.canonical), len(w.keys), len(w.texts), w.refused, w.refusedLate)
	if w.good < paths/10 || w.refused < paths/10 || w.refusedLate == 0 || len(w.canonical) > w.good/2 {
		t.Error("these paths show nothing")
	}
}

// An addressWorld knows what was seen of addresses.
type addressWorld struct {
	handler  *Handler
	keysOf   *signing.Keys
	original store.Original
	presets  *transform.Presets
	pieces   []string // that addresses are made of

	seed                       maphash.Seed
	paths                      []string          // the first of each target
	canonical, keys, texts     map[uint64]uint32 // hashes to places in paths
	good, refused, refusedLate int
}

func newAddressWorld(t *testing.T) *addressWorld {
	id, err := store.ParseID(fuzzedID)
	if err != nil {
		t.Fatal(err)
	}
	presets, faults := transform.NewPresets(transform.ExamplePresets)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	w := &addressWorld{
		presets: presets,
		handler: &Handler{epoch: "1"}, keysOf: signKeys(t, signKey), seed: maphash.MakeSeed(),
		original:  store.Original{ID: id, Format: "jpeg", Width: 24, Height: 16, Frames: 1, Orientation: 1, Depth: 8, Name: "a.jpg"},
		canonical: map[uint64]uint32{}, keys: map[uint64]uint32{}, texts: map[uint64]uint32{},
	}
	for _, o := range transform.Operations {
		w.pieces = append(w.pieces, o.Examples...)
	}
	for _, s := range transform.Settings {
		w.pieces = append(w.pieces, s.Example, s.Example)
	}
	for _, target := range targets() {
		if rest, ok := strings.CutPrefix(target, "/download/"+fuzzedID+"/"); ok && len(rest) < 200 {
			w.pieces = append(w.pieces, rest)
		}
	}
	return w
}

var digitsInAPiece = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// sourcesToFuzz are sources, some of which are the same.
var sourcesToFuzz = []string{
	"https://img.example.org/a.jpg", "https://IMG.example.org:443/a.jpg#x", "https://img.example.org/%61.jpg", "http://img.example.org/a.jpg", "https://img.example.org/a.jpg?v=1",
	"https://img.example.org/a.jpg?v=2", "https://img.example.org/b%2Fc.png", "https://img.example.org/b/c.png", "s3://bucket/a.jpg", "https://img.example.org/a.jpg?", "https://127.1/a", "ftp://x/y",
}

// randomPath makes an address of pieces, most of which are good, with other numbers in them, in some spelling, and spoils some of them.
func (w *addressWorld) randomPath(random *rand.Rand) string {
	var b strings.Builder
	route := []string{downloadRoute, proxyRoute}[random.IntN(2)]
	b.WriteString(route)
	if route == downloadRoute {
		b.WriteString(fuzzedID)
	} else {
		source := sourcesToFuzz[random.IntN(len(sourcesToFuzz))]
		if random.IntN(3) == 0 {
			source = url.PathEscape(source)
		} else {
			source = base64.RawURLEncoding.EncodeToString([]byte(source))
		}
		b.WriteString("_/" + source)
	}
	for range random.IntN(4) {
		piece := w.pieces[random.IntN(len(w.pieces))]
		if random.IntN(2) == 0 {
			piece = digitsInAPiece.ReplaceAllStringFunc(piece, func(number string) string {
				if random.IntN(2) == 0 {
					return number
				}
				return []string{"0", "1", "2", "9", "10", "1.5", "1.50", "01", "90", "450", "0.5", "100", "360", "-1", "-0"}[random.IntN(15)]
			})
		}
		b.WriteString("/" + piece)
	}
	if random.IntN(4) > 0 {
		b.WriteString([]string{".png", ".jpg", ".jpeg", ".webp", ".auto", ".json", ".PNG", ".tif", ".tiff", ".exe"}[random.IntN(10)])
	}
	path := []byte(b.String())
	behind := len(route)
	for range random.IntN(6) {
		i := behind + random.IntN(len(path)-behind)
		c := path[i]
		with := []byte{c}
		switch random.IntN(8) {
		case 0:
			with = fmt.Appendf(nil, "%%%02X", c)
		case 1:
			with = fmt.Appendf(nil, "%%%02x", c)
		case 2:
			with = bytes.ToUpper(with)
		case 3:
			if n := strings.IndexByte(":=:,~,", c); n >= 0 {
				with = []byte{":=:,~,"[n+1]}
			}
		case 4:
			if c == '/' {
				with = []byte("//")
			}
		case 5:
			if random.IntN(3) == 0 {
				with = []byte{byte(33 + random.IntN(94))}
			}
		case 6:
			if random.IntN(3) == 0 {
				with = nil
			}
		case 7:
			if random.IntN(3) == 0 {
				with = append(with, "0123456789,:=~./%-abpx"[random.IntN(22)])
			}
		}
		if c != '%' && c != '?' {
			path = slices.Replace(path, i, i+1, with...)
		}
		if len(path) <= behind {
			return route
		}
	}
	if i := bytes.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	return string(path)
}

// try looks at one path.
func (w *addressWorld) try(t *testing.T, path string) {
	target, err := readPath(path)
	if err != nil {
		w.refuse(t, path, err)
		return
	}
	w.good++
	s := w.subjectOf(t, target)
	place := uint32(len(w.paths))
	w.paths = append(w.paths, path)
	route := routeOf(path)
	canonical := canonicalAddress(route, target)
	again, err := readPath(canonical)
	if err != nil || !sameWish(target, again) || canonicalAddress(route, again) != canonical {
		t.Fatalf("%s: its canonical form %s is another or none: %v", path, canonical, err)
	}
	known := w.check(t, "a canonical form", w.canonical, canonical, place, path, target, func(c transform.Chain) transform.Chain { return c })

	signed, err := w.keysOf.Sign(path, signing.Terms{})
	if err != nil {
		t.Fatalf("%s is good, and cannot be signed: %v", path, err)
	}
	_, text, _ := strings.Cut(signed[len(route):], "/")
	known = w.check(t, "a text to be signed", w.texts, route+text, place, path, target, func(c transform.Chain) transform.Chain { return c }) && known

	if !target.Chain.IsOriginal() {
		asPrinted := func(c transform.Chain) transform.Chain {
			written, _, err := c.Expand(w.presets)
			if err != nil {
				t.Fatal(err)
			}
			return written.Settle(seen(w.original), "").Print()
		}
		if _, _, err := target.Chain.Expand(w.presets); err != nil {
			w.refusedLate++
			w.refuse(t, path, err)
			return
		}
		chain := asPrinted(target.Chain)
		var layers []store.Original
		for range chain.Images() {
			layers = append(layers, w.original)
		}
		plan, err := transform.NewPlan(chain, seen(w.original), transform.Limits{Pixels: 20_000, Side: 2000}, seenAll(layers)...)
		if err != nil {
			w.refusedLate++
			w.refuse(t, path, err)
		} else if plan != nil {
			key := w.handler.describePrint(s, layers, chain).key
			known = w.check(t, "a key in the cache", w.keys, key, place, path, target, asPrinted) && known
		}
	}
	if known {
		w.paths = w.paths[:place] // nothing points to it
	}
}

// check notes who has a text, and fails if somebody else has it who asks for something else. It tells whether the text was known.
func (w *addressWorld) check(
	t *testing.T, what string, owners map[uint64]uint32, text string, place uint32, path string, target transform.Target, of func(transform.Chain) transform.Chain,
) bool {
	hash := maphash.String(w.seed, text)
	first, known := owners[hash]
	if !known {
		owners[hash] = place
		return false
	}
	other, err := readPath(w.paths[first])
	if err != nil {
		t.Fatal(err)
	}
	a, b := target, other
	a.Chain, b.Chain = of(a.Chain), of(b.Chain)
	if !sameWish(a, b) {
		t.Errorf("%s and %s are different, and have %s in common: %s", w.paths[first], path, what, text)
	}
	return true
}

func routeOf(path string) string {
	if strings.HasPrefix(path, proxyRoute) {
		return proxyRoute
	}
	return downloadRoute
}

// subjectOf is what an address names, if it is there.
func (w *addressWorld) subjectOf(t *testing.T, target transform.Target) subject {
	o := w.original
	if target.Source == "" {
		o.ID, _ = store.ParseID(target.ID)
		return keptHere(o)
	}
	source, err := remote.ParseSource(target.Source)
	if err != nil {
		t.Fatal(err)
	}
	o.ID = source.ID()
	return subject{Original: o, place: placeElsewhere(source), copy: &remote.Copy{Original: o}}
}

// readPath reads an address, with the id or the source in its one form.
func readPath(path string) (transform.Target, error) {
	route := routeOf(path)
	target, err := parseBelow(route, []byte(path[len(route):]), false)
	if err != nil {
		return target, err
	}
	if route == proxyRoute {
		source, err := remote.ParseSource(target.Source)
		target.Source = source.String()
		return target, err
	}
	id, err := store.ParseID(target.ID)
	if err != nil {
		return target, store.ErrNotFound
	}
	target.ID = id.String()
	return target, nil
}

// sameWish compares what two addresses ask for, not how that is written.
func sameWish(a, b transform.Target) bool {
	return a.ID == b.ID && a.Source == b.Source && a.Chain.Equal(&b.Chain)
}

// refuse looks how long a refusal may be kept.
func (w *addressWorld) refuse(t *testing.T, path string, err error) {
	w.refused++
	if p, _ := explain(err); p.err == nil || secondsKept(t, p) > 60 {
		t.Errorf("%s is refused as %v, which is kept by %q", path, err, p.keep)
	}
}

// secondsKept is how long caches may keep a refusal.
func secondsKept(t *testing.T, p problem) int {
	if p.keep == "no-store" {
		return 0
	}
	age, ok := strings.CutPrefix(p.keep, "public, max-age=")
	seconds, err := strconv.Atoi(age)
	if !ok || err != nil {
		t.Fatalf("%s is kept by %q, which this test does not understand", p.code, p.keep)
	}
	return seconds
}

// Of all refusals there are, only those are kept for more than a minute that stay true for ever.
func TestRefusalsAreKeptAMinute(t *testing.T) {
	for _, p := range problems {
		forEver := errors.Is(p.err, store.ErrGone) || errors.Is(p.err, signing.ErrExpired)
		if seconds := secondsKept(t, p); seconds > 60 && !forEver || forEver && seconds != 3600 {
			t.Errorf("%s is kept for %d seconds", p.code, seconds)
		}
	}
}
