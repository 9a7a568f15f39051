//go:build durability && linux

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A volume is a file system of the test's own, in a file.
type volume struct {
	kind   string // ext4 or xfs
	image  string // the file
	folder string // where it is mounted
}

// newVolume makes a file system and mounts it. It is unmounted at the end of the test. Where that may not be done, the test is skipped.
func newVolume(t testing.TB, kind, image string, bytes int64, options ...string) *volume {
	t.Helper()
	needDisks(t)
	v := &volume{kind, image, t.TempDir()}
	mkfs := need(t, "mkfs."+kind, map[string]string{"ext4": "e2fsprogs", "xfs": "xfsprogs"}[kind])
	file, err := os.Create(image)
	if err == nil {
		err = file.Truncate(bytes) // what is not written to takes no room
		file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	command(t, mkfs, append(append([]string{"-q"}, options...), image)...)
	if said, err := v.mount(); err != nil {
		t.Skipf("NOTICE: no %s on a loop device can be mounted here: %v: %s", kind, err, said)
	}
	t.Cleanup(func() { v.unmount(t) })
	return v
}

// newImage returns the path of a file for a volume, which goes after the volume does.
func newImage(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "image")
}

func command(t testing.TB, name string, arguments ...string) {
	t.Helper()
	if said, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, arguments, err, said)
	}
}

// mount lets mount choose a loop device, which goes with the mount.
func (v *volume) mount() (said []byte, err error) {
	return exec.Command("mount", "-t", v.kind, "-o", "loop", v.image, v.folder).CombinedOutput()
}

// unmount waits for processes that were killed and still have files open.
func (v *volume) unmount(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Unmount(v.folder, 0)
		if err == nil || err == syscall.EINVAL { // nothing is mounted there
			return
		}
		if time.Now().After(end) {
			t.Errorf("unmount %s: %v", v.folder, err)
			syscall.Unmount(v.folder, syscall.MNT_DETACH)
			return
		}
	}
}

// byPage has the loop device write what it is given page by page. It takes a write for whole of which the file under it had room for a part,
// and would lose the rest in silence.
func (v *volume) byPage(t testing.TB) {
	t.Helper()
	device, err := exec.Command("losetup", "--associated", v.image, "--noheadings", "--output", "NAME").Output()
	if err != nil {
		t.Fatal(err)
	}
	setting := filepath.Join("/sys/block", filepath.Base(strings.TrimSpace(string(device))), "queue", "max_sectors_kb")
	if err := os.WriteFile(setting, []byte("4"), 0); err != nil {
		t.Fatal(err)
	}
}

// cut has the file system write nothing more, neither what is in memory nor its journal, as if power was lost. The numbers are those of
// EXT4_IOC_SHUTDOWN and of XFS_IOC_GOINGDOWN, which are the same, and of their flag NOLOGFLUSH.
func (v *volume) cut(t testing.TB) {
	t.Helper()
	const shutdown, withoutJournal = 0x8004587d, 2
	folder, err := os.Open(v.folder)
	if err != nil {
		t.Error(err)
		return
	}
	defer folder.Close()
	flag := uint32(withoutJournal)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, folder.Fd(), shutdown, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		t.Errorf("shut down %s: %v", v.kind, errno)
	}
}

// recover mounts the file system anew, after a cut or without: what was in memory alone is gone then.
func (v *volume) recover(t testing.TB) {
	t.Helper()
	v.unmount(t)
	if said, err := v.mount(); err != nil {
		t.Fatalf("mount %s again: %v: %s", v.kind, err, said)
	}
}

// A ballast is a file that takes the room that is left in a folder.
type ballast struct{ path string }

// newBallast leaves so many bytes, or a little less.
func newBallast(t testing.TB, folder string, left int64) *ballast {
	t.Helper()
	b := &ballast{filepath.Join(folder, "ballast")}
	var room syscall.Statfs_t
	if err := syscall.Statfs(folder, &room); err != nil {
		t.Fatal(err)
	}
	size := int64(room.Bavail)*room.Bsize - left
	file, err := os.Create(b.path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if size > 0 {
		if err := syscall.Fallocate(int(file.Fd()), 0, 0, size); err != nil {
			t.Fatal(fmt.Errorf("take %d bytes: %w", size, err))
		}
	}
	if left == 0 {
		// To the last page: see byPage.
		for page := make([]byte, 4096); err == nil; size += int64(len(page)) {
			_, err = file.WriteAt(page, max(size, 0))
		}
	}
	t.Cleanup(func() { os.Remove(b.path) })
	return b
}

func (b *ballast) drop(t testing.TB) {
	t.Helper()
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
}
