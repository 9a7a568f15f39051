//go:build hostile && linux

package test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// private asks the listener for those who run the service.
func (s *service) private(t testing.TB, target string) []byte {
	t.Helper()
	base := strings.TrimSuffix(s.metricsAddress(), "/metrics")
	if base == "" {
		t.Fatal("the program tells of no page of metrics")
	}
	c := newClient(base)
	defer c.close()
	a := c.do(t.Context(), http.MethodGet, target, nil)
	if a.status != http.StatusOK {
		t.Fatalf("%s is answered %d %v: %.200s", target, a.status, a.err, a.body)
	}
	return a.body
}

// numbers are the metrics, by name and labels as they are written.
func (s *service) numbers(t testing.TB) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for line := range strings.Lines(string(s.private(t, "/metrics"))) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			all[series] = number
		}
	}
	return all
}

// goroutines is how many the server has.
func (s *service) goroutines(t testing.TB) int {
	t.Helper()
	first, _, _ := bytes.Cut(s.private(t, "/debug/pprof/goroutine?debug=1"), []byte("\n"))
	_, total, _ := strings.Cut(string(first), "total ")
	n, err := strconv.Atoi(total)
	if err != nil {
		t.Fatalf("the profile of goroutines begins with %q", first)
	}
	return n
}

// A child is a process that the server has started.
type child struct {
	pid   int
	state string // R runs, S sleeps, T is stopped, Z has ended and was not waited for
}

// children returns those that there are.
func (s *service) children() (all []child) {
	pids, known := s.childrenByThread()
	if !known {
		files, _ := filepath.Glob("/proc/[0-9]*")
		for _, file := range files {
			pids = append(pids, filepath.Base(file))
		}
	}
	for _, name := range pids {
		fields := statOf(name)
		pid, err := strconv.Atoi(name)
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(s.process.Pid) {
			all = append(all, child{pid, fields[0]})
		}
	}
	return all
}

// childrenByThread asks for the children of each thread. Not every kernel tells.
func (s *service) childrenByThread() (pids []string, known bool) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.process.Pid))
	for _, file := range files {
		text, _ := os.ReadFile(file) // empty if the thread has ended
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids, len(files) > 0
}

// statOf returns the fields of proc_pid_stat(5) from the third on, or none if the process has ended.
func statOf(pid string) []string {
	text, _ := os.ReadFile("/proc/" + pid + "/stat")
	// The second field is the name in brackets, which may hold anything.
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// holdings are what a server must give back after it was busy.
type holdings struct{ descriptors, goroutines, children, zombies, ready int }

func (s *service) holdings(t testing.TB) (h holdings) {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	h = holdings{descriptors: len(files), goroutines: s.goroutines(t), ready: int(s.numbers(t)[`calotype_workers{state="ready"}`])}
	for _, c := range s.children() {
		h.children++
		if c.state == "Z" {
			h.zombies++
		}
	}
	return h
}

// rest returns what the server holds once it has nothing to do and keeps no connection that is not used.
func (s *service) rest(t testing.TB) (h holdings) {
	t.Helper()
	for range 100 {
		before := h
		time.Sleep(500 * time.Millisecond)
		if h = s.holdings(t); h == before {
			break
		}
	}
	return h
}

// settles waits until the server holds about what it did before, as many workers being ready, and fails the test if it does not come
// to that.
func (s *service) settles(t testing.TB, before holdings) {
	t.Helper()
	// Idle connections of the test's own, and what serves them.
	const few = 5
	var now holdings
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		now = s.holdings(t)
		if now.descriptors <= before.descriptors+few && now.goroutines <= before.goroutines+few &&
			now.children == before.children && now.zombies == 0 && now.ready == before.ready {
			t.Logf("the server held %+v before and holds %+v after", before, now)
			return
		}
	}
	t.Errorf("the server held %+v before; a minute after it holds %+v", before, now)
}

// held is the memory of the server and its workers together, in bytes: pages that several share count once where the system
// tells, which it does to root.
func (s *service) held() (sum int64) {
	for _, c := range append(s.children(), child{pid: s.process.Pid}) {
		file, name := "smaps_rollup", "Pss:"
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.pid, file))
		if err != nil {
			text, _ = os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid)) // empty if it has ended since
			name = "VmRSS:"
		}
		for line := range strings.Lines(string(text)) {
			if value, found := strings.CutPrefix(line, name); found {
				kibi, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
				sum += kibi << 10
			}
		}
	}
	return sum
}

// A moment is what the system tells at one time. Processor times are in seconds, of all cores together, since any time.
type moment struct {
	at   time.Time
	busy float64    // of all processes
	ours [3]float64 // of the server, of its workers and those that it had, and of this test
	held int64      // bytes
}

type moments []moment

// observe looks ten times a second until stop is closed, and at memory, which takes the system milliseconds to count, twice.
func (s *service) observe(stop <-chan struct{}) (all moments) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		m := moment{at: time.Now()}
		if len(all)%5 == 0 {
			m.held = s.held()
		}
		m.busy, m.ours = s.processorTime()
		all = append(all, m)
		select {
		case <-stop:
			return all
		case <-ticker.C:
		}
	}
}

// processorTime reads proc_stat(5) and proc_pid_stat(5).
func (s *service) processorTime() (busy float64, ours [3]float64) {
	const tick = 0.01
	sum := func(fields []string, which ...int) (ticks float64) {
		for _, i := range which {
			if i < len(fields) {
				n, _ := strconv.ParseFloat(fields[i], 64)
				ticks += n
			}
		}
		return ticks * tick
	}
	text, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(text), "\n")
	busy = sum(strings.Fields(first), 1, 2, 3, 6, 7, 8) // all but idle, and guests, who are counted as users
	for _, c := range append(s.children(), child{pid: s.process.Pid}, child{pid: os.Getpid()}) {
		// The times of the process, and for the server those of workers that have ended.
		fields := statOf(strconv.Itoa(c.pid))
		switch c.pid {
		case s.process.Pid:
			ours[0] += sum(fields, 11, 12)
			ours[1] += sum(fields, 13, 14)
		case os.Getpid():
			ours[2] += sum(fields, 11, 12)
		default:
			ours[1] += sum(fields, 11, 12)
		}
	}
	return busy, ours
}

// shares returns how much of all cores the server, its workers, this test and all other processes took between two times, each
// from 0 to 1.
func (all moments) shares(from, to time.Time) (shares [4]float64) {
	var within moments
	for _, m := range all {
		if !m.at.Before(from) && !m.at.After(to) {
			within = append(within, m)
		}
	}
	if len(within) < 2 {
		return shares
	}
	first, last := within[0], within[len(within)-1]
	cores := last.at.Sub(first.at).Seconds() * float64(runtime.NumCPU())
	shares[3] = (last.busy - first.busy) / cores
	for i := range first.ours {
		shares[i] = (last.ours[i] - first.ours[i]) / cores
		shares[3] -= shares[i]
	}
	shares[3] = min(max(shares[3], 0), 0.99)
	return shares
}

// most is the most memory that was held, in bytes.
func (all moments) most() (most int64) {
	for _, m := range all {
		most = max(most, m.held)
	}
	return most
}
