//go:build remote

package test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An observation is what came of one misbehaviour.
type observation struct {
	answers     []received
	took        []time.Duration
	errors      []error
	connections int64         // while it misbehaved
	recovered   time.Duration // after it was well again
	last        received      // the last answer to that
	original    received
}

// Whatever an upstream does, the answer is the right one, it comes in time, the upstream is asked twice at most however often the program
// is, and nothing of what came is kept: as soon as the upstream is well, the picture is there, and it is all there.
func TestRemoteHostileUpstreams(t *testing.T) {
	t.Parallel()
	trap := newUpstream(t)
	all, ups := hostileUpstreams(t, trap)
	data := t.TempDir()
	s := remotelyIn(t, data, ups)
	seen := make([]observation, len(all))
	together(len(all), func(i int) {
		ups[i].becomes(&all[i].behaviour)
		seen[i] = observe(s, ups[i])
	})
	for i, m := range all {
		t.Run(m.name, func(t *testing.T) { m.judge(t, ups[i], seen[i]) })
	}
	if n := trap.connections.Load(); n != 0 {
		t.Errorf("%d connections were made to a host that is not allowed", n)
	}
	if took, gone := until(remoteTimeout+remoteSlack, func() bool {
		parts, err := os.ReadDir(filepath.Join(data, "sources", "new"))
		return err == nil && len(parts) == 0
	}); !gone {
		t.Errorf("%v after the last answer there are parts of files that did not come whole", took)
	}
	t.Logf("%d behaviours", len(all))
}

// hostileUpstreams are all misbehaviours, each with an upstream of its own, which is well so far.
func hostileUpstreams(t *testing.T, trap *upstream) (all []misbehaviour, ups []*upstream) {
	all = append(misbehaviours(trap.root()), secureMisbehaviours()...)
	for _, m := range all {
		u := newUpstream(t)
		if m.secure != nil {
			u.scheme, u.secure = "https", m.secure(u)
		}
		ups = append(ups, u)
	}
	return all, ups
}

// What is kept stays good, and stands in, if its upstream begins to misbehave: whatever that then sends is not taken for the picture.
func TestRemoteHostileUpstreamsDoNotSpoilWhatIsKept(t *testing.T) {
	t.Parallel()
	all, ups := hostileUpstreams(t, newUpstream(t))
	s := remotely(t, ups)
	root := "http://" + s.address
	type pair struct{ known, unknown, original received }
	seen := make([]pair, len(all))
	together(len(all), func(i int) {
		target := proxied(ups[i].url("/stale.jpg"))
		first, err := sendTarget(http.MethodGet, root, target+"/resize:48.jpg")
		if err != nil || first.status != 200 {
			t.Errorf("%s: while it is well it is answered %d, %v: %.300s", all[i].name, first.status, err, first.body)
		}
		ups[i].becomes(&all[i].behaviour)
		seen[i].known, _ = sendTarget(http.MethodGet, root, target+"/resize:48.jpg")
		seen[i].unknown, _ = sendTarget(http.MethodGet, root, target+"/resize:24/extend:48,32.jpg")
		seen[i].original, _ = sendTarget(http.MethodGet, root, target)
	})
	for i, m := range all {
		t.Run(m.name, func(t *testing.T) {
			for _, r := range []received{seen[i].known, seen[i].unknown} {
				// What an upstream no longer has, or leads to where nobody may go, is not shown any more. A picture whose head is good and
				// whose data are not is one that has changed.
				if r.status != 200 && slices.Contains(m.want, r.status) && (r.status < 415 || slices.Equal(m.want, damaged)) {
					continue
				}
				r.mustBeThePhoto(t)
			}
			if r := seen[i].original; r.status == 200 && !slices.Equal(m.want, damaged) && !bytes.Equal(r.body, thePhoto()) {
				t.Errorf("the original has %d bytes, want %d", len(r.body), len(thePhoto()))
			}
		})
	}
}

// observe asks three times for a print of what the upstream has, and after that, when the upstream is well, until it comes.
func observe(s instance, u *upstream) (o observation) {
	root := "http://" + s.address
	target := proxied(u.url("/photo.jpg"))
	for range 3 {
		began := time.Now()
		answer, err := sendTarget(http.MethodGet, root, target+"/resize:48.jpg")
		o.answers, o.errors, o.took = append(o.answers, answer), append(o.errors, err), append(o.took, time.Since(began))
	}
	o.connections = u.connections.Load()
	u.becomes(nil)
	o.recovered, _ = until(*remoteRecovery, func() bool {
		answer, err := sendTarget(http.MethodGet, root, target+"/resize:48.jpg")
		o.last = answer
		return err == nil && answer.status == 200
	})
	o.original, _ = sendTarget(http.MethodGet, root, target)
	return o
}

