//go:build durability && linux

package test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// keepingFree are arguments by which the program leaves so many bytes of a disk free.
func keepingFree(t testing.TB, bytes string) []string {
	t.Helper()
	help, err := exec.Command(binary(t), "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	if option := regexp.MustCompile(`--[a-z-]*free[a-z-]*`).Find(help); option != nil {
		return []string{string(option) + "=" + bytes}
	}
	return nil
}

// uploadOnce sends new bytes, and returns the status.
func (l *ledger) uploadOnce(k *keeper, bytes int) (status int) {
	c := connection()
	defer c.CloseIdleConnections()
	l.mu.Lock()
	d := deposit{l.random.Uint64(), bytes}
	l.mu.Unlock()
	_, status, _ = l.upload(c, k.address, d, false)
	return status
}

// uploadUntil sends pictures of that size until one is answered by that status, for recoverTime at most.
func (l *ledger) uploadUntil(t testing.TB, k *keeper, bytes, status int) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		got := l.uploadOnce(k, bytes)
		if got == status {
			return
		}
		if time.Since(began) > recoverTime {
			t.Fatalf("after %v an upload is still answered %d, not %d", recoverTime, got, status)
		}
	}
}

// recoverTime is within what an upload succeeds again after a fault, without a restart.
const recoverTime = 5 * time.Second

// A disk is filled by uploads. They are refused by 507 when it is full; deletions still work, and then so do uploads, without a restart.
func TestDurabilityFullDisk(t *testing.T) {
	v := newVolume(t, "ext4", newImage(t), 64<<20)
	k := newKeeper(t, filepath.Join(v.folder, "data"), keepingFree(t, "8MiB")...)
	l := newLedger(t, 1_000_000)
	k.start(t)
	const enough = 200
	for n := 0; l.refused[http.StatusInsufficientStorage] < 20; n++ {
		if status := l.uploadOnce(k, []int{1_000_000, 300_000, 20_000}[n%3]); status != http.StatusCreated && status != http.StatusInsufficientStorage {
			t.Fatalf("on a disk that fills an upload is answered %d", status)
		}
		if n > enough {
			t.Fatalf("%d uploads do not fill a disk of 64 MiB", n)
		}
	}
	l.check(t, k.address, true)
	c := connection()
	defer c.CloseIdleConnections()
	for range len(l.kept) / 2 {
		if status := l.remove(c, k.address); status != http.StatusNoContent {
			t.Fatalf("on a full disk a deletion is answered %d", status)
		}
	}
	l.uploadUntil(t, k, 300_000, http.StatusCreated)

	// Something else takes all that is left, below what Calotype leaves free.
	b := newBallast(t, v.folder, 100_000)
	l.uploadUntil(t, k, 300_000, http.StatusInsufficientStorage)
	for range 20 {
		if status := l.uploadOnce(k, 300_000); status != http.StatusInsufficientStorage {
			t.Errorf("on a full disk an upload is answered %d", status)
		}
	}
	l.check(t, k.address, true)
	b.drop(t)
	l.uploadUntil(t, k, 300_000, http.StatusCreated)
	l.check(t, k.address, true)

	v.cut(t)
	k.kill()
	v.recover(t)
	k.restart(t)
	l.check(t, k.address, true)
	k.stop(t)
	t.Logf("%d uploads acknowledged, answers to the others: %v", l.acknowledged, l.refused)
}

// newBadVolume returns a file system without a journal whose disk fails to write where it was never written before, for as long as a ballast takes
// the room under it. fsync tells of that once; what it has told of stays in memory, and the next fsync succeeds.
func newBadVolume(t testing.TB) (v *volume, spoil func() *ballast) {
	t.Helper()
	needDisks(t)
	under := t.TempDir()
	if err := syscall.Mount("tmpfs", under, "tmpfs", 0, "size=96m"); err != nil {
		t.Skipf("NOTICE: no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(under, 0); err != nil {
			t.Errorf("unmount %s: %v", under, err)
		}
	})
	v = newVolume(t, "ext4", filepath.Join(under, "image"), 256<<20, "-b", "4096", "-O", "^has_journal", "-E", "lazy_itable_init=0")
	return v, func() *ballast {
		v.byPage(t)
		syscall.Sync() // what was written so far has its room
		return newBallast(t, under, 0)
	}
}

