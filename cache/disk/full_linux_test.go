package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// small mounts a file system of so many bytes, in memory, until the test ends.
func small(t *testing.T, size int) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("to mount a small file system takes root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", size)); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A recorder takes what a cache logs.
type recorder struct {
	mutex sync.Mutex
	lines []string
}

func (r *recorder) log(message string, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.lines = append(r.lines, fmt.Sprint(message, ": ", err))
}

func (r *recorder) all() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]string(nil), r.lines...)
}

// A disk that is full is told of once and then left alone for a while; what is there is served, and nothing else goes wrong.
func TestFullDisk(t *testing.T) {
	dir := small(t, 3<<20)
	var said recorder
	c, err := Open(filepath.Join(dir, "prints"), Options{Bytes: LeastBytes, Log: said.log})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	settle(t, c)
	body := strings.Repeat("x", 100_000)
	for i := range 100 {
		put(t, c, key(fmt.Sprint(i)), "", body)
	}
	s := c.Stats()
	if !s.Failing || s.Failures != 1 || s.Written == 0 || s.Written+s.Dropped != 100 || s.Entries != int64(s.Written) {
		t.Errorf("%+v", s)
	}
	if lines := said.all(); len(lines) != 1 || !strings.Contains(lines[0], "no space left") {
		t.Errorf("the log says %q", lines)
	}
	for i := range s.Written {
		mustGet(t, c, key(fmt.Sprint(i)), "", body)
	}
	if _, err := os.Lstat(filepath.Join(dir, "prints", newFile)); !os.IsNotExist(err) {
		t.Error("half an entry is left behind")
	}

	// There is room again, and the while is over.
	for i := range s.Written {
		c.Remove("group of " + fmt.Sprint(i))
	}
	c.writing.until.Store(time.Now().UnixNano())
	put(t, c, key("later"), "", body)
	mustGet(t, c, key("later"), "", body)
	if lines := said.all(); c.Stats().Failing || len(lines) != 2 || !strings.Contains(lines[1], "works again") {
		t.Errorf("%+v, the log says %q", c.Stats(), lines)
	}
}

// A folder that turned read-only serves what it has, and nothing of what was removed.
func TestReadOnlyFolder(t *testing.T) {
	dir := small(t, 3<<20)
	var said recorder
	c, err := Open(filepath.Join(dir, "prints"), Options{Bytes: LeastBytes, Log: said.log})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	put(t, c, key("a"), "", "body")
	// The lock is a file that is open for writing, which a file system that is to become read-only must not have.
	c.lock.Close()
	if err := syscall.Mount("tmpfs", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip(err)
	}
	for i := range 10 {
		put(t, c, key(fmt.Sprint(i)), "", "body")
	}
	mustGet(t, c, key("a"), "", "body")
	c.Remove("group of a")
	mustMiss(t, c, key("a"))
	if s := c.Stats(); !s.Failing || s.Dropped != 10 || s.Failures != 2 || len(said.all()) != 1 {
		t.Errorf("%+v, %q", s, said.all())
	}
}
