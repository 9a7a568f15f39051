package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAddFillsInTheRecord(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	content := randomBytes(5000)
	want := Original{Format: "jpeg", Width: 40, Height: 30, Orientation: 6, Frames: 1, Depth: 8, Alpha: true, Name: "a.jpg"}
	start := time.Now().Truncate(time.Millisecond)
	o, err := addBytes(t, s, content, want)
	if err != nil {
		t.Fatal(err)
	}
	if o.ID.Version() != 7 || o.Created.Before(start) || time.Since(o.Created) < 0 {
		t.Errorf("id %s, created %s", o.ID, o.Created)
	}
	want.ID, want.Created, want.Bytes, want.Digest = o.ID, o.Created, 5000, o.Digest
	if o != want {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
	mustHold(t, s, o, content)
}

func TestEqualUploadsShareABlob(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	content := randomBytes(5000)
	a, err := addBytes(t, s, content, Original{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := addBytes(t, s, content, Original{Name: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if a.ID == b.ID || a.Digest != b.Digest {
		t.Errorf("ids %s and %s, digests %s and %s", a.ID, b.ID, a.Digest, b.Digest)
	}
	mustHold(t, s, a, content)
	mustHold(t, s, b, content)
	if n := len(blobFiles(t, s)); n != 1 {
		t.Errorf("%d blobs", n)
	}
}

func TestManyUploadsAtOnce(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	var mu sync.Mutex
	var ids []ID
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 10 {
				content := bytes.Repeat([]byte{byte(i)}, 1000+worker%2) // most of them equal another
				o, err := addBytes(t, s, content, Original{Format: "png"})
				if err != nil {
					t.Error(err)
					return
				}
				mustHold(t, s, o, content)
				mu.Lock()
				ids = append(ids, o.ID)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n := len(blobFiles(t, s)); n != 20 {
		t.Errorf("%d blobs, want 20", n)
	}
	if files := spoolFiles(t, s); len(files) != 0 {
		t.Errorf("spool files left: %v", files)
	}
	got := allPages(t, s.index, Query{Limit: 7})
	older := func(a, b ID) int { return strings.Compare(a.String(), b.String()) }
	slices.SortFunc(ids, older)
	slices.Reverse(got)
	if !slices.Equal(got, ids) {
		t.Errorf("listed %d originals, added %d", len(got), len(ids))
	}
}

func TestMissingAndRemovedOriginals(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	ctx := context.Background()
	o, err := addBytes(t, s, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	missing := testOriginal(t, "png").ID
	if _, err := s.Get(ctx, missing); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), missing.String()) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if err := s.index.Remove(ctx, o.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, o.ID); !errors.Is(err, ErrGone) || errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrGone", err)
	}
}

func TestNames(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	for _, name := range hostileNames {
		o, err := addBytes(t, s, []byte("negative"), Original{Name: name})
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if got, err := s.Get(context.Background(), o.ID); err != nil || got.Name != name {
			t.Errorf("%q came back as %q, %v", name, got.Name, err)
		}
	}
	if _, err := addBytes(t, s, []byte("negative"), Original{Name: strings.Repeat("n", MaxName+1)}); !errors.Is(err, ErrBadName) {
		t.Errorf("too long a name: got %v, want ErrBadName", err)
	}
	if n := len(blobFiles(t, s)); n != 1 {
		t.Errorf("%d blobs", n)
	}
}

func TestAddForACallerWhoLeft(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	ctx, leave := context.WithCancel(context.Background())
	sp := newSpool(t, s)
	leave()
	if _, err := s.Add(ctx, sp, Original{}, Usage{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if ids := listIDs(t, s.index, Query{Limit: 1}); len(ids) != 0 {
		t.Errorf("recorded %v", ids)
	}
}

// failingIndex records nothing.
type failingIndex struct{ Index }

func (failingIndex) Add(context.Context, Original, Usage) error { return errors.New("broken") }

func TestAFailedRecordIsAFailedUpload(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	index := s.index
	s.index = failingIndex{index}
	if _, err := addBytes(t, s, []byte("negative"), Original{}); err == nil {
		t.Error("no error")
	}
	s.index = index
	if files := spoolFiles(t, s); len(files) != 0 {
		t.Errorf("spool files left: %v", files)
	}
	o, err := addBytes(t, s, []byte("negative"), Original{})
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, s, o, []byte("negative"))
}

// addBytes uploads content as a handler would.
func addBytes(t *testing.T, s *Store, content []byte, o Original) (Original, error) {
	t.Helper()
	sp, err := s.Spool()
	if err != nil {
		return Original{}, err
	}
	defer sp.Discard()
	if _, err := sp.Write(content); err != nil {
		return Original{}, err
	}
	return s.Add(context.Background(), sp, o, Usage{})
}

// mustHold checks that s has the record o and the bytes content for it.
func mustHold(t *testing.T, s *Store, o Original, content []byte) {
	t.Helper()
	ctx := context.Background()
	if got, err := s.Get(ctx, o.ID); err != nil || got != o {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, o)
		return
	}
	f, err := s.Open(ctx, o)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, content) {
		t.Errorf("original %s: read %d bytes that differ, %v", o.ID, len(got), err)
	}
}

func blobFiles(t *testing.T, s *Store) []string {
	t.Helper()
	var files []string
	root := s.blobs.(*disk).root
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