func (m misbehaviour) judge(t *testing.T, u *upstream, o observation) {
	for i, answer := range o.answers {
		switch {
		case o.errors[i] != nil:
			t.Errorf("request %d is not answered: %v", i+1, o.errors[i])
		case !slices.Contains(m.want, answer.status):
			t.Errorf("request %d is answered %d, want one of %v: %.300s", i+1, answer.status, m.want, answer.body)
		case answer.status == 200:
			answer.mustBeThePhoto(t)
		default:
			checkRefusal(t, answer)
		}
		if o.took[i] > remoteTimeout+remoteSlack {
			t.Errorf("request %d is answered after %v", i+1, o.took[i])
		}
		for _, name := range []string{"Set-Cookie", "X-Odd", "X-Sum", "X-Padding", "WWW-Authenticate", "Proxy-Authenticate", "Trailer", "Upgrade"} {
			if value := answer.header.Get(name); value != "" {
				t.Errorf("what the upstream says is passed on: %s: %s", name, value)
			}
		}
	}
	if most := max(m.most, 2); o.connections > most {
		t.Errorf("the upstream was asked %d times, at most %d are allowed", o.connections, most)
	}
	if o.last.status < 500 && slices.Contains(m.want, o.last.status) && o.last.status != 200 && *remoteRecovery < time.Minute {
		return
	}
	if o.last.status != 200 {
		t.Fatalf("%v after the upstream is well the answer is %d: %.300s", o.recovered, o.last.status, o.last.body)
	}
	o.last.mustBeThePhoto(t)
	if !bytes.Equal(o.original.body, thePhoto()) {
		t.Errorf("the original is answered %d, with %d bytes, and has %d", o.original.status, len(o.original.body), len(thePhoto()))
	}
}

// checkRefusal checks what holds for every refusal: it says what is wrong in the usual form, is not kept for long, and names nothing that
// only the machine inside can see.
func checkRefusal(t *testing.T, r received) {
	t.Helper()
	if kind := r.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("the answer %d has the type %q", r.status, kind)
	}
	if r.header.Get("Calotype-Error") == "" {
		t.Errorf("the answer %d has no Calotype-Error", r.status)
	}
	keep := r.header.Get("Cache-Control")
	if r.status >= 500 && keep != "no-store" {
		t.Errorf("the answer %d may be kept: %q", r.status, keep)
	}
	if _, age, found := strings.Cut(keep, "max-age="); found {
		if seconds, err := strconv.Atoi(age); err != nil || seconds > 60 {
			t.Errorf("the answer %d is kept for more than a minute: %q", r.status, keep)
		}
	}
	if after := r.header.Get("Retry-After"); after != "" {
		if seconds, err := strconv.Atoi(after); err != nil || seconds < 1 || seconds > 3600 {
			t.Errorf("Retry-After is %q", after)
		}
	}
	if bytes.Contains(r.body, []byte("127.77.")) {
		t.Errorf("the answer names an address inside: %s", r.body)
	}
}

// An upstream at which nothing listens, and one that lets nobody in, are answered like those that misbehave.
func TestRemoteUpstreamsThatAreNotThere(t *testing.T) {
	t.Parallel()
	closed, full := newUpstream(t), newUpstream(t)
	closed.goes()
	full.goes()
	stop := fullQueue(t, full.listener.Addr().(*net.TCPAddr))
	nowhere := "http://nowhere.invalid"
	s := start(t, remoteArguments(strings.Join([]string{closed.root(), full.root(), nowhere}, ","))...)
	root := "http://" + s.address
	for _, c := range []struct {
		name, url string
		want      []int
	}{
		{"refused", closed.url("/photo.jpg"), broken},
		{"never let in", full.url("/photo.jpg"), brokenSlow},
		{"no such name", nowhere + "/photo.jpg", brokenSlow},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			got := get(t, root, proxied(c.url)+"/resize:48.jpg")
			if !slices.Contains(c.want, got.status) || time.Since(began) > remoteTimeout+remoteSlack {
				t.Errorf("it is answered %d after %v, want one of %v: %s", got.status, time.Since(began), c.want, got.body)
			}
			checkRefusal(t, got)
		})
	}
	stop()
	closed.returns()
	full.returns()
	for _, u := range []*upstream{closed, full} {
		if took, well := until(*remoteRecovery, func() bool { return get(t, root, proxied(u.url("/photo.jpg"))+"/resize:48.jpg").status == 200 }); !well {
			t.Errorf("%s is not asked again within %v", u.root(), took)
		}
	}
}

// fullQueue listens at an address, takes no connection, and makes as many as the kernel keeps for it, so that a further one is not answered. The
// function that it returns ends that.
func fullQueue(t *testing.T, at *net.TCPAddr) func() {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	address := &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}
	syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err := errors.Join(syscall.Bind(socket, address), syscall.Listen(socket, 0)); err != nil {
		t.Fatal(err)
	}
	var held []net.Conn
	for {
		conn, err := net.DialTimeout("tcp", at.String(), 300*time.Millisecond)
		if err != nil {
			break
		}
		if held = append(held, conn); len(held) > 100 {
			t.Fatal("the kernel takes more than a hundred connections that nobody accepts")
		}
	}
	return func() {
		for _, conn := range held {
			conn.Close()
		}
		syscall.Close(socket)
	}
}

// What an upstream sends behind its answer is no answer to the next request to it.
func TestRemoteAnswersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	other := hugePNG(1, 1)
	u.does(func(e *exchange) {
		keep := func(kind string, body []byte) string {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: max-age=60\r\n\r\n%s", kind, len(body), body)
		}
		e.say(keep("image/jpeg", thePhoto()) + keep("image/png", other))
		if e.read() { // on the same connection
			e.say(keep("image/jpeg", thePhoto()))
		}
	})
	s := remotely(t, []*upstream{u})
	for i := range 5 {
		get(t, "http://"+s.address, proxied(u.url(fmt.Sprintf("/%d.jpg", i)))+"/resize:48.jpg").mustBeThePhoto(t)
	}
}
