//go:build remote

package test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// Somebody who asks for very many originals fills neither memory nor disk, and what everybody looks at is not fetched again and again for that.
func TestRemoteVeryManySources(t *testing.T) {
	const (
		sources, clients = 1200, 4 // of 29 KB each
		memory, onDisk   = 1 << 30, 16 << 20
	)
	u := newUpstream(t)
	var hot atomic.Int64
	u.does(func(e *exchange) {
		if e.target == "/hot.jpg" {
			hot.Add(1)
		}
		// Each has bytes of its own, behind the picture.
		e.say(withLength(len(thePhoto())+len(e.target)), thePhoto(), e.target)
	})
	data := t.TempDir()
	s := remotelyIn(t, data, []*upstream{u}, "--memory", strconv.Itoa(memory), "--source-bytes", strconv.Itoa(onDisk), "--source-floor", "10m")
	root, folder := "http://"+s.address, filepath.Join(data, "sources")
	var mostMemory, mostOnDisk int64
	together(clients, func(c int) {
		for n := c; n < sources; n += clients {
			for _, target := range []string{
				proxied(u.url(fmt.Sprintf("/%d.jpg", n))) + "/resize:48.jpg",
				proxied(u.url("/hot.jpg")) + fmt.Sprintf("/resize:%d.jpg", 20+n%400), // which needs the original
			} {
				if r, err := sendTarget(http.MethodGet, root, target); err != nil || r.status != 200 {
					t.Errorf("%s is answered %d, %v: %.200s", target, r.status, err, r.body)
					return
				}
			}
			if c == 0 && n%(20*clients) == 0 {
				mostMemory, mostOnDisk = max(mostMemory, resident(s.process.Pid)), max(mostOnDisk, blocksBelow(folder))
			}
		}
	})
	t.Logf("%d originals: at most %d MiB of memory and %.1f MiB of disk; the one that all look at was fetched %d times", sources, mostMemory>>20, float64(mostOnDisk)/(1<<20), hot.Load())
	if mostMemory > memory || mostMemory == 0 {
		t.Errorf("server and workers hold %d MiB, and may hold %d", mostMemory>>20, memory>>20)
	}
	if mostOnDisk > onDisk || mostOnDisk < onDisk/2 {
		t.Errorf("originals take %d KiB of the disk, and may take %d", mostOnDisk>>10, onDisk>>10)
	}
	if n := hot.Load(); n != 1 {
		t.Errorf("what all look at was fetched %d times", n)
	}
}

// A program that is killed in the middle of a fetch leaves nothing behind that the next one takes for a picture.
func TestRemoteKilledWhileItFetches(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	half := make(chan struct{}, 8)
	u.does(func(e *exchange) {
		e.say(withLength(len(thePhoto())), thePhoto()[:20_000])
		half <- struct{}{}
		e.linger()
	})
	data := t.TempDir()
	first, command := startIn(t, data, os.Stderr, remoteArguments(u.root())...)
	target := proxied(u.url("/photo.jpg"))
	go sendTarget(http.MethodGet, "http://"+first.address, target)
	<-half
	time.Sleep(100 * time.Millisecond) // in which what was sent is written
	command.Process.Kill()
	command.Wait()
	u.becomes(nil)
	second := remotelyIn(t, data, []*upstream{u})
	get(t, "http://"+second.address, target+"/resize:48.jpg").mustBeThePhoto(t)
	if got := get(t, "http://"+second.address, target).must(t, 200, ""); len(got.body) != len(thePhoto()) {
		t.Errorf("the original has %d bytes, want %d", len(got.body), len(thePhoto()))
	}
	if parts, err := os.ReadDir(filepath.Join(data, "sources", "new")); err != nil || len(parts) != 0 {
		t.Errorf("%d parts of files are left, %v", len(parts), err)
	}
}

// A host that takes all connections and says nothing holds up nobody but those who ask for what it has: fetches take no worker, and one host not all
// fetches that there may be.
func TestRemoteSlowHostHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	slowHost, other := newUpstream(t), newUpstream(t)
	slowHost.does((*exchange).linger)
	s := remotely(t, []*upstream{slowHost, other})
	root := "http://" + s.address
	const waiting = 200
	answers := make([]received, waiting)
	took := make([]time.Duration, waiting)
	done := make(chan struct{})
	go func() {
		defer close(done)
		together(waiting, func(i int) {
			began := time.Now()
			answers[i], _ = sendTarget(http.MethodGet, root, proxied(slowHost.url(fmt.Sprintf("/%d.jpg", i)))+"/resize:48.jpg")
			took[i] = time.Since(began)
		})
	}()
	until(remoteTimeout, func() bool { return slowHost.connections.Load() > 0 })
	n := 0
	for waits := true; waits; n++ {
		began := time.Now()
		get(t, root, proxied(other.url(fmt.Sprintf("/%d.jpg", n)))+"/resize:48.jpg").mustBeThePhoto(t)
		if took := time.Since(began); took > remoteTimeout/2 {
			t.Errorf("a picture of another host takes %v meanwhile", took)
		}
		select {
		case <-done:
			waits = false
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Logf("%d pictures of another host came meanwhile", n)
	for i, a := range answers {
		if !slices.Contains([]int{503, 504}, a.status) || took[i] > remoteTimeout+remoteSlack {
			t.Errorf("one who asks for what the slow host has is answered %d after %v: %.200s", a.status, took[i], a.body)
		}
	}
	if n := slowHost.connections.Load(); n > waiting {
		t.Errorf("the slow host was asked %d times for %d pictures", n, waiting)
	}
}

// All who want one original at once, in whatever size, wait for one fetch.
func TestRemoteManyWantOne(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	u.does(func(e *exchange) {
		time.Sleep(500 * time.Millisecond)
		e.photo()
	})
	s := remotely(t, []*upstream{u})
	const clients = 200
	got := make([]received, clients)
	together(clients, func(i int) {
		got[i], _ = sendTarget(http.MethodGet, "http://"+s.address, proxied(u.url("/photo.jpg"))+fmt.Sprintf("/resize:%d/extend:48,32/crop:48,32.jpg", 9+i%40))
	})
	for _, r := range got {
		r.mustBeThePhoto(t)
	}
	if n := u.connections.Load(); n != 1 {
		t.Errorf("the host was asked %d times", n)
	}
}
