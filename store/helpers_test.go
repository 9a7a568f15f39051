package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// completeFile returns an open file of the content, as Blobs.Put wants it.
func completeFile(t *testing.T, content []byte) (Digest, *os.File) {
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

func putBytes(t *testing.T, blobs Blobs, content []byte) Digest {
	t.Helper()
	d, f := completeFile(t, content)
	if err := blobs.Put(context.Background(), d, f); err != nil {
		t.Fatal(err)
	}
	return d
}

func readBlob(t *testing.T, blobs Blobs, d Digest) []byte {
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

var hostileNames = []string{
	"", " ", ".", "../../etc/passwd", `C:\windows\system32`, "a\x00b", "\x00", "\r\nSet-Cookie: a=b", "'; drop table original; --",
	`"quoted"`, "$1", "%s%n", "<script>alert(1)</script>", "\u202efdp.exe", "e\u0301", "é", "日本語.png", "\U0001f4f7", "\xff\xfe not UTF-8",
	strings.Repeat("ä", MaxName/2) + "x", strings.Repeat("\x00", MaxName),
}

// testOriginal returns a record with a new id.
func testOriginal(t *testing.T, format string) Original {
	t.Helper()
	id, created, err := newID()
	if err != nil {
		t.Fatal(err)
	}
	o := Original{ID: id, Created: created, Format: format, Bytes: 7, Width: 2, Height: 3, Orientation: 1, Frames: 1, Depth: 8}
	copy(o.Digest[:], id[:])
	return o
}

func addRecord(t *testing.T, index Index, o Original) {
	t.Helper()
	if err := index.Add(context.Background(), o, Usage{}); err != nil {
		t.Error(err)
	}
}

func listIDs(t *testing.T, index Index, q Query) []ID {
	t.Helper()
	ids, _ := listPage(t, index, q)
	return ids
}

// listPage returns the ids of a page, and the Before of the page after it.
func listPage(t *testing.T, index Index, q Query) (ids []ID, next ID) {
	t.Helper()
	list, next, err := index.List(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) > q.Limit {
		t.Fatalf("a page of %d, more than the limit of %d", len(list), q.Limit)
	}
	for _, o := range list {
		ids = append(ids, o.ID)
	}
	return ids, next
}

func allPages(t *testing.T, index Index, q Query) (all []ID) {
	t.Helper()
	for {
		page, next := listPage(t, index, q)
		all = append(all, page...)
		if next == (ID{}) {
			return all
		}
		q.Before = next
	}
}
