package store

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite makes no checkpoints by itself any more: the log must not grow for ever.
func TestSQLiteLogIsMovedToTheDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.sqlite")
	x, err := openSQLite(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	size := func(path string) int64 {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	var logs [4]int64
	for i := range logs {
		for range 2 * checkpointAfter {
			id, created, err := newID()
			if err != nil {
				t.Fatal(err)
			}
			if err := x.Add(context.Background(), Original{ID: id, Created: created, Digest: Digest{1}, Format: "png"}, Usage{}); err != nil {
				t.Fatal(err)
			}
		}
		logs[i] = size(path + "-wal")
	}
	if logs[3] > 2*logs[0] {
		t.Errorf("the log grows for ever: %v bytes", logs)
	}
	if size(path) < 50_000 {
		t.Errorf("the database has %d bytes", size(path))
	}
}

// After a failed write, as after a kill, the files are read from the disk again, and what was committed is there.
func TestSQLiteFilesAreReadAgainAfterAFailure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.sqlite")
	x, err := openSQLite(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	add := func(x *sqlIndex) ID {
		t.Helper()
		id, created, err := newID()
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Add(context.Background(), Original{ID: id, Created: created, Digest: Digest{1}, Format: "png"}, Usage{}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	ids := []ID{add(x)}
	_, err = x.writer.ExecContext(context.Background(), "select no_such_function()")
	if err == nil || isSQLite(err, sqlite3.SQLITE_IOERR) {
		t.Errorf("a statement that is wrong fails with %v", err)
	}
	x.files.failed = true
	ids = append(ids, add(x))
	if x.files.failed {
		t.Error("the failure is not mended by the next write")
	}
	beside, err := openSQLite(context.Background(), path) // which finds a log, as after a kill
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	ids = append(ids, add(beside), add(x))
	for _, id := range ids {
		if _, err := x.Get(context.Background(), id); err != nil {
			t.Errorf("record %s: %v", id, err)
		}
	}
}
