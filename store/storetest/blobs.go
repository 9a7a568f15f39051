package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calotype/store"
)

// Blobs tests what every store.Blobs must do. Each call of open returns an empty one, and closes it when the test ends.
func Blobs(t *testing.T, open func(t *testing.T) store.Blobs) {
	ctx := context.Background()

	t.Run("a blob comes back as it was put", func(t *testing.T) {
		blobs := open(t)
		for _, size := range []int{0, 1, 4096, 5 << 20, 16 << 20} {
			content := randomBytes(size)
			d := putBytes(t, blobs, content)
			if got := readBlob(t, blobs, d); !bytes.Equal(got, content) {
				t.Errorf("%d bytes: read back %d bytes that differ", size, len(got))
			}
		}
	})

	t.Run("blobs do not mix", func(t *testing.T) {
		blobs := open(t)
		contents := map[store.Digest][]byte{}
		for range 50 {
			content := randomBytes(100)
			contents[putBytes(t, blobs, content)] = content
		}
		for d, content := range contents {
			if got := readBlob(t, blobs, d); !bytes.Equal(got, content) {
				t.Errorf("blob %s: read back other bytes", d)
			}
		}
	})

	t.Run("a second put of the same bytes is no error", func(t *testing.T) {
		blobs := open(t)
		content := randomBytes(1000)
		d := putBytes(t, blobs, content)
		reader, err := blobs.Open(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		putBytes(t, blobs, content)
		if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, content) {
			t.Errorf("a reader opened before the second put read %d bytes, %v", len(got), err)
		}
		if got := readBlob(t, blobs, d); !bytes.Equal(got, content) {
			t.Error("read back other bytes")
		}
	})

	t.Run("many may put the same bytes at once", func(t *testing.T) {
		blobs := open(t)
		content := randomBytes(100_000)
		var wg sync.WaitGroup
		for range 16 {
			d, f := completeFile(t, content)
			wg.Go(func() {
				if err := blobs.Put(ctx, d, f); err != nil {
					t.Error(err)
				}
				if f, err := blobs.Open(ctx, d); err != nil {
					t.Errorf("after a put: %v", err)
				} else {
					f.Close()
				}
			})
		}
		wg.Wait()
		d := store.Digest(sha256.Sum256(content))
		if got := readBlob(t, blobs, d); !bytes.Equal(got, content) {
			t.Error("read back other bytes")
		}
		if err := blobs.Delete(ctx, d); err != nil {
			t.Fatal(err)
		}
		if _, err := blobs.Open(ctx, d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after one delete: got %v, want fs.ErrNotExist", err)
		}
	})

	t.Run("a missing blob does not exist", func(t *testing.T) {
		blobs := open(t)
		if _, err := blobs.Open(ctx, store.Digest{1, 2, 3}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open: got %v, want fs.ErrNotExist", err)
		}
		if err := blobs.Delete(ctx, store.Digest{1, 2, 3}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("delete: got %v, want fs.ErrNotExist", err)
		}
	})

	t.Run("a blob is deleted once and can be put again", func(t *testing.T) {
		blobs := open(t)
		content := randomBytes(1000)
		d := putBytes(t, blobs, content)
		reader, err := blobs.Open(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if err := blobs.Delete(ctx, d); err != nil {
			t.Fatal(err)
		}
		if err := blobs.Delete(ctx, d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("second delete: got %v, want fs.ErrNotExist", err)
		}
		if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, content) {
			t.Errorf("a reader opened before the delete read %d bytes, %v", len(got), err)
		}
		putBytes(t, blobs, content)
		if got := readBlob(t, blobs, d); !bytes.Equal(got, content) {
			t.Error("read back other bytes")
		}
	})

	t.Run("of many who delete a blob at once one at least does", func(t *testing.T) {
		blobs := open(t)
		d := putBytes(t, blobs, randomBytes(1000))
		var deleted atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				switch err := blobs.Delete(ctx, d); {
				case err == nil:
					deleted.Add(1)
				case !errors.Is(err, fs.ErrNotExist):
					t.Errorf("got %v, want fs.ErrNotExist", err)
				}
			})
		}
		wg.Wait()
		if deleted.Load() == 0 {
			t.Error("nobody deleted it")
		}
		if _, err := blobs.Open(ctx, d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open: got %v, want fs.ErrNotExist", err)
		}
	})

	t.Run("any part of a blob can be read", func(t *testing.T) {
		blobs := open(t)
		content := randomBytes(1_000_000)
		f, err := blobs.Open(ctx, putBytes(t, blobs, content))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, part := range []struct{ from, length int }{{0, 1}, {999_999, 1}, {500_000, 70_000}, {0, 1_000_000}} {
			got := make([]byte, part.length)
			if _, err := f.ReadAt(got, int64(part.from)); err != nil || !bytes.Equal(got, content[part.from:part.from+part.length]) {
				t.Errorf("%d bytes from %d: got others, %v", part.length, part.from, err)
			}
		}
	})

	t.Run("a blob in quarantine is missing until it is put again", func(t *testing.T) {
		blobs := open(t)
		content := randomBytes(1000)
		d := putBytes(t, blobs, content)
		other := putBytes(t, blobs, randomBytes(1000))
		for range 2 { // the second finds one there already
			reader, err := blobs.Open(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			if err := blobs.Quarantine(ctx, d); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, content) {
				t.Errorf("a reader opened before read %d bytes, %v", len(got), err)
			}
			reader.Close()
			if _, err := blobs.Open(ctx, d); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("open: got %v, want fs.ErrNotExist", err)
			}
			if err := blobs.Delete(ctx, d); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("delete: got %v, want fs.ErrNotExist", err)
			}
			if err := blobs.Quarantine(ctx, d); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("quarantine: got %v, want fs.ErrNotExist", err)
			}
			if got := listDigests(t, blobs, 10); !slices.Equal(got, []store.Digest{other}) {
				t.Errorf("lists %v, want %v", got, other)
			}
			putBytes(t, blobs, content)
			if got := readBlob(t, blobs, d); !bytes.Equal(got, content) {
				t.Error("read back other bytes")
			}
		}
	})

	t.Run("blobs are listed in the order of their digests", func(t *testing.T) {
		blobs := open(t)
		if got := listDigests(t, blobs, 10); len(got) != 0 {
			t.Errorf("when there are none it lists %v", got)
		}
		before := time.Now().Add(-2 * time.Second) // clocks of clouds tell whole seconds
		var want []store.Digest
		sizes := map[store.Digest]int64{}
		for size := range 25 {
			d := putBytes(t, blobs, bytes.Repeat([]byte{'x'}, size))
			sizes[d] = int64(size)
			want = append(want, d)
		}
		slices.SortFunc(want, func(a, b store.Digest) int { return bytes.Compare(a[:], b[:]) })
		for _, limit := range []int{1, 7, 25, 26, 1000} {
			if got := listDigests(t, blobs, limit); !slices.Equal(got, want) {
				t.Errorf("pages of %d: got %v, want %v", limit, got, want)
			}
		}
		list, err := blobs.List(ctx, store.Digest{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range list {
			if b.Bytes != sizes[b.Digest] || b.Modified.Before(before) || b.Modified.After(time.Now().Add(2*time.Second)) {
				t.Errorf("of a blob of %d bytes it says %d, put at %v", sizes[b.Digest], b.Bytes, b.Modified)
			}
		}
		if err := blobs.Delete(ctx, want[3]); err != nil {
			t.Fatal(err)
		}
		if got := listDigests(t, blobs, 2); !slices.Equal(got, slices.Delete(slices.Clone(want), 3, 4)) {
			t.Errorf("after one was deleted it lists %v", got)
		}
		if got, err := blobs.List(ctx, store.Digest(bytes.Repeat([]byte{0xff}, 32)), 10); err != nil || len(got) != 0 {
			t.Errorf("after the last it lists %v, %v", got, err)
		}
	})

	t.Run("a big blob comes back as it was put", func(t *testing.T) {
		blobs := open(t)
		content := randomBytes(70 << 20)
		if got := readBlob(t, blobs, putBytes(t, blobs, content)); !bytes.Equal(got, content) {
			t.Errorf("read back %d bytes that differ", len(got))
		}
	})

	t.Run("an opened blob cannot be written", func(t *testing.T) {
		blobs := open(t)
		d := putBytes(t, blobs, []byte("negative"))
		f, err := blobs.Open(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte("x"), 0); err == nil {
			t.Error("wrote to a blob")
		}
	})

	t.Run("nothing is done for a caller who left", func(t *testing.T) {
		blobs := open(t)
		left, leave := context.WithCancel(ctx)
		leave()
		d, f := completeFile(t, []byte("negative"))
		if err := blobs.Put(left, d, f); !errors.Is(err, context.Canceled) {
			t.Errorf("put: got %v", err)
		}
		if _, err := blobs.Open(ctx, d); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open: got %v, want fs.ErrNotExist", err)
		}
	})

	t.Run("it can be written to", func(t *testing.T) {
		if err := open(t).Check(ctx); err != nil {
			t.Error(err)
		}
	})
}

// listDigests walks all blobs by pages.
func listDigests(t *testing.T, blobs store.Blobs, limit int) []store.Digest {
	t.Helper()
	var all []store.Digest
	for after := (store.Digest{}); ; {
		page, err := blobs.List(context.Background(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit {
			t.Fatalf("a page of %d has %d", limit, len(page))
		}
		for _, b := range page {
			all = append(all, b.Digest)
		}
		if len(page) < limit {
			return all
		}
		after = all[len(all)-1]
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// completeFile returns an open file of the content, as Blobs.Put wants it.
func completeFile(t *testing.T, content []byte) (store.Digest, *os.File) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content), f
}

func putBytes(t *testing.T, blobs store.Blobs, content []byte) store.Digest {
	t.Helper()
	d, f := completeFile(t, content)
	if err := blobs.Put(context.Background(), d, f); err != nil {
		t.Fatal(err)
	}
	return d
}

func readBlob(t *testing.T, blobs store.Blobs, d store.Digest) []byte {
	t.Helper()
	f, err := blobs.Open(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
