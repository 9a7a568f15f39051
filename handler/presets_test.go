package handler

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"calotype/handler/purge"
	"calotype/store"
	"calotype/transform"
)

// withExamplePresets makes a site that has the presets of the reference.
func withExamplePresets(o *Options) { o.Presets = transform.ExamplePresets }

// inFile makes a site whose file has presets, as in "card,2 = resize:240.webp".
func inFile(lines ...string) func(*Options) {
	return func(o *Options) {
		for _, line := range lines {
			called, chain, _ := strings.Cut(line, " = ")
			name, version, _ := strings.Cut(called, ",")
			p := transform.Preset{Name: name, Chain: chain}
			if version != "" {
				fmt.Sscan(version, &p.Version)
			}
			o.Presets = append(o.Presets, p)
		}
	}
}

// putPreset sends a preset.
func (s *site) putPreset(name, chain string, headers ...string) answer {
	s.t.Helper()
	body, err := json.Marshal(map[string]string{"chain": chain})
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do("PUT", "/presets/"+name, strings.NewReader(string(body)), append(headers, "Content-Type", "application/json")...)
}

func (s *site) mustPut(name, chain string) presetDescription {
	s.t.Helper()
	a := s.putPreset(name, chain)
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		s.t.Fatalf("%s = %s: %d %s", name, chain, a.status, a.body)
	}
	return decode[presetDescription](s.t, a)
}

// An address with a preset is the picture that its chain makes.
func TestPresetsMakePrints(t *testing.T) {
	s := serve(t, inFile("left = crop:0,0,1,0", "turn,1 = rotate:90", "turn,2 = rotate:180", "both = preset:turn,1/preset:left.png", "big = resize:4,4,up,k=nearest"))
	u := s.upload(draws(t, "rg", "by"))
	f := func(chain, want string) {
		t.Helper()
		if got := reads(t, s.mustGet(u.URL+chain).body); got != want {
			t.Errorf("%s gives %s, want %s", chain, got, want)
		}
	}
	f("/preset:left.png", "r b")
	f("/PRESET=LEFT.PNG", "r b")
	f("/rotate:90/preset:left.png", "b y")
	f("/preset:left/rotate:90.png", "br")
	f("/preset:turn.png", "yb gr")
	f("/preset:turn,1.png", "br yg")
	f("/preset:turn%2C1.png", "br yg")
	f("/preset:both", "b y")
	f("/preset:both/preset:big.png", "bb bb yy yy")
	s.wantProblem("unknown", s.get(u.URL+"/preset:none.png"), http.StatusNotFound, "no-such-preset")
	s.wantProblem("unknown version", s.get(u.URL+"/preset:turn,3.png"), http.StatusNotFound, "no-such-preset")
	s.wantProblem("no version", s.get(u.URL+"/preset:left,1.png"), http.StatusNotFound, "no-such-preset")
	s.wantProblem("no name", s.get(u.URL+"/preset.png"), http.StatusBadRequest, "bad-chain")
	if p := s.wantProblem("no chain any more", s.get(u.URL+strings.Repeat("/preset:both", 17)+".png"), http.StatusBadRequest, "bad-chain"); !strings.Contains(p.Detail, "at most 32") {
		t.Errorf("got %s", p.Detail)
	}
}

