package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOneProcessHasTheFolder(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if _, err := Open(dir, Options{Bytes: LeastBytes}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the second is told %v", err)
	}
	child, err := syscall.Dup(int(c.lock.Fd())) // as one that is just being started has it
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child)
	c.Close()
	open(t, dir)
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "file"), Options{Bytes: LeastBytes}); err == nil {
		t.Error("a file is taken for a folder")
	}
	if _, err := Open(dir, Options{Bytes: LeastBytes - 1}); err == nil {
		t.Error("a tiny budget is accepted")
	}
	if os.Geteuid() != 0 {
		t.Skip("the rest of it takes root")
	}
	if err := os.Chown(dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{Bytes: LeastBytes}); err == nil || !strings.Contains(err.Error(), "12345") {
		t.Errorf("of a folder of another user it is said: %v", err)
	}
}

func TestNobodyElseMayRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	c := open(t, dir)
	put(t, c, key("a"), "", "body")
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "00"): 0o700, filepath.Join(dir, key("a").path()): 0o600, filepath.Join(dir, "lock"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
	c.Close()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("an open folder stays open: %v, %v", info.Mode(), err)
	}
}

// What lies in the folder may be anything. None of it is served, followed, waited for or read as a whole; what is not named like an entry
// stays.
func TestHostileFolder(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, sample(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir)
	things := map[string]func(path string) error{
		"a link to outside": func(path string) error { return os.Symlink(outside, path) },
		"a link to itself":  func(path string) error { return os.Symlink(filepath.Base(path), path) },
		"a pipe":            func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a folder":          func(path string) error { return os.Mkdir(path, 0o700) },
		"a huge file": func(path string) error {
			return errors.Join(os.WriteFile(path, sample(), 0o600), os.Truncate(path, 1<<40))
		},
		"an empty file":      func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"another entry":      func(path string) error { return os.WriteFile(path, sample(), 0o600) },
		"a file of nonsense": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("nonsense", 1000)), 0o600) },
	}
	for what := range things {
		put(t, c, key(what), "", "body")
	}
	c.Close()
	for what, f := range things {
		path := filepath.Join(dir, key(what).path())
		if err := errors.Join(os.Remove(path), f(path)); err != nil {
			t.Fatal(err)
		}
	}
	strange := filepath.Join(dir, "00", "not ours")
	if err := errors.Join(os.WriteFile(strange, []byte("x"), 0o600), os.WriteFile(filepath.Join(dir, newFile), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	ask := func(c *Cache) {
		t.Helper()
		for what := range things {
			begun := time.Now()
			if e, ok := c.Get(t.Context(), key(what)); ok {
				t.Errorf("%s is served: %.40q", what, e.Body)
			}
			if took := time.Since(begun); took > longestRead/2 {
				t.Errorf("%s takes %v", what, took)
			}
		}
	}
	// Before the folder is known, when every file is tried, and after that.
	unknown, err := Open(dir, Options{Bytes: LeastBytes})
	if err != nil {
		t.Fatal(err)
	}
	ask(unknown)
	settle(t, unknown)
	ask(unknown)
	if s := unknown.Stats(); s.Failing || s.Entries > 1 { // the other entry is a whole one
		t.Errorf("%+v", s)
	}
	for what := range things {
		put(t, unknown, key(what), "", "body")
		if _, ok := unknown.Get(t.Context(), key(what)); !ok && what != "a folder" {
			t.Errorf("%s is in the way for ever", what)
		}
	}
	unknown.Close()
	if data, err := os.ReadFile(strange); err != nil || string(data) != "x" {
		t.Errorf("a file of somebody else was touched: %q, %v", data, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, newFile)); !os.IsNotExist(err) {
		t.Error("what a crash left behind is still there")
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != string(sample()) {
		t.Errorf("a file outside was touched: %v", err)
	}
}

// A subfolder that is a link does not lead out of the folder.
func TestLinkedFolder(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	k := key("a")
	folder := filepath.Join(dir, k.path()[:2])
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.Symlink(outside, folder)); err != nil {
		t.Fatal(err)
	}
	file := append(headOf(k.Text, nil, []byte("body")), "body"...)
	if err := os.WriteFile(filepath.Join(outside, k.path()[3:]), file, 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, dir)
	mustMiss(t, c, k)
	put(t, c, k, "", "body")
	left, err := os.ReadDir(outside)
	if err != nil || len(left) != 1 {
		t.Errorf("outside there are %v, %v", left, err)
	}
}

// Entries are found at once, while the folder is not known yet; what is removed then is gone for good.
func TestBeforeTheFolderIsKnown(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	for i := range 100 {
		put(t, c, key(fmt.Sprint(i), fmt.Sprint("image ", i%10)), "", fmt.Sprint(i))
	}
	c.Close()

	c, err := newCache(dir, Options{Bytes: LeastBytes})
	if err != nil {
		t.Fatal(err)
	}
	mustGet(t, c, key("15", "image 5"), "", "15")
	c.Put(key("new", "image 5"), nil, []byte("new"), nil) // waits for the scan
	c.Remove("image 7")
	mustMiss(t, c, key("17", "image 7"))
	if !c.Stats().Scanning {
		t.Error("it knows the folder")
	}
	go c.run()
	settle(t, c)
	for i := range 100 {
		if i%10 == 7 {
			mustMiss(t, c, key(fmt.Sprint(i), "image 7"))
		} else {
			mustGet(t, c, key(fmt.Sprint(i), fmt.Sprint("image ", i%10)), "", fmt.Sprint(i))
		}
	}
	mustGet(t, c, key("new", "image 5"), "", "new")
	if s := c.Stats(); s.Entries != 91 || s.Scanning || len(entryFiles(t, dir)) != 91 {
		t.Errorf("%+v, %d files", s, len(entryFiles(t, dir)))
	}
	c.Close()
}

func TestRemoveAll(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	for i := range 100 {
		put(t, c, key(fmt.Sprint(i)), "", fmt.Sprint(i))
	}
	c.Close()

	c, err := newCache(dir, Options{Bytes: LeastBytes})
	if err != nil {
		t.Fatal(err)
	}
	removed := make(chan struct{})
	go func() { // begins before the folder is known
		c.RemoveAll(t.Context())
		close(removed)
	}()
	time.Sleep(10 * time.Millisecond)
	go c.run()
	<-removed
	for i := range 100 {
		mustMiss(t, c, key(fmt.Sprint(i)))
	}
	if n := len(entryFiles(t, dir)); n != 0 || c.Stats().Entries != 0 {
		t.Errorf("%d files are left, %+v", n, c.Stats())
	}
	put(t, c, key("new"), "", "new")
	mustGet(t, c, key("new"), "", "new")
	c.Close()
}

// Somebody empties the folder under a running service: entries are misses, and new ones are kept.
func TestEmptiedFolder(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	put(t, c, key("a"), "", "body")
	for number := range folders {
		if err := os.RemoveAll(filepath.Join(dir, folderName(number))); err != nil {
			t.Fatal(err)
		}
	}
	mustMiss(t, c, key("a"))
	settle(t, c)
	if s := c.Stats(); s.Entries != 0 {
		t.Errorf("%+v", s)
	}
	put(t, c, key("a"), "", "body")
	mustGet(t, c, key("a"), "", "body")
}

func TestCloseDoesNotWaitForTheScan(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir, Options{Bytes: LeastBytes})
	if err != nil {
		t.Fatal(err)
	}
	c.Put(key("a"), nil, []byte("body"), nil)
	c.Close()
	c.Close()
	c.Put(key("b"), nil, []byte("body"), nil)
	mustMiss(t, c, key("b"))
}
