//go:build durability && linux

package test

import (
	"database/sql"
	endian "encoding/binary"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// The program is killed again and again while it takes uploads. What it has acknowledged is there, whole, after each start; what it has not is
// there whole or not at all. However many images there are, it is soon ready. In the end calotype gc, beside uploads, deletes the bytes that the kills
// have left behind, and no others.
func TestDurabilityKills(t *testing.T) {
	const soon = 2 * time.Second
	const clients = 8
	k := newKeeper(t, t.TempDir())
	l := newLedger(t, 2_000_000)
	crowded(t, k, l, *crowdSize)
	var starts []time.Duration
	for left := *killCount; left > 0; left-- {
		starts = append(starts, k.restart(t))
		l.check(t, k.address, false)
		missing := max(0, *killUploads-l.counted())
		enough := 1 + l.draw(1+2*missing/left)
		if left == 1 {
			enough = max(enough, missing)
		}
		l.work(t, k.address, clients, enough, false, k.kill)
	}
	starts = append(starts, k.restart(t))
	l.work(t, k.address, clients, 10, false, func() {
		k.collect(t)
		k.kill()
	})
	starts = append(starts, k.restart(t))
	l.check(t, k.address, true)
	k.collect(t)
	used := checkCrowd(t, k)
	for _, digest := range l.kept {
		used[digest] = true
	}
	if files := k.blobs(t); files != len(used) {
		t.Errorf("%d files are kept, and %d needed", files, len(used))
	}
	l.check(t, k.address, false)
	k.stop(t)

	median, longest := spread(starts)
	t.Logf("%d kills, %d uploads (%d of them resumed) and %d deletions acknowledged; ready with %d images after %v at the median, %v at most",
		*killCount, l.acknowledged, l.resumed, l.deletions, *crowdSize+len(l.kept), median, longest)
	if median > soon {
		t.Errorf("half of the starts took longer than %v", soon)
	}
	if l.resumed == 0 {
		t.Error("no upload was resumed")
	}
	if l.acknowledged < *killUploads {
		t.Errorf("only %d uploads were acknowledged", l.acknowledged)
	}
}

// crowdEnd is above the ids of crowded: they tell of a time long past.
const crowdEnd = "01000000-0000-7000-8000-000000000000"

// crowdKinds is how many different files a crowd has.
const crowdKinds = 10

// crowded puts so many images into the data folder of a keeper that does not run: some are uploaded, and their records are then repeated under
// other ids, which takes seconds where as many uploads would take minutes.
func crowded(t testing.TB, k *keeper, l *ledger, count int) {
	t.Helper()
	k.start(t)
	c := connection()
	defer c.CloseIdleConnections()
	for i := range crowdKinds {
		if _, status, answer := l.upload(c, k.address, deposit{uint64(i), 5000}, true); status != 201 {
			t.Fatalf("an upload is answered %d: %s", status, answer)
		}
	}
	k.stop(t)

	db, err := sql.Open("sqlite", filepath.Join(k.data, "index.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names, records := readRecords(t, db)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	insert, err := tx.Prepare(fmt.Sprintf("insert into original (%s) values (?%s)", strings.Join(names, ", "), strings.Repeat(", ?", len(names)-1)))
	if err != nil {
		t.Fatal(err)
	}
	id := slices.Index(names, "id")
	for i := range count {
		record := slices.Clone(records[i%len(records)])
		record[id] = crowdID(i)
		if _, err := insert.Exec(record...); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// readRecords returns the columns of all records, and their values.
func readRecords(t testing.TB, db *sql.DB) (names []string, records [][]any) {
	t.Helper()
	rows, err := db.Query("select * from original")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if names, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		record, to := make([]any, len(names)), make([]any, len(names))
		for i := range record {
			to[i] = &record[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return names, records
}

// crowdID is the i-th id of a crowd, a UUID of version 7.
func crowdID(i int) []byte {
	id := make([]byte, 16)
	endian.BigEndian.PutUint64(id, uint64(i)<<16|7<<12)
	id[8] = 0x80
	return id
}

// collect has the bytes deleted that belong to no image, new ones too.
func (k *keeper) collect(t testing.TB) {
	t.Helper()
	if said, err := exec.Command(binary(t), "gc", "--data", k.data, "--grace", "0s").CombinedOutput(); err != nil {
		t.Errorf("calotype gc: %v: %.1000s", err, said)
	}
}

// blobs returns how many files of originals there are.
func (k *keeper) blobs(t testing.TB) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.data, "blobs", "??", "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// checkCrowd looks at some images of a crowd, all its files among them, and returns their digests.
func checkCrowd(t testing.TB, k *keeper) (digests map[fingerprint]bool) {
	t.Helper()
	c := connection()
	defer c.CloseIdleConnections()
	digests = map[fingerprint]bool{}
	for i := range *crowdSize {
		if i >= crowdKinds && i%(*crowdSize/100+1) != 0 {
			continue
		}
		raw := crowdID(i)
		id := fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
		status, digest, err := download(c, k.address, id)
		if status != 200 || err != nil {
			t.Errorf("image %s: status %d, %v", id, status, err)
		}
		digests[digest] = true
	}
	if len(digests) > crowdKinds {
		t.Errorf("%d files have become %d", crowdKinds, len(digests))
	}
	return digests
}
