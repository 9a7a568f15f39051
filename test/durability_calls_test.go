//go:build durability && linux && amd64

package test

import (
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// misfaults are what befalls each system call of an upload in turn.
var misfaults = []misfault{{syscall.EIO}, {syscall.ENOSPC}, {syscall.EMFILE}, {syscall.EINTR}, {syscall.EDQUOT}, {}}

// Each system call about a file that an upload makes fails once, in each of several ways. The upload is acknowledged only if it then survives
// a loss of power, else it is refused with a status that fits; nothing of it is there by halves, and the next one succeeds.
func TestDurabilitySystemCalls(t *testing.T) {
	failCalls(t, *callEvery, func(l *ledger, c *http.Client, address string, d deposit) (string, int, string) {
		return l.upload(c, address, d, false)
	})
}

// So it is with an upload in two parts. If it is refused, it can go on in the end.
func TestDurabilitySystemCallsOfParts(t *testing.T) {
	every := *callEvery
	if every > 1 {
		every *= 4 // it makes twice as many calls, most of which fail above, too
	}
	failCalls(t, every, func(l *ledger, c *http.Client, address string, d deposit) (string, int, string) {
		return l.uploadInParts(c, address, d, 2)
	})
}

// failCalls has the calls of an upload that is sent so fail, every so many-th of them.
func failCalls(t *testing.T, every int, send func(l *ledger, c *http.Client, address string, d deposit) (id string, status int, answer string)) {
	v := newVolume(t, "ext4", newImage(t), 4<<30)
	k := newKeeper(t, filepath.Join(v.folder, "data"), keepingFree(t, "1MiB")...)
	l := newLedger(t, 50_000)
	k.start(t)
	trial := &callTrial{send: send, volume: v, keeper: k, ledger: l, failed: map[string]int{}}
	trial.enumerate(t)
	for _, fault := range misfaults {
		trial.answers = map[int]int{}
		tried := 0
		for at := 0; trial.try(t, fault, at, l.draw(every) == 0); at++ {
			tried++
			if at > 1000 {
				t.Fatal("an upload makes no end of system calls")
			}
		}
		t.Logf("%-11s in each of %d calls, or some of them; uploads were answered %v", fault, tried, trial.answers)
	}
	l.check(t, k.address, true)
	k.kill()
	v.recover(t)
	k.restart(t)
	l.check(t, k.address, true)
	for _, call := range slices.Sorted(maps.Keys(trial.failed)) {
		t.Logf("%4d × %s", trial.failed[call], call)
	}
	t.Logf("%d system calls failed, %d of those uploads were acknowledged all the same, and found after a loss of power", trial.count, trial.cuts)
}

// A callTrial makes system calls fail, one after the other.
type callTrial struct {
	send    func(l *ledger, c *http.Client, address string, d deposit) (id string, status int, answer string)
	volume  *volume
	keeper  *keeper
	ledger  *ledger
	answers map[int]int    // of uploads that a call failed in, by status
	failed  map[string]int // by the call and what it was about
	count   int
	cuts    int
}

// enumerate tells which calls an upload makes, if none fails.
func (c *callTrial) enumerate(t *testing.T) {
	c.upload(t) // the first one makes folders and the like
	tr := traceFiles(t, c.keeper.process.Pid, c.keeper.data, -1, misfault{syscall.EIO})
	c.upload(t)
	tr.leave(t)
	var calls []string
	for _, call := range tr.seen {
		calls = append(calls, call.name+" "+subjectOf(call.path))
	}
	t.Logf("an upload makes %d calls about files: %s", len(calls), strings.Join(calls, ", "))
	if !slices.Contains(calls, "fsync blobs") && !slices.Contains(calls, "fsync spool") && !slices.Contains(calls, "fsync uploads") {
		t.Error("an upload syncs no file, or it is not seen")
	}
}

// subjectOf tells what kind of file a path in the data folder is.
func subjectOf(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return strings.TrimSuffix(first, " (deleted)")
}

// upload sends a new picture, which must be taken.
func (c *callTrial) upload(t *testing.T) {
	t.Helper()
	client := connection()
	defer client.CloseIdleConnections()
	if _, status, answer := c.send(c.ledger, client, c.keeper.address, c.deposit()); status != http.StatusCreated {
		t.Fatalf("an upload is answered %d: %s", status, answer)
	}
}

// deposit returns new bytes: those that were sent before may need fewer calls.
func (c *callTrial) deposit() deposit {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	return deposit{c.ledger.random.Uint64(), 20_000 + c.ledger.random.IntN(60_000)}
}

// faulty sends an upload during which the call fails, and tells which that was, and what was answered.
func (c *callTrial) faulty(t *testing.T, fault misfault, at int) (call *fileCall, id string, status int, answer string) {
	t.Helper()
	client := connection()
	defer client.CloseIdleConnections()
	tr := traceFiles(t, c.keeper.process.Pid, c.keeper.data, at, fault)
	id, status, answer = c.send(c.ledger, client, c.keeper.address, c.deposit())
	tr.leave(t)
	if tr.struck {
		call = &tr.seen[at]
	}
	return call, id, status, answer
}

// try has a call fail, unless it is left out, and returns false if an upload makes fewer calls.
func (c *callTrial) try(t *testing.T, fault misfault, at int, chosen bool) bool {
	t.Helper()
	if !chosen {
		// Whether there are that many calls is found out at the next that is chosen.
		return true
	}
	call, _, status, answer := c.faulty(t, fault, at)
	if call == nil {
		if status != http.StatusCreated {
			t.Errorf("an upload in which nothing failed is answered %d: %s", status, answer)
		}
		return false
	}
	c.count++
	c.answers[status]++
	c.failed[call.name+" "+subjectOf(call.path)]++
	what := fmt.Sprintf("%v in call %d, %s", fault, at, call)
	if !fits(fault, *call, status) {
		t.Errorf("%s: the upload is answered %d: %s", what, status, answer)
	}
	c.recovers(t, what)
	c.ledger.check(t, c.keeper.address, false)
	if status != http.StatusCreated {
		return true
	}
	// It is asked again: what came after the first may have made it durable.
	if call, id, status, _ := c.faulty(t, fault, at); status == http.StatusCreated && call != nil {
		c.cuts++
		c.volume.cut(t)
		c.keeper.kill()
		c.volume.recover(t)
		c.keeper.restart(t)
		c.ledger.check(t, c.keeper.address, false)
		if c.ledger.kept[id] == (fingerprint{}) {
			t.Errorf("%s: the upload was acknowledged, and was lost with the power", what)
		}
	}
	return true
}

// taking are the calls that can use up room.
var taking = []string{"openat", "mkdirat", "write", "fsync", "renameat"}

// fits tells whether a status tells the truth of a fault: what the disk has no room for is 507. SQLite does not always tell that from other errors of
// the disk, and other calls never run out of room.
func fits(fault misfault, call fileCall, status int) bool {
	inIndex := strings.HasPrefix(call.path, "index.sqlite")
	full := fault.errno == syscall.ENOSPC || fault.errno == syscall.EDQUOT
	switch {
	case status == http.StatusCreated: // if it is there in the end
		return true
	case fault.errno == 0 || fault.errno == syscall.EINTR && !inIndex: // nothing was wrong
		return false
	case full && !inIndex && slices.Contains(taking, call.name):
		return status == http.StatusInsufficientStorage
	case full && status == http.StatusInsufficientStorage:
		return true
	}
	return status == http.StatusInternalServerError || status == http.StatusServiceUnavailable
}

// recovers sends uploads until one is taken.
func (c *callTrial) recovers(t *testing.T, after string) {
	t.Helper()
	client := connection()
	defer client.CloseIdleConnections()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		_, status, answer := c.send(c.ledger, client, c.keeper.address, c.deposit())
		if status == http.StatusCreated {
			return
		}
		if time.Since(began) > recoverTime {
			t.Fatalf("%v after %s an upload is still answered %d: %s", recoverTime, after, status, answer)
		}
	}
}
