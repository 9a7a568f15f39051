package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestNewerSchemaIsRefused(t *testing.T) {
	for _, change := range []string{
		"pragma user_version = 1000",
		"insert into schema_version (version_id, is_applied) values (1000, true)",
	} {
		path := filepath.Join(t.TempDir(), "index.sqlite")
		x := openTestSQLite(t, path)
		if _, err := x.writer.Exec(change); err != nil {
			t.Fatal(err)
		}
		if _, err := openSQLite(t.Context(), path); !errors.Is(err, ErrNewer) {
			t.Errorf("after %s: got %v, want ErrNewer", change, err)
		}
	}
}

// An index that was made before goose kept its notes, of either version of that time, has its records and can do what newer ones can.
func TestOlderSchemaIsBroughtUpToDate(t *testing.T) {
	newest := newestSQLite(t)
	for old := range int64(3) {
		path := filepath.Join(t.TempDir(), "index.sqlite")
		writeOldIndex(t, path, old)
		pool, err := openPool(path, "_journal_mode=wal&_txlock=immediate", 1)
		if err != nil {
			t.Fatal(err)
		}
		o, other := testOriginal(t, "png"), testOriginal(t, "png")
		if old > 0 {
			for _, o := range []Original{o, other} {
				if _, err := pool.Exec(oldAddSQL, values(o)[:12]...); err != nil {
					t.Fatal(err)
				}
			}
		}
		for round := range 2 {
			want := Versions{From: old, To: newest}
			if round > 0 {
				want.From = newest
			}
			if v, err := migrateSQLite(t.Context(), pool); v != want || err != nil {
				t.Errorf("from version %d: %+v, %v", old, v, err)
			}
		}
		if err := pool.Close(); err != nil {
			t.Fatal(err)
		}
		x := openTestSQLite(t, path)
		if old == 0 {
			addRecord(t, x, o)
			addRecord(t, x, other)
		}
		if got, err := x.Get(t.Context(), other.ID); err != nil || got != other {
			t.Errorf("from version %d: got  %+v, %v\nwant %+v", old, got, err, other)
		}
		if err := x.Remove(t.Context(), o.ID, "task"); err != nil {
			t.Error(err)
		}
		if n, err := x.CountTasks(t.Context(), "task"); n != 1 || err != nil {
			t.Errorf("%d tasks, %v", n, err)
		}
		if got := listIDs(t, x, Query{Limit: 10}); !slices.Equal(got, []ID{other.ID}) {
			t.Errorf("from version %d: the tenant of old records has %v", old, got)
		}
		var version int64
		if err := x.writer.QueryRow("pragma user_version").Scan(&version); err != nil || version != newest {
			t.Errorf("user_version %d, %v: programs of the time before goose rely on it", version, err)
		}
	}
}

// oldAddSQL is addSQL as it was at that time.
const oldAddSQL = `insert into original (id, digest, bytes, format, width, height, orientation, frames, depth, alpha, name, created)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

// newestSQLite is the version that this program brings an index to.
func newestSQLite(t *testing.T) int64 {
	t.Helper()
	s, err := newSchema(kindSQLite, openTestSQLite(t, filepath.Join(t.TempDir(), "index.sqlite")).writer)
	if err != nil {
		t.Fatal(err)
	}
	return s.newest
}

// writeOldIndex makes an index as it was before goose kept its notes: version 0 is an empty file.
func writeOldIndex(t *testing.T, path string, version int64) {
	t.Helper()
	pool, err := openPool(path, "_journal_mode=wal", 1)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := fs.Glob(migrations, "migrations/sqlite/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for v, step := range steps[:version] {
		text, err := migrations.ReadFile(step)
		if err != nil {
			t.Fatal(err)
		}
		_, statements, _ := strings.Cut(string(text), "-- +goose Up")
		if _, err := pool.Exec(statements + fmt.Sprintf(";pragma user_version = %d", v+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
}

// Nothing keeps apart two processes that open the same old folder at once, beside a third that serves or without one.
func TestManyMigrateAnSQLiteIndexAtOnce(t *testing.T) {
	for old := range int64(3) {
		path := filepath.Join(t.TempDir(), "index.sqlite")
		writeOldIndex(t, path, old)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				x, err := openSQLite(t.Context(), path)
				if err != nil {
					t.Errorf("from version %d: %v", old, err)
					return
				}
				defer x.Close()
				addRecord(t, x, testOriginal(t, "png"))
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		if got := listIDs(t, openTestSQLite(t, path), Query{Limit: 100}); len(got) != 8 {
			t.Errorf("%d records of 8", len(got))
		}
	}
}
