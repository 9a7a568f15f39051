//go:build remote && cdn && browser

package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A remotePage shows photos of a host, each in a size that somebody has asked for before and in one that nobody has.
type remotePage struct {
	proxy  *proxy
	host   *upstream
	widths [2]int
}

const photosOfPage = 6

func (p remotePage) address(photo, width int) string {
	return fmt.Sprintf("%s%s/resize:%d.jpg", p.proxy.address, proxied(p.host.url(fmt.Sprintf("/photo-%d.jpg", photo))), width)
}

func (p remotePage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, `<!doctype html><meta charset="utf-8"><title>x</title><link rel="icon" href="data:,"><style>img { float: left; width: 110px; height: 73px; margin: 4px }</style>`)
	for photo := range photosOfPage {
		for _, width := range p.widths {
			fmt.Fprintf(w, `<img alt="" src="%s">`, p.address(photo, width))
		}
	}
}

// A page shows images of a host that is allowed, by way of Varnish, as deploy/ has it. It shows all of them, also in sizes that nobody has
// asked for before, while the host is well, slow, broken in several ways, and gone, also after the program was started anew meanwhile.
func TestRemotePage(t *testing.T) {
	t.Parallel()
	program(t, "chromium")
	// What a host serves must be asked about again after a second.
	well := func(e *exchange) {
		const tag = `ETag: "tree"`
		if strings.Contains(e.head, `"tree"`) {
			e.say(head("304 Not Modified", tag, "Cache-Control: max-age=1"))
			return
		}
		e.say(head("200 OK", "Content-Type: image/jpeg", tag, "Cache-Control: max-age=1", fmt.Sprintf("Content-Length: %d", len(thePhoto()))), thePhoto())
	}
	o := &origin{t: t, port: freePort(t), admin: freePort(t)}
	phases := []struct {
		name string
		turn func(u *upstream)
	}{
		{"well", func(u *upstream) {}},
		{"slow", func(u *upstream) {
			u.does(func(e *exchange) {
				time.Sleep(remoteTimeout - time.Second)
				well(e)
			})
		}},
		{"too slow", func(u *upstream) { u.does((*exchange).linger) }},
		{"in trouble", func(u *upstream) {
			u.does(func(e *exchange) { e.say(head("503 Service Unavailable", "Retry-After: 600", "Content-Length: 0")) })
		}},
		{"broken", func(u *upstream) {
			u.does(func(e *exchange) { e.say(withLength(len(thePhoto())), thePhoto()[:1000]) })
		}},
		{"another site", func(u *upstream) {
			u.does(func(e *exchange) { e.say(withLength(25), "<title>For sale!</title>\n") })
		}},
		{"gone", (*upstream).goes},
		{"gone, and the program is started anew", func(u *upstream) {
			u.goes()
			o.end(syscall.SIGTERM)
			o.start()
		}},
	}
	var roots []string
	hosts := make([]*upstream, len(phases))
	for i := range phases {
		hosts[i] = newUpstream(t)
		hosts[i].does(well)
		roots = append(roots, hosts[i].root())
	}
	o.arguments = append(remoteArguments(strings.Join(roots, ",")), "--data", filepath.Join(t.TempDir(), "data"))
	o.start()
	p := varnish(t, o.port)

	// Everybody has seen the smaller ones.
	for _, host := range hosts {
		for photo := range photosOfPage {
			page := remotePage{p, host, [2]int{}}
			get(t, p.address, strings.TrimPrefix(page.address(photo, 100), p.address)).must(t, 200, "")
		}
	}
	time.Sleep(11 * time.Second) // all that is kept is stale: what is here, after a second, and what Varnish has, after ten
	v := visit(t, "", 1000, 500)
	for i, phase := range phases {
		t.Run(phase.name, func(t *testing.T) {
			v.t = t
			host := hosts[i]
			phase.turn(host)
			asked := host.connections.Load()
			site := httptest.NewServer(remotePage{p, host, [2]int{100, 110}})
			defer site.Close()
			began := time.Now()
			v.do(chromedp.Navigate(site.URL), chromedp.WaitVisible(`body > img`))
			v.look("remote-" + strings.ReplaceAll(phase.name, " ", "-"))
			took, asked := time.Since(began), host.connections.Load()-asked
			t.Logf("the page has its %d images after %v; its host was asked %d times", 2*photosOfPage, took.Round(10*time.Millisecond), asked)
			if asked == 0 && !strings.HasPrefix(phase.name, "gone") {
				t.Error("the host was not asked, so that it does not matter how it is")
			}
			if took > remoteTimeout+remoteSlack {
				t.Errorf("the page has its images after %v", took)
			}
		})
	}
	// What was never seen is not made up, and comes as soon as the host is back.
	host := hosts[len(hosts)-1]
	unseen := proxied(host.url("/unseen.jpg")) + "/resize:48.jpg"
	if got := get(t, p.address, unseen); got.status < 500 || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("an image that was never seen is answered %d, %q, while its host is gone", got.status, got.header.Get("Cache-Control"))
	}
	host.returns()
	if took, shown := until(*remoteRecovery, func() bool { return get(t, p.address, unseen).status == 200 }); !shown {
		t.Errorf("%v after its host is back the image is not there", took)
	}
}
