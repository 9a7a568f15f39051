//go:build hostile && linux

package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An injector sends signals to workers that are up, busy or not.
type injector struct {
	service *service
	random  *rand.Rand
	up      map[int]time.Time // since when, as far as was seen
}

func newInjector(s *service) *injector {
	return &injector{s, rand.New(rand.NewPCG(1, 1)), map[int]time.Time{}}
}

// targets are the workers that are up, in random order. One that only starts is no worker yet, and on a slow machine there would soon
// be no others.
func (i *injector) targets() (pids []int) {
	const settled = 50 * time.Millisecond
	for _, c := range i.service.children() {
		since, seen := i.up[c.pid]
		switch {
		case c.state == "Z":
		case seen && time.Since(since) > settled:
			pids = append(pids, c.pid)
		case !seen && lockedIn(c.pid):
			i.up[c.pid] = time.Now()
		}
	}
	i.random.Shuffle(len(pids), func(a, b int) { pids[a], pids[b] = pids[b], pids[a] })
	return pids
}

// lockedIn tells whether a process filters its system calls, which a worker does from when it is ready.
func lockedIn(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // empty if it has ended
	return strings.Contains(string(text), "\nSeccomp:\t2\n")
}

// send sends the signal to so many workers at most, and returns a fault for each.
func (i *injector) send(signal syscall.Signal, most int) (sent []fault) {
	pids := i.targets()
	for _, pid := range pids[:min(most, len(pids))] {
		f := fault{at: time.Now(), signal: signal}
		if syscall.Kill(pid, signal) == nil {
			sent = append(sent, f)
		}
	}
	return sent
}

// sendAll sends faults of all kinds, ten times a second or less.
func (i *injector) sendAll(t testing.TB, count int) (sent []fault) {
	last := time.Now()
	for len(sent) < count {
		most, signal := 1, syscall.SIGKILL
		switch n := i.random.IntN(100); {
		case n < 30:
			signal = syscall.SIGSEGV
		case n < 60:
			signal = syscall.SIGABRT
		case n < 70:
			signal = syscall.SIGSTOP
		case n < 75:
			most = 100 // all of them
		}
		if some := i.send(signal, min(most, count-len(sent))); len(some) > 0 {
			sent, last = append(sent, some...), time.Now()
		}
		if time.Since(last) > 30*time.Second {
			t.Error("for 30 seconds no worker was there that is locked in")
			return sent
		}
		time.Sleep(time.Duration(50+i.random.IntN(100)) * time.Millisecond)
	}
	return sent
}
