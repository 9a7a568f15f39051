package transform

import (
	"sync"
	"time"
)

// When decoders fail as often as no customer makes them fail, somebody sends hostile images.
const (
	alarmFailures = 3 // within
	alarmWindow   = 2 * time.Second
	alarmTime     = 30 * time.Second // for which the alarm lasts after the last of them

	mostProven = 20_000 // originals, of some 150 bytes each
)

// A trust knows which originals decoders have coped with. While there is an alarm, all others are suspects: each may cost a worker,
// and while that is replaced it must not be missed by those who mean no harm. The zero value trusts nobody and is not alarmed.
type trust struct {
	mutex    sync.Mutex
	proven   map[string]struct{}
	failures [alarmFailures]time.Time // the last ones, in a ring
	next     int                      // in failures
	until    time.Time                // that the alarm lasts
}

// alarmed tells whether somebody is sending hostile images.
func (t *trust) alarmed() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return time.Now().Before(t.until)
}

// suspects tells whether an original is to be held apart now. An original without a name is one that nobody knows.
func (t *trust) suspects(original string) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if !time.Now().Before(t.until) {
		return false
	}
	_, proven := t.proven[original]
	return !proven
}

// worked notes that a print was made of an original.
func (t *trust) worked(original string) {
	if original == "" {
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.proven == nil {
		t.proven = map[string]struct{}{}
	}
	t.proven[original] = struct{}{}
	for some := range t.proven { // any: it is proven again by its next print
		if len(t.proven) <= mostProven {
			return
		}
		if some != original {
			delete(t.proven, some)
		}
	}
}

// failed notes that a decoder has failed.
func (t *trust) failed() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := time.Now()
	t.failures[t.next] = now
	t.next = (t.next + 1) % alarmFailures
	if first := t.failures[t.next]; now.Sub(first) < alarmWindow || now.Before(t.until) {
		t.until = now.Add(alarmTime)
	}
}
