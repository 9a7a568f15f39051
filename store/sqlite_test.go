package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
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

// A search reads names in an index, and of the table only what it has found. It goes through so many records and no more, and the pages of
// a search that finds nothing go on to the end.
func TestASearchIsBounded(t *testing.T) {
	x := openTestSQLite(t, filepath.Join(t.TempDir(), "index.sqlite"))
	fill(t, x, 2*MaxSearched+10)
	for _, q := range []Query{{Name: "needle", Limit: 10}, {Name: "needle", Limit: 10, Formats: []string{"gif", "png"}, Since: time.UnixMilli(5)}} {
		plan := explain(t, x, q)
		if strings.Contains(plan, "SCAN") || !strings.Contains(plan, "SEARCH original USING COVERING INDEX original_by_id") {
			t.Errorf("%+v:\n%s", q, plan)
		}
	}
	f := func(q Query, want, pages int) { t.Helper(); wantFound(t, x, q, want, pages) }
	f(Query{Name: "Name 1.PNG", Limit: 10}, 1, 3) // the oldest of all
	f(Query{Name: "nowhere", Limit: 10}, 0, 3)
	f(Query{Name: "name 12345", Limit: 1000}, 11, 3) // and 123450 to 123459
	f(Query{Name: "name", Limit: 1000, Since: time.UnixMilli(2*MaxSearched - 990)}, 1001, 2)
}

// fill adds n records by their numbers, which are their times in milliseconds, too.
func fill(t *testing.T, x *sqlIndex, n int) {
	t.Helper()
	_, err := x.writer.Exec(`insert into original (`+written+`)
		with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < $1)
		select unhex(printf('%012x%020x', n, n)), randomblob(32), 7, 'png', 1, 1, 1, 1, 8, false, 'Name ' || n || '.png', n, '', '', 'name ' || n || '.png' from numbers`, n)
	if err != nil {
		t.Fatal(err)
	}
}

// A name that was not folded, because a program added it that did not, is found once the index was opened anew.
func TestOldNamesAreFolded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.sqlite")
	x := openTestSQLite(t, path)
	var want []ID
	for i := range 2*foldPage + 1 {
		o := testOriginal(t, "png")
		o.Name = fmt.Sprintf("Bild %d.PNG", i)
		addRecord(t, x, o)
		want = append(want, o.ID)
	}
	slices.Reverse(want)
	if _, err := x.writer.Exec("update original set folded = null"); err != nil {
		t.Fatal(err)
	}
	q := Query{Name: "bild", Limit: MaxLimit}
	if got := listIDs(t, x, q); len(got) > 0 {
		t.Fatalf("%d are found before", len(got))
	}
	if err := x.Remove(t.Context(), want[0]); err != nil {
		t.Fatal(err)
	}
	if got := listIDs(t, openTestSQLite(t, path), q); !slices.Equal(got, want[1:]) {
		t.Errorf("%d of %d are found", len(got), len(want)-1)
	}
}

// A folded name fits into an index of PostgreSQL, whose entries have at most 2,704 bytes.
func TestFoldedNamesAreBounded(t *testing.T) {
	for r := rune(1); r <= 0x10ffff; r++ {
		if n := len(folded(string(r))); n > 5*len(string(r)) {
			t.Errorf("%U becomes %d bytes", r, n)
		}
	}
	if n := len(folded(strings.Repeat("\x00", MaxName) + strings.Repeat("\xff\x00", MaxName))); n > 5*3*MaxName {
		t.Errorf("%d bytes", n)
	}
}

func explain(t *testing.T, x *sqlIndex, q Query) string {
	t.Helper()
	query, arguments := listing(q, ID{1}, x.limited)
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

// wantFound goes through all pages of a search.
func wantFound(t *testing.T, index Index, q Query, want, pages int) {
	t.Helper()
	found, n := 0, 0
	for next := (ID{0xff}); next != (ID{}); n++ {
		var ids []ID
		q.Before = next
		ids, next = listPage(t, index, q)
		found += len(ids)
	}
	if found != want || n != pages {
		t.Errorf("%+v finds %d in %d pages, want %d in %d", q, found, n, want, pages)
	}
}