// A print is made once, whether it is asked for by a preset, by another or by its chain; each address has headers of its own.
func TestPresetsShareThePrintsOfTheirChains(t *testing.T) {
	s := serve(t, inFile("small,1 = resize:20/quality:50.webp", "small,2 = resize:30/quality:60.webp", "same = preset:small"), func(o *Options) { o.CacheTags = []string{"Cache-Tag"} })
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	f := func(path, status, canonical, keep, tags string) {
		t.Helper()
		a := s.mustGet(u.URL + path)
		link := ""
		if canonical != path {
			link = canonicalLink(u.URL + canonical)
		}
		got := []string{a.header.Get("Cache-Status"), a.header.Get("Link"), a.header.Get("Cache-Control"), a.header.Get("Cache-Tag")}
		want := []string{status, link, keep, "img-" + u.ID + ",fmt-webp" + tags}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", path, got, want)
		}
		if a.header.Get("Content-Type") != "image/webp" {
			t.Errorf("%s is %s", path, a.header.Get("Content-Type"))
		}
	}
	const made, hit = "calotype; fwd=uri-miss; stored", statusHit
	changing := "public, max-age=86400, s-maxage=2592000, stale-while-revalidate=86400, stale-if-error=604800"
	f("/preset:small", made, "/preset:small.webp", changing, ",preset-small")
	f("/preset:small.webp", hit, "/preset:small.webp", changing, ",preset-small")
	f("/Preset:Small.webp", hit, "/preset:small.webp", changing, ",preset-small")
	f("/preset:same.webp", hit, "/preset:same.webp", changing, ",preset-same,preset-small")
	f("/preset:small,2.webp", hit, "/preset:small,2.webp", string(keepImage.text), ",preset-small.2")
	f("/resize:30/quality:60.webp", hit, "/resize:30/quality:60.webp", string(keepImage.text), "")
	f("/preset:small,1.webp", made, "/preset:small,1.webp", string(keepImage.text), ",preset-small.1")
	f("/preset:small/name:cat.webp", hit, "/preset:small/name:cat.webp", changing, ",preset-small")
	for range 2 { // from memory too
		f("/preset:small.webp", hit, "/preset:small.webp", changing, ",preset-small")
		f("/preset:small,1.webp", hit, "/preset:small,1.webp", string(keepImage.text), ",preset-small.1")
		f("/resize:30/quality:60.webp", hit, "/resize:30/quality:60.webp", string(keepImage.text), "")
	}
	one, two := s.mustGet(u.URL+"/preset:small.webp"), s.mustGet(u.URL+"/resize:30/quality:60.webp")
	if one.header.Get("ETag") != two.header.Get("ETag") || string(one.body) != string(two.body) {
		t.Error("a preset and its chain are two prints")
	}
	if disposition := s.mustGet(u.URL + "/preset:small/name:cat.webp").header.Get("Content-Disposition"); !strings.Contains(disposition, "cat.webp") {
		t.Errorf("saved as %s", disposition)
	}
}

// A preset may leave the format to the Accept header, and be described.
func TestPresetsNegotiateAndAreDescribed(t *testing.T) {
	s := serve(t, inFile("hero = resize:20/quality:50.auto"))
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	for accept, want := range map[string]string{chrome: ".avif", "*/*": ".jpg", "": ".jpg"} {
		a := s.mustGet(u.URL+"/preset:hero", "Accept", accept)
		if a.header.Get("Vary") != "Accept" || a.header.Get("Content-Location") != u.URL+"/preset:hero"+want || a.header.Get("Link") != "" {
			t.Errorf("%s: %v", accept, a.header)
		}
	}
	if a := s.mustGet(u.URL+"/preset:hero.png", "Accept", chrome); a.header.Get("Vary") != "" || a.header.Get("Content-Type") != "image/png" {
		t.Errorf("%v", a.header)
	}
	a := s.mustGet(u.URL + "/preset:hero/format:webp.json")
	d := decode[printDescription](t, a)
	if d.URL != u.URL+"/preset:hero.webp" || d.Width != 20 || !strings.Contains(a.header.Get("Cache-Tag"), "preset-hero") && len(s.handler.tags) > 0 {
		t.Errorf("%+v %v", d, a.header)
	}
	if bytes := len(s.mustGet(d.URL).body); d.Bytes != bytes {
		t.Errorf("described as %d bytes, has %d", d.Bytes, bytes)
	}
}

// The tag for a page names prints by presets, of the sizes that they have.
func TestSrcsetOfAPreset(t *testing.T) {
	s := serve(t, inFile("wide = crop:ar=2x1/quality:50.auto"))
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	p := decode[picture](t, s.mustGet(strings.Replace(u.URL, "/download/", "/srcset/", 1)+"/preset:wide?widths=20,40,60,80&as=json&placeholder=0"))
	want := map[string][2]int{
		"/preset:wide/resize:20": {20, 10}, "/preset:wide/resize:40": {40, 20}, "/preset:wide": {60, 30},
	}
	if len(p.Sources) < 2 {
		t.Fatalf("%d formats", len(p.Sources))
	}
	for _, source := range p.Sources {
		if len(source.Prints) != len(want) {
			t.Errorf("%s has %d prints", source.Type, len(source.Prints))
		}
		for _, print := range source.Prints {
			chain := strings.TrimPrefix(print.URL[:strings.LastIndexByte(print.URL, '.')], u.URL)
			if want[chain] != [2]int{print.Width, print.Height} {
				t.Errorf("%s is said to be %d×%d", print.URL, print.Width, print.Height)
			}
			a := s.mustGet(print.URL)
			if a.header.Get("Content-Type") != source.Type || a.header.Get("Link") != "" {
				t.Errorf("%s is %v", print.URL, a.header)
			}
			if d := decode[printDescription](t, s.mustGet(print.URL[:strings.LastIndexByte(print.URL, '.')]+".json")); d.Width != print.Width || d.Height != print.Height {
				t.Errorf("%s is %d×%d", print.URL, d.Width, d.Height)
			}
		}
	}
}

