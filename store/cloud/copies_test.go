package cloud

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"calotype/store"
)

// A source hands out blobs of 100 bytes, each as often as it is asked.
type source struct {
	downloads atomic.Int64
	hold      chan struct{} // closed when they may end; nil if they may at once
	fails     error
}

func (s *source) download(ctx context.Context, d store.Digest, to *os.File) error {
	s.downloads.Add(1)
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if s.fails != nil {
		return s.fails
	}
	_, err := to.Write(blobOf(d))
	return err
}

// blobOf returns 100 bytes that are the digest's own. Copies do not look at them.
func blobOf(d store.Digest) []byte { return append(make([]byte, 100-len(d)), d[:]...) }

func digest(text string) store.Digest { return sha256.Sum256([]byte(text)) }

func openTestCopies(t *testing.T, parent string, limit int64, s *source) *copies {
	t.Helper()
	c, err := openCopies(parent, limit, s.download)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func readCopy(t *testing.T, c *copies, d store.Digest) {
	t.Helper()
	f, err := c.open(t.Context(), d)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || string(got) != string(blobOf(d)) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// takes returns how many bytes the copies of all processes take.
func takes(t *testing.T, parent string) (bytes int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(parent, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

func TestAllWhoWantABlobShareOneDownload(t *testing.T) {
	s := &source{hold: make(chan struct{})}
	c := openTestCopies(t, t.TempDir(), 1000, s)
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() { readCopy(t, c, digest("a")) })
	}
	for s.downloads.Load() == 0 {
	}
	close(s.hold)
	readers.Wait()
	readCopy(t, c, digest("a"))
	if n := s.downloads.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

func TestCopiesStayWithinTheirLimit(t *testing.T) {
	s, parent := &source{}, t.TempDir()
	c := openTestCopies(t, parent, 350, s)
	for _, name := range []string{"a", "b", "c", "a", "d"} { // b is what was used least recently
		readCopy(t, c, digest(name))
	}
	if got := takes(t, parent); got != 300 {
		t.Errorf("they take %d bytes, want 300", got)
	}
	before := s.downloads.Load()
	for _, name := range []string{"a", "c", "d"} {
		readCopy(t, c, digest(name))
	}
	if n := s.downloads.Load() - before; n != 0 {
		t.Errorf("%d of three copies were downloaded again", n)
	}
	readCopy(t, c, digest("b"))
	if n := s.downloads.Load() - before; n != 1 {
		t.Errorf("%d downloads of what had to go, want 1", n)
	}
}

func TestABlobLargerThanTheLimitIsRead(t *testing.T) {
	s, parent := &source{}, t.TempDir()
	c := openTestCopies(t, parent, 50, s)
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() { readCopy(t, c, digest("a")) })
	}
	readers.Wait()
	if got := takes(t, parent); got != 0 {
		t.Errorf("%d bytes are kept", got)
	}
}

func TestACopyOutlivesForgettingWhileItIsOpen(t *testing.T) {
	s, parent := &source{}, t.TempDir()
	c := openTestCopies(t, parent, 1000, s)
	d := digest("a")
	f, err := c.open(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c.forget(d)
	if got := takes(t, parent); got != 0 {
		t.Errorf("%d bytes are kept", got)
	}
	if got, err := io.ReadAll(f); err != nil || string(got) != string(blobOf(d)) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	readCopy(t, c, d)
	if n := s.downloads.Load(); n != 2 {
		t.Errorf("%d downloads, want 2", n)
	}
}

func TestAFailedDownloadIsTriedAnewByTheNext(t *testing.T) {
	s, parent := &source{fails: store.ErrUnavailable}, t.TempDir()
	c := openTestCopies(t, parent, 1000, s)
	if _, err := c.open(t.Context(), digest("a")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(parent, "*", "*")); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
	s.fails = nil
	readCopy(t, c, digest("a"))
}

func TestADownloadEndsWhenNobodyWaits(t *testing.T) {
	s := &source{hold: make(chan struct{})}
	c := openTestCopies(t, t.TempDir(), 1000, s)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := c.open(ctx, digest("a"))
		left <- err
	}()
	for s.downloads.Load() == 0 {
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(s.hold)
	readCopy(t, c, digest("a"))
	if n := s.downloads.Load(); n != 2 {
		t.Errorf("%d downloads, want one that ended and one more", n)
	}
}

func TestACopyThatWasRemovedIsMadeAgain(t *testing.T) {
	s, parent := &source{}, t.TempDir()
	c := openTestCopies(t, parent, 1000, s)
	readCopy(t, c, digest("a"))
	files, err := filepath.Glob(filepath.Join(parent, "*", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	readCopy(t, c, digest("a"))
}

func TestWhatWasPutIsItsCopy(t *testing.T) {
	s, parent := &source{}, t.TempDir()
	c := openTestCopies(t, parent, 1000, s)
	f, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(blobOf(digest("a"))); err != nil {
		t.Fatal(err)
	}
	c.keep(digest("a"), f)
	readCopy(t, c, digest("a"))
	if n := s.downloads.Load(); n != 0 {
		t.Errorf("%d downloads", n)
	}
}

func TestCopiesOfDeadProcessesAreSwept(t *testing.T) {
	parent := t.TempDir()
	left := filepath.Join(parent, "left")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "copy"), make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &source{}
	alive := openTestCopies(t, parent, 1000, s)
	readCopy(t, alive, digest("a"))
	openTestCopies(t, parent, 1000, s)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a dead process left is there: %v", err)
	}
	readCopy(t, alive, digest("a"))
	if n := s.downloads.Load(); n != 1 {
		t.Errorf("%d downloads: the copies of one that lives were swept", n)
	}
}
