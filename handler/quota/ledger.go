package quota

import "time"

// maxEntries bounds what is remembered of all originals and clients. An entry is an original, a client, or a print of one of
// them, in one half of the window. It takes at most entryBytes, so that all take at most 80 MB.
const (
	maxEntries = 2_000_000
	entryBytes = 40
)

// A ledger holds the counts of one kind of key.
type ledger struct {
	what    string
	running half
	before  half
	fresh   int // keys that are in running and not in before
}

// A half is what was counted in one half of a window. Both maps are free of pointers, so that the garbage collector does not
// read them.
type half struct {
	counts map[uint64]int      // prints by key
	prints map[uint64]struct{} // hashes of key and print
}

func newHalf() half { return half{map[uint64]int{}, map[uint64]struct{}{}} }

func newLedger(what string) ledger {
	return ledger{what: what, running: newHalf(), before: newHalf()}
}

func (h half) entries() int { return len(h.counts) + len(h.prints) }

func (l *ledger) entries() int { return l.running.entries() + l.before.entries() }

// keys returns how many keys are counted.
func (l *ledger) keys() int { return len(l.before.counts) + l.fresh }

// remembers tells whether a print is counted already.
func (l *ledger) remembers(print uint64) bool {
	_, now := l.running.prints[print]
	_, then := l.before.prints[print]
	return now || then
}

// allows tells whether a print may be made within a limit, and if not, how long to wait. left is what remains of the running half, half
// the length of one.
func (l *ledger) allows(key, print uint64, limit int, left, half time.Duration) (retry time.Duration, allowed bool) {
	before := l.before.counts[key]
	switch {
	case l.running.counts[key]+before < limit || l.remembers(print):
		return 0, true
	case before > 0:
		return left, false // when before is forgotten there is room
	}
	return left + half, false
}

// count remembers a print of a key.
func (l *ledger) count(key, print uint64) {
	if l.remembers(print) {
		return
	}
	if l.running.counts[key] == 0 && l.before.counts[key] == 0 {
		l.fresh++
	}
	l.running.counts[key]++
	l.running.prints[print] = struct{}{}
}

// shift begins a new half.
func (l *ledger) shift() {
	l.before, l.running, l.fresh = l.running, newHalf(), 0
}

// forget begins anew.
func (l *ledger) forget() {
	l.before, l.running, l.fresh = newHalf(), newHalf(), 0
}