// Whoever has a token writes presets, each with numbered versions.
func TestPresetsAreSent(t *testing.T) {
	s := serve(t, inFile("filed,3 = flip:h"))
	u := s.upload(draws(t, "rg", "by"))
	created := s.putPreset("Corner", "/CROP:0~0~1~1/rotate:360.PNG")
	d := decode[presetDescription](t, created)
	if created.status != http.StatusCreated || created.header.Get("Location") != "/presets/corner" || created.header.Get("ETag") != d.ETag || created.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", created.status, created.header)
	}
	if d.Name != "corner" || d.Version != 1 || d.Chain != "crop:0,0,1,1.png" || d.From != "api" || d.Tag != "preset-corner" || len(d.Versions) != 1 {
		t.Errorf("%s", created.body)
	}
	if got := reads(t, s.mustGet(u.URL+"/preset:corner").body); got != "r" {
		t.Errorf("got %s", got)
	}
	if a := s.putPreset("corner", "crop:0,0,1,1.png"); a.status != http.StatusOK || decode[presetDescription](t, a).Version != 1 {
		t.Errorf("the same chain again: %d %s", a.status, a.body)
	}
	if a := s.putPreset("corner", "crop:1,1,1,1.png"); a.status != http.StatusOK || decode[presetDescription](t, a).Version != 2 {
		t.Errorf("another chain: %d %s", a.status, a.body)
	}
	for path, want := range map[string]string{"/preset:corner": "y", "/preset:corner,1": "r", "/preset:corner,2": "y"} {
		if got := reads(t, s.mustGet(u.URL+path).body); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	s.mustPut("user", "preset:corner/rotate:90")
	one := s.mustGet("/presets/CORNER")
	d = decode[presetDescription](t, one)
	if len(d.Versions) != 2 || d.Versions[0].Chain != "crop:0,0,1,1.png" || d.Versions[1].Version != 2 || d.Created == "" || one.header.Get("ETag") != d.ETag || one.header.Get("Cache-Control") != keepPage {
		t.Errorf("%s %v", one.body, one.header)
	}
	if a := s.get("/presets/corner", "If-None-Match", d.ETag); a.status != http.StatusNotModified || len(a.body) > 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	var list struct{ Presets []presetDescription }
	if err := json.Unmarshal(s.mustGet("/presets").body, &list); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range list.Presets {
		names = append(names, fmt.Sprint(d.Name, " ", d.Version, " ", d.From, d.Uses))
	}
	if want := []string{"corner 2 api[]", "filed 3 file[]", "user 1 api[corner]"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}

	s.restart(inFile("filed,3 = flip:h"))
	if got := reads(t, s.mustGet(u.URL+"/preset:user").body); got != "y" {
		t.Errorf("after a restart: %s", got)
	}
}

