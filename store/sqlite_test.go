package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListingWalksAnIndex(t *testing.T) {
	x := openTestSQLite(t, filepath.Join(t.TempDir(), "index.sqlite"))
	for filled := range 2 {
		for _, formats := range [][]string{nil, {"png"}, {"jpeg", "png"}, {"avif", "gif", "jpeg", "png", "webp"}} {
			for _, before := range []ID{{}, testOriginal(t, "png").ID} {
				plan := explain(t, x, Query{Formats: formats, Before: before, Limit: 10})
				walks := strings.Count(plan, "SEARCH original USING INDEX original_by_")
				if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") || walks != max(1, len(formats)) {
					t.Errorf("formats %q:\n%s", formats, plan)
				}
			}
		}
		if filled == 0 {
			for i := range 300 {
				addRecord(t, x, testOriginal(t, []string{"png", "jpeg"}[i%2]))
			}
			if _, err := x.writer.Exec("analyze"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func explain(t *testing.T, x *sqlIndex, q Query) string {
	t.Helper()
	query, arguments := listing(q, x.limited)
	rows, err := x.reader.Query("explain query plan "+query, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

func TestEveryConnectionIsSetUp(t *testing.T) {
	x := openTestSQLite(t, filepath.Join(t.TempDir(), "index.sqlite"))
	ctx := context.Background()
	for range readers { // each holds one connection until the test ends
		conn, err := x.reader.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "5000", "foreign_keys": "1", "query_only": "1"} {
			var got string
			if err := conn.QueryRowContext(ctx, "pragma "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("reader: %s is %s, %v; want %s", pragma, got, err, want)
			}
		}
		if _, err := conn.ExecContext(ctx, "delete from original"); err == nil {
			t.Error("a reader can write")
		}
	}
}

func TestUnsafeSettingsAreRefused(t *testing.T) {
	for _, settings := range []string{"_journal_mode=delete&_synchronous=full", "_journal_mode=wal&_synchronous=normal"} {
		pool, err := openPool(filepath.Join(t.TempDir(), "index.sqlite"), settings, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		if err := checkSettings(context.Background(), pool); err == nil {
			t.Errorf("%s passed", settings)
		}
	}
}

func TestOldSQLiteIsRefused(t *testing.T) {
	for version, good := range map[string]bool{
		"3.51.3": true, "3.52.0": true, "3.100.0": true, "4.0.0": true,
		"3.51.2": false, "3.9.99": false, "2.99.99": false, "": false, "3.51": false, "new": false,
	} {
		if err := checkVersion(version); (err == nil) != good {
			t.Errorf("version %q: %v", version, err)
		}
	}
}

func TestSharedBytesAreFoundByAnIndex(t *testing.T) {
	x := openTestSQLite(t, filepath.Join(t.TempDir(), "index.sqlite"))
	var id, parent, unused int
	var detail string
	err := x.reader.QueryRow("explain query plan select 1 from original where digest = $1 and removed is null", []byte{1}).Scan(&id, &parent, &unused, &detail)
	if err != nil || !strings.Contains(detail, "INDEX original_by_digest") {
		t.Errorf("%s, %v", detail, err)
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.sqlite")
	content := strings.Repeat("not a database. ", 100)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openSQLite(context.Background(), path); err == nil {
		t.Error("opened it")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("changed it: %v", err)
	}
}

func TestFullDatabase(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	x := s.index.(*sqlIndex)
	if _, err := x.writer.Exec("pragma max_page_count = 20"); err != nil {
		t.Fatal(err)
	}
	var kept []Original
	for range 2000 {
		o, err := addBytes(t, s, []byte("negative"), Original{Format: "png", Name: strings.Repeat("n", MaxName)})
		if err != nil {
			if !errors.Is(err, ErrFull) {
				t.Errorf("got %v, want ErrFull", err)
			}
			break
		}
		kept = append(kept, o)
	}
	if len(kept) == 0 || len(kept) == 2000 {
		t.Fatalf("%d were kept", len(kept))
	}
	if _, err := x.writer.Exec("pragma max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	o, err := addBytes(t, s, []byte("negative"), Original{Format: "png"})
	if err != nil {
		t.Errorf("with space again: %v", err)
	}
	for _, o := range append(kept, o) {
		mustHold(t, s, o, []byte("negative"))
	}
}

func openTestSQLite(t *testing.T, path string) *sqlIndex {
	t.Helper()
	x, err := openSQLite(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}
