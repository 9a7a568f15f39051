//go:build cdn

package test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// printsOf are addresses of prints of an image, negotiated ones, and the original.
func printsOf(id string) []string {
	return []string{
		"/download/" + id,
		"/download/" + id + ".png",
		"/download/" + id + "/resize:30.webp",
		"/download/" + id + "/crop:0%2C0%2C20%2C20.png",
		"/download/" + id + "/resize=31~31~cover.png",
		"/download/" + id + "/resize:32.auto",
	}
}

// A purge by hand takes all that is stored of an image, and nothing else.
func TestCDNPurge(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	for _, p := range e.proxies() {
		t.Run(p.name, func(t *testing.T) {
			id, other := e.landscape(), e.landscape()
			laid := "/download/" + other + "/resize:60/overlay:" + id + ",w=20.png"
			targets := append(printsOf(id), laid)
			fill := func(targets []string, cache string) {
				t.Helper()
				for _, target := range targets {
					if got := get(t, p.address, target, "Accept", accepted[0]).must(t, 200, ""); got.cache() != cache {
						t.Errorf("%s is a %s, not a %s", target, got.cache(), cache)
					}
				}
			}
			fill(targets, "MISS")
			fill(printsOf(other), "MISS")
			fill(targets, "HIT")

			purge := func(headers ...string) received {
				t.Helper()
				if p == e.varnish {
					return askTarget(t, "PURGE", p.address, "/", append(headers, "xkey", "img-"+id)...)
				}
				askTarget(t, "PURGE", p.address, "/srcset/"+id+"*").must(t, 204, "")
				return askTarget(t, "PURGE", p.address, "/download/"+id+"*", headers...)
			}
			purge("X-Forwarded-For", "192.0.2.1").must(t, 403, "") // on behalf of somebody else
			fill(targets, "HIT")
			if got := purge(); got.status/100 != 2 {
				t.Fatalf("the purge is answered %d: %s", got.status, got.body)
			}
			if p == e.nginx {
				// nginx does not find it; it is kept for ten minutes.
				targets = targets[:len(targets)-1]
			}
			fill(targets, "MISS")
			fill(printsOf(other), "HIT")
		})
	}
}

// nginx keeps prints that name a second image for ten minutes, since a purge of that image does not find them.
func TestCDNnginxKeepsTwoImagesShortly(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := nginx(t, o.port, "proxy_cache_valid 200 10m", "proxy_cache_valid 200 1s")
	id := o.landscape()
	for _, target := range []string{
		"/download/" + o.landscape() + "/overlay:" + id + ",w=20.png",
		"/download/" + o.landscape() + "/overlay%3A" + strings.ToUpper(strings.ReplaceAll(id, "-", "")) + "%2Cw=20.png",
	} {
		get(t, p.address, target).must(t, 200, "MISS")
		get(t, p.address, target).must(t, 200, "HIT")
		time.Sleep(2100 * time.Millisecond)
		if got := get(t, p.address, target).must(t, 200, ""); got.cache() == "HIT" || got.cache() == "STALE" {
			t.Errorf("%s is a %s", target, got.cache())
		}
	}
}

// After a DELETE has answered, the program tells the proxies, and all that they had is gone.
func TestCDNDeletedImagesAreGone(t *testing.T) {
	t.Parallel()
	// The proxies are there first, so that the program can be told of them.
	o := &origin{t: t, port: freePort(t), admin: freePort(t)}
	e := &edge{origin: o, nginx: nginx(t, o.port), varnish: varnish(t, o.port)}
	o.start("--purge", fmt.Sprintf("varnish+%s,nginx+%s", e.varnish.address, e.nginx.address))
	id, other := o.landscape(), o.landscape()
	laid := "/download/" + other + "/resize:60/overlay:" + id + ",w=20.png"
	for _, p := range e.proxies() {
		until(10*time.Second, func() bool { return get(t, p.address, "/download/"+id).status == 200 })
		for _, target := range append(printsOf(id), append(printsOf(other), laid)...) {
			get(t, p.address, target).must(t, 200, "")
			get(t, p.address, target).must(t, 200, "HIT")
		}
	}
	askTarget(t, "DELETE", o.address(), "/images/"+id).must(t, 204, "")
	for _, p := range e.proxies() {
		t.Run(p.name, func(t *testing.T) {
			for _, target := range append(printsOf(id), laid) {
				if p == e.nginx && target == laid {
					continue // see TestCDNnginxKeepsTwoImagesShortly
				}
				took, gone := until(5*time.Second, func() bool { return get(t, p.address, target).status == 410 })
				if !gone {
					t.Errorf("%s is still there", target)
				} else if took > time.Second {
					t.Errorf("%s is gone only after %v", target, took)
				}
			}
			for _, target := range printsOf(other) {
				get(t, p.address, target).must(t, 200, "HIT")
			}
		})
	}
}