func TestPresetsThatCannotBeSent(t *testing.T) {
	s := serve(t, inFile("filed = flip:h"))
	s.mustPut("base", "flip:v")
	s.mustPut("user", "preset:base/rotate:90")
	f := func(what string, a answer, status int, code, detail string) {
		t.Helper()
		p := s.wantProblem(what, a, status, code)
		if !strings.Contains(p.Detail, detail) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s, want %s (%s)", what, p.Detail, detail, a.header.Get("Cache-Control"))
		}
	}
	put := func(body, contentType string) answer {
		return s.do("PUT", "/presets/x", strings.NewReader(body), "Content-Type", contentType)
	}
	f("bad chain", s.putPreset("x", "rotate:x"), 400, "bad-preset", "rotate: angle must be")
	f("nothing", s.putPreset("x", ""), 400, "bad-preset", "nothing stands there")
	f("no effect", s.putPreset("x", "rotate:0"), 400, "bad-preset", "must change something")
	f("bad name", s.putPreset("a.b", "flip:h"), 400, "bad-preset", "has no right name")
	f("no name", s.putPreset("", "flip:h"), 400, "bad-preset", "has no right name")
	f("unknown inside", s.putPreset("x", "preset:none"), 400, "bad-preset", "there is no such preset: none")
	f("circle", s.putPreset("base", "preset:user"), 400, "bad-preset", "must not stand in itself")
	f("in file", s.putPreset("filed", "flip:v"), 409, "preset-in-file", "filed")
	f("no JSON", put("chain", "application/json"), 400, "bad-preset", "not a JSON object")
	f("other fields", put(`{"chain":"flip:h","version":7}`, "application/json"), 400, "bad-preset", "version")
	f("two objects", put(`{"chain":"flip:h"}{}`, "application/json"), 400, "bad-preset", "something follows")
	f("a form", put(`{"chain":"flip:h"}`, "text/plain"), 400, "bad-preset", "Content-Type")
	f("too long", put(`{"chain":"`+strings.Repeat("flip:h/", 5000)+`"}`, "application/json"), 400, "bad-preset", "more than")
	f("not there", s.do("DELETE", "/presets/none", nil), 404, "no-such-preset", "none")
	f("in file", s.do("DELETE", "/presets/filed", nil), 409, "preset-in-file", "filed")
	f("in use", s.do("DELETE", "/presets/base", nil), 409, "preset-in-use", "preset user, version 1: there is no such preset: base")
	f("not there", s.get("/presets/none"), 404, "no-such-preset", "none")
	if a := s.do("POST", "/presets/x", nil); a.status != 405 || a.header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS, PUT" {
		t.Errorf("%d %v", a.status, a.header)
	}
	s.do("DELETE", "/presets/user", nil)
	if a := s.do("DELETE", "/presets/base", nil); a.status != 204 {
		t.Errorf("once nobody needs it: %d %s", a.status, a.body)
	}
	// Only for those who may manage.
	closed := serve(t, func(o *Options) { o.Access = Access{} })
	for _, method := range []string{"PUT", "DELETE", "GET"} {
		if a := closed.do(method, "/presets/x", nil); a.status != 403 {
			t.Errorf("%s: %d", method, a.status)
		}
	}
}

func TestPresetsAreChangedUnderConditions(t *testing.T) {
	s := serve(t)
	f := func(what string, a answer, status int) {
		t.Helper()
		if a.status != status {
			t.Errorf("%s: %d %s, want %d", what, a.status, a.body, status)
		}
	}
	f("of one that is not there", s.putPreset("x", "flip:h", "If-Match", "*"), 412)
	f("new", s.putPreset("x", "flip:h", "If-None-Match", "*"), 201)
	f("new, and it is not", s.putPreset("x", "flip:v", "If-None-Match", "*"), 412)
	first := decode[presetDescription](t, s.get("/presets/x")).ETag
	f("another", s.putPreset("x", "flip:v", "If-Match", `"other"`), 412)
	f("that one", s.putPreset("x", "flip:v", "If-Match", `"other", `+first), 200)
	f("that one no more", s.putPreset("x", "flip:hv", "If-Match", first), 412)
	f("removed as it was", s.do("DELETE", "/presets/x", nil, "If-Match", first), 412)
	second := decode[presetDescription](t, s.get("/presets/x")).ETag
	f("removed", s.do("DELETE", "/presets/x", nil, "If-Match", second), 204)
	f("gone", s.get("/presets/x"), 404)
	d := s.mustPut("x", "flip:h")
	if d.Version != 3 || d.ETag == first || len(d.Versions) != 1 {
		t.Errorf("a version is used again: %+v", d)
	}
}

