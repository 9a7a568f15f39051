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
	"sync"
	"testing"

	"calotype/store"
)

// Blobs tests what every store.Blobs must do. Each call of open returns an empty one, and closes it when the test ends.
func Blobs(t *testing.T, open func(t *testing.T) store.Blobs) {
	ctx := context.Background()

	t.Run("a blob comes back as it was put", func(t *testing.T) {
		blobs := open(t)
		for _, size := range []int{0, 1, 4096, 16 << 20} {
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
