package handler

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"calotype/transform"
)

// A name means to each tenant what he has said; what one sends is nothing at another's hosts, and neither are the tags of it.
func TestPresetsOfOneTenantAreNothingToAnother(t *testing.T) {
	f := newFront(t)
	s := serveTenants(t, behind(t, f), func(o *Options) { o.CacheTags = []string{"Cache-Tag"} })
	type party struct{ host, token, name string }
	acme, zeta, nameless := party{acmeHost, acmeToken, "acme"}, party{zetaHost, zetaToken, "zeta"}, party{namelessHost, namelessToken, ""}
	put := func(p party, chain string) answer {
		t.Helper()
		return s.at(p.host, p.token, "PUT", "/presets/corner", []byte(fmt.Sprintf(`{"chain":%q}`, chain)), "Content-Type", "application/json")
	}
	images := map[party]string{}
	for _, p := range []party{acme, zeta, nameless} {
		images[p] = s.uploadAt(p.host, p.token, draws(t, "rg", "by")).URL
	}
	want := func(p party, letter string) {
		t.Helper()
		for range 2 {
			a := s.at(p.host, "", "GET", images[p]+"/preset:corner", nil)
			if letter == "" {
				s.wantProblem("at "+p.host, a, http.StatusNotFound, "no-such-preset")
			} else if a.status != 200 || reads(t, a.body) != letter {
				t.Errorf("at %s: %d, want %s", p.host, a.status, letter)
			} else if tag := "preset-corner"; !strings.HasSuffix(a.header.Get("Cache-Tag"), ","+tag) && !strings.HasSuffix(a.header.Get("Cache-Tag"), ",tenant-"+p.name+"."+tag) {
				t.Errorf("at %s: %s", p.host, a.header.Get("Cache-Tag"))
			}
		}
	}
	if a := put(acme, "crop:0,0,1,1.png"); a.status != 201 || decode[presetDescription](t, a).Tag != "tenant-acme.preset-corner" {
		t.Errorf("%d %s", a.status, a.body)
	}
	want(acme, "r")
	want(zeta, "")
	want(nameless, "")
	if a := put(zeta, "crop:1,0,1,1.png"); a.status != 201 || decode[presetDescription](t, a).Version != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}
	put(nameless, "crop:0,1,1,1.png")
	put(acme, "crop:1,1,1,1.png")
	want(acme, "y")
	want(zeta, "g")
	want(nameless, "b")
	if told, want := f.told(t, 4), "tenant-acme.preset-corner tenant-zeta.preset-corner preset-corner tenant-acme.preset-corner"; told != want {
		t.Errorf("told of %q, want %q", told, want)
	}
	if a := s.at(zetaHost, acmeToken, "DELETE", "/presets/corner", nil); a.status != http.StatusUnauthorized {
		t.Errorf("with another's token: %d", a.status)
	}
	if a := s.at(zetaHost, zetaToken, "DELETE", "/presets/corner", nil); a.status != http.StatusNoContent {
		t.Errorf("%d %s", a.status, a.body)
	}
	want(acme, "y")
	want(zeta, "")
	want(nameless, "b")

	// A tenant who comes has what was sent for him before; a policy of one is none for another.
	only, err := transform.NewPolicy(transform.Policy{PresetsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	fallback := s.handler.Fallback()
	s.handler.SetTenants(fallback)
	s.handler.presets.byName = nil
	s.handler.SetTenants(fallback, Tenant{Name: "acme", Hosts: []string{acmeHost}, Policy: only})
	want(acme, "y")
	for host, image := range map[string]string{acmeHost: images[acme], namelessHost: images[nameless]} {
		status := map[string]int{acmeHost: 403, namelessHost: 200}[host]
		for range 2 {
			if a := s.at(host, "", "GET", image+"/crop:1,1,1,1.png", nil); a.status != status {
				t.Errorf("at %s: %d, want %d", host, a.status, status)
			}
		}
	}
}

// Prints of pictures elsewhere have presets, too. They are believed as long as the picture is fresh, and a day at most.
func TestPresetsOfPicturesElsewhere(t *testing.T) {
	for age, want := range map[string]string{"3599": "public, max-age=35", "86400000": "public, max-age=86"} { // some seconds may have passed
		o := newOrigin(t, draws(t, "rg", "by"), http.Header{"Cache-Control": {"max-age=" + age}})
		s := serveElsewhere(t, o.URL)
		s.mustPut("corner", "crop:1,1,1,1.png")
		for range 2 {
			a := s.get(o.address("/preset:corner"))
			if a.status != 200 || reads(t, a.body) != "y" || a.header.Get("Link") != canonicalLink(o.address("/preset:corner.png")) || !strings.HasSuffix(a.header.Get("Cache-Tag"), ",fmt-png,preset-corner") {
				t.Errorf("%d %v", a.status, a.header)
			}
			if keep := a.header.Get("Cache-Control"); !strings.HasPrefix(keep, want) {
				t.Errorf("Cache-Control: %s, want %s", keep, want)
			}
		}
		s.mustPut("corner", "crop:0,0,1,1.png")
		if got := reads(t, s.mustGet(o.address("/preset:corner")).body); got != "r" {
			t.Errorf("after a change: %s", got)
		}
		if n := o.asked.Load(); n != 1 {
			t.Errorf("fetched %d times", n)
		}
	}
}