// Once a change is answered, no address means what it did before, and caches in front know.
func TestAChangedPresetCountsAtOnce(t *testing.T) {
	front := newFront(t)
	s := serve(t, behind(t, front), onDisk(t.TempDir()))
	u := s.upload(draws(t, "rg", "by"))
	s.mustPut("corner", "crop:0,0,1,1.png")
	s.mustPut("user", "preset:corner/rotate:90")
	told := front.told(t, 2)
	if told != "preset-corner preset-user" {
		t.Errorf("told of %q", told)
	}
	spellings := []string{"/preset:corner", "/preset:corner.png", "/preset=Corner.png", "/preset:corner/name:x.png", "/preset:user.png", "/preset:user,1.png"}
	want := func(letter string) {
		t.Helper()
		for range 3 {
			for _, path := range spellings {
				if got := reads(t, s.mustGet(u.URL+path).body); got != letter {
					t.Errorf("%s is %s, want %s", path, got, letter)
				}
			}
		}
	}
	want("r")
	tag := s.mustGet(u.URL + "/preset:corner.png").header.Get("ETag")
	for i, corner := range []struct{ chain, letter string }{{"crop:1,0,1,1.png", "g"}, {"crop:0,1,1,1.png", "b"}, {"crop:0,0,1,1.png", "r"}, {"crop:1,1,1,1.png", "y"}} {
		if d := s.mustPut("corner", corner.chain); len(d.Hooks) != 1 || d.Hooks[0].Outcome != purge.Accepted {
			t.Errorf("%+v", d.Hooks)
		}
		want(corner.letter)
		if got := s.get(u.URL+"/preset:corner.png", "If-None-Match", tag).status; got != map[bool]int{true: 304, false: 200}[corner.letter == "r"] {
			t.Errorf("%s: status %d", corner.letter, got)
		}
		if told = front.told(t, 3+i); !strings.HasSuffix(told, "user"+strings.Repeat(" preset-corner", 1+i)) {
			t.Errorf("told of %q", told)
		}
	}
	s.do("DELETE", "/presets/user", nil)
	if told = front.told(t, 8); !strings.HasSuffix(told, " preset-user preset-user.1") {
		t.Errorf("told of %q", told)
	}
	s.wantProblem("removed", s.get(u.URL+"/preset:user.png"), 404, "no-such-preset")
	s.wantProblem("removed", s.get(u.URL+"/preset:user,1.png"), 404, "no-such-preset")

	front.status.Store(http.StatusForbidden)
	a := s.putPreset("corner", "crop:0,0,1,1.png")
	if d := decode[presetDescription](t, a); a.status != http.StatusBadGateway || d.Version != 6 || d.Hooks[0].Outcome != purge.Refused {
		t.Errorf("a cache in front does not take it: %d %s", a.status, a.body)
	}
	spellings = spellings[:4]
	want("r")
}

