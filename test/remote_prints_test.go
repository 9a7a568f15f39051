//go:build remote

package test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var distinctPrints = flag.Int("distinct", 3000, "how many different prints of one original are asked for")

// distinct are different prints of a photo, 190,000 of them: another part each time, in one of ten qualities. All are of about 15 KB.
func distinct(n int) string {
	x, y := n%100, n/100%190
	return fmt.Sprintf("/crop:%d~%d~380~130/quality:%d.jpg", x, y, 90+n/19_000%10)
}

// Somebody who asks for every print there is, of an image elsewhere and in open mode, fills neither memory nor disk, does not drive out what
// everybody looks at, and has the upstream asked once.
func TestRemoteVeryManyPrints(t *testing.T) {
	// The hot set is two thirds of what memory holds.
	const (
		memory, inMemory, onDisk = 1 << 30, 2 << 20, 16 << 20
		hot, clients             = 100, 4
		mostPoints               = 5
	)
	u := newUpstream(t)
	u.does(func(e *exchange) {
		e.say(head("200 OK", "Content-Type: image/jpeg", "Cache-Control: max-age=31536000", fmt.Sprintf("Content-Length: %d", len(thePhoto()))), thePhoto())
	})
	prints := filepath.Join(t.TempDir(), "prints")
	s := remotely(t, []*upstream{u}, "--memory", strconv.Itoa(memory), "--cache-bytes", strconv.Itoa(inMemory), "--cache-dir", prints, "--cache-dir-bytes", strconv.Itoa(onDisk))
	root, source := "http://"+s.address, proxied(u.url("/photo.jpg"))
	isHot := func(n int) string { return fmt.Sprintf("%s/resize:%d/quality:91.webp", source, 301+n) }

	var most struct{ memory, disk atomic.Int64 }
	watch := func(stop <-chan struct{}) {
		for {
			most.memory.Store(max(most.memory.Load(), resident(s.process.Pid)))
			most.disk.Store(max(most.disk.Load(), blocksBelow(prints)))
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
	// One in two requests is for one of the hot prints, of which some are asked for much more often than others, as on any site.
	load := func(rounds, from int, others bool) (hits, inMemory, asked float64) {
		var mutex sync.Mutex
		together(clients, func(c int) {
			random := rand.New(rand.NewPCG(uint64(from), uint64(c)))
			zipf := rand.NewZipf(random, 1.1, 10, hot-1)
			for i := range rounds / clients {
				r, err := sendTarget(http.MethodGet, root, isHot(int(zipf.Uint64())))
				status := r.header.Get("Cache-Status")
				mutex.Lock()
				asked++
				if strings.HasPrefix(status, "calotype; hit") {
					hits++
				}
				if status == "calotype; hit" {
					inMemory++
				}
				mutex.Unlock()
				if err != nil || r.status != 200 {
					t.Errorf("a print of the hot set is answered %d, %v: %.200s", r.status, err, r.body)
					return
				}
				if !others {
					continue
				}
				target := source + distinct(from+i*clients+c)
				if r, err := sendTarget(http.MethodGet, root, target); err != nil || r.status != 200 {
					t.Errorf("%s is answered %d, %v: %.200s", target, r.status, err, r.body)
					return
				}
			}
		})
		return 100 * hits / asked, 100 * inMemory / asked, asked
	}

	for n := range hot {
		get(t, root, isHot(n)).must(t, 200, "")
	}
	load(5*hot, 0, false)
	before, beforeInMemory, _ := load(max(*distinctPrints/4, 5*hot), 1, false)
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() { watch(stop); close(watched) }()
	began := time.Now()
	during, duringInMemory, asked := load(*distinctPrints, 2, true)
	took := time.Since(began)
	close(stop)
	<-watched
	t.Logf("%.0f different prints in %v: the hot set is hit in %.1f %% of all cases before and %.1f %% during, in memory %.1f %% and %.1f %%; at most %d MiB of memory and %.1f MiB of disk",
		asked, took.Round(time.Second), before, during, beforeInMemory, duringInMemory, most.memory.Load()>>20, float64(most.disk.Load())/(1<<20))
	if before-during > mostPoints {
		t.Errorf("the hot set is hit in %.1f %% of all cases, and in %.1f %% while others ask for everything", before, during)
	}
	if held := most.memory.Load(); held > memory || held == 0 {
		t.Errorf("server and workers hold %d MiB, and may hold %d", held>>20, memory>>20)
	}
	if taken := most.disk.Load(); taken > onDisk || taken == 0 {
		t.Errorf("prints take %d KiB of the disk, and may take %d", taken>>10, onDisk>>10)
	}
	if n := u.connections.Load(); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

// Who has had as many different prints of an original as he may is told when to come back, and what he is told is true.
func TestRemoteTooManyPrints(t *testing.T) {
	t.Parallel()
	const limit = 20
	u := newUpstream(t)
	cutout, err := os.ReadFile(sample(t, "cutout.png"))
	if err != nil {
		t.Fatal(err)
	}
	u.does(func(e *exchange) {
		if e.target == "/other.png" {
			e.say(withLength(len(cutout)), cutout)
			return
		}
		e.photo()
	})
	s := remotely(t, []*upstream{u}, "--prints-per-hour", strconv.Itoa(limit), "--trusted", "loopback")
	root, source := "http://"+s.address, proxied(u.url("/photo.jpg"))
	ask := func(n int, client string) received {
		return get(t, root, fmt.Sprintf("%s/resize:%d.jpg", source, 10+n), "X-Forwarded-For", client)
	}
	for n := range limit {
		ask(n, "192.0.2.1").must(t, 200, "")
	}
	back := func(r received) time.Time {
		seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
		if err != nil || seconds < 1 || seconds > 3600 || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Retry-After is %q, Cache-Control %q", r.header.Get("Retry-After"), r.header.Get("Cache-Control"))
		}
		return time.Now().Add(time.Duration(seconds) * time.Second)
	}
	first := back(ask(limit, "192.0.2.1").must(t, 429, ""))
	time.Sleep(3 * time.Second)
	// It names a moment, which stays the same, whoever asks and for whatever.
	for n, client := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"} {
		if later := back(ask(limit+1+n, client).must(t, 429, "")); later.Sub(first).Abs() > 2*time.Second {
			t.Errorf("one was told to come back at %v, another at %v", first, later)
		}
	}
	// What was made is still to be had, and other images are.
	for n := range limit {
		ask(n, "192.0.2.3").must(t, 200, "")
	}
	get(t, root, proxied(u.url("/other.png"))+"/resize:48.png", "X-Forwarded-For", "192.0.2.1").must(t, 200, "")
	if *waitOut {
		time.Sleep(time.Until(first) + time.Second)
		ask(limit, "192.0.2.1").must(t, 200, "")
	}
}

var waitOut = flag.Bool("wait", false, "wait for as long as Retry-After says, up to an hour")

// resident is the memory of a process and those that it has started, what they share counted once.
func resident(pid int) (bytes int64) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, thread := range threads {
		children, _ := os.ReadFile(thread)
		for _, child := range strings.Fields(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				bytes += resident(n)
			}
		}
	}
	rollup, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	for line := range strings.Lines(string(rollup)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			bytes += n << 10
		}
	}
	return bytes
}

// blocksBelow is what the files of a folder take of the disk, in whole blocks.
func blocksBelow(folder string) (bytes int64) {
	const block = 4 << 10
	filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return nil // it went meanwhile
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			bytes += (info.Size() + block - 1) / block * block
		}
		return nil
	})
	return bytes
}