// The disk fails to write the bytes of an upload. It is not acknowledged; when the disk is well again, so are uploads.
func TestDurabilityFailedWrites(t *testing.T) {
	v, spoil := newBadVolume(t)
	k := newKeeper(t, filepath.Join(v.folder, "data"), keepingFree(t, "1MiB")...)
	l := newLedger(t, 100_000)
	k.start(t)
	for range 5 {
		l.uploadUntil(t, k, 30_000, http.StatusCreated)
	}
	b := spoil()
	for range 10 {
		switch status := l.uploadOnce(k, 300_000); status {
		case http.StatusInternalServerError, http.StatusInsufficientStorage:
		default:
			t.Errorf("the disk fails, and an upload is answered %d", status)
		}
	}
	b.drop(t)
	for range 5 {
		l.uploadUntil(t, k, 30_000, http.StatusCreated)
	}
	l.check(t, k.address, true)
	k.kill()
	v.recover(t)
	k.restart(t)
	l.check(t, k.address, true)
	k.stop(t)
	t.Logf("%d uploads acknowledged, answers to the others: %v", l.acknowledged, l.refused)
}

// indexOn is a data folder whose index is elsewhere.
func indexOn(t testing.TB, v *volume) (data string) {
	t.Helper()
	data = t.TempDir()
	if err := os.Symlink(filepath.Join(v.folder, "index.sqlite"), filepath.Join(data, "index.sqlite")); err != nil {
		t.Fatal(err)
	}
	return data
}

// The disk fails to write the log of the index. What is in memory then looks whole, to the program that goes on and to one that is started after
// a kill, and is not on the disk: what is acknowledged from then on must not rely on that.
func TestDurabilityFailedLog(t *testing.T) {
	for name, killed := range map[string]bool{"it goes on": false, "it is killed": true} {
		t.Run(name, func(t *testing.T) {
			v, spoil := newBadVolume(t)
			k := newKeeper(t, indexOn(t, v))
			l := newLedger(t, 100_000)
			k.start(t)
			for range 5 {
				l.uploadUntil(t, k, 3000, http.StatusCreated)
			}
			b := spoil()
			for range 10 {
				if status := l.uploadOnce(k, 3000); status != http.StatusInternalServerError && status != http.StatusInsufficientStorage {
					t.Errorf("the disk fails, and an upload is answered %d", status)
				}
			}
			if killed {
				k.kill()
			}
			b.drop(t)
			if killed {
				k.restart(t)
			}
			for range 5 {
				l.uploadUntil(t, k, 3000, http.StatusCreated)
			}
			k.kill()
			v.recover(t)
			k.restart(t)
			l.check(t, k.address, true)
			k.stop(t)
			t.Logf("%d uploads acknowledged, answers to the others: %v", l.acknowledged, l.refused)
		})
	}
}

// The disk writes the log of the index, which has its place, and fails to write the index, which grows: SQLite says nothing of that. The next
// time it seems to succeed, and the log is written over.
func TestDurabilityFailedCheckpoint(t *testing.T) {
	const some = 150 // makes a checkpoint or two
	v, spoil := newBadVolume(t)
	k := newKeeper(t, indexOn(t, v))
	l := newLedger(t, 100_000)
	k.start(t)
	for range some {
		l.uploadUntil(t, k, 1000, http.StatusCreated)
	}
	before := indexSize(t, v)
	b := spoil()
	refused := 0
	for range some {
		if status := l.uploadOnce(k, 1000); status != http.StatusCreated {
			refused++
		}
	}
	b.drop(t)
	for range some {
		l.uploadUntil(t, k, 1000, http.StatusCreated)
	}
	if after := indexSize(t, v); after <= before {
		t.Errorf("the index has not grown: %d bytes, then %d", before, after)
	}
	k.kill()
	v.recover(t)
	k.restart(t)
	l.check(t, k.address, true)
	k.stop(t)
	t.Logf("%d uploads acknowledged, %d refused", l.acknowledged, refused)
}

// indexSize returns how many bytes the index has on a volume.
func indexSize(t testing.TB, v *volume) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(v.folder, "index.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