// A change that another server has made is heard of, also if so much was missed that nobody knows what.
func TestPresetsOfOtherServers(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	elsewhere := func(chain string) {
		t.Helper()
		if err := s.store.ChangePresets(t.Context(), "", func([]store.Preset) (*store.PresetChange, error) {
			return &store.PresetChange{Name: "corner", Chain: chain}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(letter string) {
		t.Helper()
		if got := reads(t, s.mustGet(u.URL+"/preset:corner.png").body); got != letter {
			t.Errorf("got %s, want %s", got, letter)
		}
	}
	elsewhere("crop:0,0,1,1")
	s.handler.obey(store.News{Message: []byte(`{"IDs":null,"Tags":["preset-corner"],"Paths":null}`)})
	want("r")
	elsewhere("crop:1,1,1,1")
	want("r") // until it is heard
	s.handler.obey(store.News{Missed: true})
	want("y")
	// One of another version of the program may not be a chain here. The others are served all the same.
	elsewhere("blink:3")
	s.mustPut("other", "crop:1,0,1,1")
	s.handler.obey(store.News{Message: []byte(`{"Words":["of a newer version"]}`)})
	s.wantProblem("no chain", s.get(u.URL+"/preset:corner.png"), 404, "no-such-preset")
	if d := decode[presetDescription](t, s.mustGet("/presets/corner")); !strings.Contains(d.Error, "blink") {
		t.Errorf("%+v", d)
	}
	if got := reads(t, s.mustGet(u.URL+"/preset:other.png").body); got != "g" || !strings.Contains(s.log.String(), "a preset is not served") {
		t.Errorf("got %s, logged %s", got, s.log)
	}
}

// A file that is read anew counts at once, and one that takes back what it has said does not count.
func TestPresetsOfAFileThatChanges(t *testing.T) {
	front := newFront(t)
	s := serve(t, behind(t, front), inFile("corner,1 = crop:0,0,1,1", "plain = flip:h"))
	u := s.upload(draws(t, "rg", "by"))
	s.mustPut("sent", "rotate:180")
	front.told(t, 1)
	load := func(lines ...string) {
		t.Helper()
		var o Options
		inFile(lines...)(&o)
		fallback := s.handler.Fallback()
		fallback.Presets = o.Presets
		s.handler.SetTenants(fallback)
	}
	want := func(path, letters string) {
		t.Helper()
		for range 2 {
			if got := reads(t, s.mustGet(u.URL+path+".png").body); got != letters {
				t.Errorf("%s is %s, want %s", path, got, letters)
			}
		}
	}
	want("/preset:corner", "r")
	want("/preset:plain", "gr yb")
	load("corner,1 = crop:0,0,1,1", "corner,2 = crop:1,1,1,1", "plain = flip:v")
	want("/preset:corner", "y")
	want("/preset:corner,1", "r")
	want("/preset:plain", "by rg")
	want("/preset:sent", "yb gr")
	if told := front.told(t, 3); told != "preset-sent preset-corner preset-plain" {
		t.Errorf("told of %q", told)
	}
	load("corner,1 = crop:0,1,1,1", "plain = flip:hv")
	want("/preset:corner", "y")
	want("/preset:plain", "by rg")
	if !strings.Contains(s.log.String(), "preset corner: version 1 was another chain") {
		t.Errorf("logged %s", s.log)
	}
	load("sent = crop:1,0,1,1") // which hides the one that was sent
	want("/preset:sent", "g")
	s.wantProblem("not in the file any more", s.get(u.URL+"/preset:corner.png"), 404, "no-such-preset")
	if told := front.told(t, 9); !strings.HasSuffix(told, " preset-corner preset-corner.1 preset-corner.2 preset-plain preset-sent preset-sent.1") {
		t.Errorf("told of %q", told)
	}
}

// What is not among what a server serves is refused, and says what is; nothing that is in memory for others is served either.
func TestPolicies(t *testing.T) {
	policy := func(p transform.Policy) func(*Options) {
		return func(o *Options) {
			made, err := transform.NewPolicy(p)
			if err != nil {
				t.Fatal(err)
			}
			o.Policy = made
			o.Presets = transform.ExamplePresets
		}
	}
	f := func(s *site, target string, status int, text string) {
		t.Helper()
		for range 2 {
			a := s.get(target)
			if a.status != status || status != 200 && !strings.Contains(string(a.body), text) || status == 200 && a.header.Get("Link") != text {
				t.Errorf("%s: %d %.300s %s, want %d %s", target, a.status, a.body, a.header.Get("Link"), status, text)
			}
			if status == 403 && !strings.HasSuffix(a.header.Get("Cache-Control"), ", max-age=10") {
				t.Errorf("%s: %v", target, a.header)
			}
		}
	}
	s := serve(t, policy(transform.Policy{PresetsOnly: true}))
	u := s.upload(encodePNG(t, photo(600, 400, 1)))
	srcset := strings.Replace(u.URL, "/download/", "/srcset/", 1)
	card := strings.TrimPrefix(transform.ExamplePresets[1].Chain, "/")
	f(s, u.URL, 200, "")
	f(s, u.URL+"/preset:card.webp", 200, "")
	f(s, u.URL+"/"+card+".webp", 403, "a print is asked for by one preset")
	f(s, u.URL+"/preset:card/resize:10.webp", 403, "a print is asked for by one preset")
	f(s, u.URL+".webp", 403, "a print is asked for by one preset")
	f(s, srcset+"/preset:card.webp?widths=100", 403, "a print is asked for by one preset")
	if a := s.get(srcset + "/preset:card.webp?widths=9999&placeholder=0"); a.status != 200 || !strings.Contains(string(a.body), "/preset:card.webp") {
		t.Errorf("%d %s", a.status, a.body)
	}

	s = serve(t, policy(transform.Policy{Names: []string{"resize", "crop"}}))
	u = s.upload(encodePNG(t, photo(600, 400, 1)))
	f(s, u.URL+"/crop:10,10/resize:5/name:x.webp", 200, "")
	f(s, u.URL+"/preset:card.webp", 200, "")
	f(s, u.URL+"/blur:3.webp", 403, "blur; there is resize, crop, preset")
	f(s, u.URL+"/resize:5/quality:5.webp", 403, "quality")

	s = serve(t, policy(transform.Policy{Sizes: []int{100, 200}, Snap: true}))
	u = s.upload(encodePNG(t, photo(600, 400, 1)))
	srcset = strings.Replace(u.URL, "/download/", "/srcset/", 1)
	f(s, u.URL+"/resize:100.webp", 200, "")
	f(s, u.URL+"/resize:90.webp", 200, canonicalLink(u.URL+"/resize:100.webp"))
	f(s, u.URL+"/resize:201.webp", 403, "must be 100 or 200, not 201")
	if got := s.mustGet(u.URL + "/resize:7.webp").header.Get("Cache-Status"); got != statusHit {
		t.Errorf("a size that is snapped is made again: %s", got)
	}
	p := decode[picture](t, s.mustGet(srcset+".webp?as=json&placeholder=0"))
	if got := p.Sources[0].Srcset; got != u.URL+"/resize:100.webp 100w, "+u.URL+"/resize:200.webp 200w" {
		t.Errorf("got %s", got)
	}
	p = decode[picture](t, s.mustGet(srcset+".webp?as=json&placeholder=0&widths=60,150,199"))
	if got := p.Sources[0].Srcset; got != u.URL+"/resize:100.webp 100w, "+u.URL+"/resize:200.webp 200w" {
		t.Errorf("got %s", got)
	}
	f(s, srcset+".webp?widths=300", 403, "widths: each must be 100 or 200, not 300")

	s = serve(t, policy(transform.Policy{Sizes: []int{100, 200}, Snap: true}), func(o *Options) { o.Canonical = CanonicalRedirect })
	u = s.upload(encodePNG(t, photo(600, 400, 1)))
	for spelling, keep := range map[string]string{"/resize:90.webp": keepSnapped, "/RESIZE:100.webp": keepRedirect} {
		a := s.get(u.URL + spelling)
		if a.status != 301 || a.header.Get("Location") != u.URL+"/resize:100.webp" || a.header.Get("Cache-Control") != keep {
			t.Errorf("%s: %d %v", spelling, a.status, a.header)
		}
	}

	s = serve(t, policy(transform.Policy{Sizes: []int{100, 200}}), func(o *Options) { o.Canonical = CanonicalRedirect })
	u = s.upload(encodePNG(t, photo(600, 400, 1)))
	f(s, u.URL+"/resize:90.webp", 403, "must be 100 or 200, not 90")
}

// Changes while addresses are asked for: no answer is of a version that was replaced before it was asked for.
func TestPresetsThatChangeAllTheTime(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	chains, letters := []string{"crop:0,0,1,1.png", "crop:1,0,1,1.png", "crop:0,1,1,1.png", "crop:1,1,1,1.png"}, "rgby"
	s.mustPut("corner", chains[3])
	done := make(chan bool)
	go func() {
		defer close(done)
		for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
			if a := s.get(u.URL + "/preset:corner"); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
				return
			}
		}
	}()
	for i := 0; ; i++ {
		select {
		case <-done:
			if i < 10 {
				t.Errorf("only %d changes", i)
			}
			return
		default:
		}
		s.mustPut("corner", chains[i%4])
		if got := reads(t, s.mustGet(u.URL+"/preset:corner").body); got != letters[i%4:i%4+1] {
			t.Errorf("change %d: got %s", i, got)
		}
	}
}

// Where prints must be signed, those of one preset need not be.
func TestPresetsNeedNoSignature(t *testing.T) {
	s := serve(t, withExamplePresets, func(o *Options) { o.Sign, o.Keys = SignTransforms, signKeys(t, signKey) })
	u := s.upload(encodePNG(t, photo(60, 40, 1)))
	id := "/download/" + u.ID
	for target, status := range map[string]int{
		id: 200, id + "/preset:card.webp": 200, id + "/preset:card.json": 200, id + "/preset:card,1/name:x": 200,
		id + "/preset:card/resize:5.webp": 403, id + "/preset:card/preset:card.webp": 403, id + "/preset:card/quality:5.webp": 403, id + "/resize:5.webp": 403,
		id + "/" + transform.ExamplePresets[1].Chain + ".webp": 403,
	} {
		for range 2 {
			if a := s.get(target); a.status != status {
				t.Errorf("%s: %d %s, want %d", target, a.status, a.body, status)
			}
		}
	}
}
