package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"calotype/store"
)

// testMerge tests what every index must do by which records are copied from one to another.
func testMerge(t *testing.T, open func(t *testing.T) store.Index) {
	ctx := context.Background()

	t.Run("a walk meets every record once, removed ones too, from the oldest", func(t *testing.T) {
		index := open(t)
		if got := walk(t, index, 10); len(got) != 0 {
			t.Errorf("of an empty index: %v", got)
		}
		var want []store.Record
		for i := range 50 {
			o := testOriginal(t, "png")
			o.Name = fmt.Sprint("name ", i)
			want = append(want, store.Record{Original: o})
		}
		for i := range want {
			addRecord(t, index, want[(i*7)%len(want)].Original) // in another order than that of the ids
		}
		began := time.Now().Truncate(time.Millisecond)
		for i := 0; i < len(want); i += 3 {
			if err := index.Remove(ctx, want[i].ID); err != nil {
				t.Fatal(err)
			}
		}
		for _, limit := range []int{1, 7, 50, 51, store.MaxLimit} {
			got := walk(t, index, limit)
			if len(got) != len(want) {
				t.Fatalf("by %d: %d records of %d", limit, len(got), len(want))
			}
			for i, r := range got {
				expected := want[i]
				if i%3 == 0 {
					if expected.Name = ""; r.Removed.Before(began) || r.Removed.After(time.Now()) || r.Removed.Location() != time.UTC {
						t.Errorf("record %d was removed at %v", i, r.Removed)
					}
					expected.Removed = r.Removed
				}
				if r != expected {
					t.Errorf("record %d: got  %+v\nwant %+v", i, r, expected)
				}
			}
		}
	})

	t.Run("what was walked can be merged elsewhere, any number of times", func(t *testing.T) {
		from, to := open(t), open(t)
		for i := range 40 {
			o := testOriginal(t, []string{"png", "jpeg"}[i%2])
			o.Name = hostileNames[i%len(hostileNames)]
			addRecord(t, from, o)
			if i%4 == 0 {
				if err := from.Remove(ctx, o.ID, "task"); err != nil {
					t.Fatal(err)
				}
			}
		}
		want := walk(t, from, 100)
		for _, part := range [][]store.Record{want[:25], want[10:], want, nil} {
			if err := to.Merge(ctx, part...); err != nil {
				t.Fatal(err)
			}
		}
		if got := walk(t, to, 100); !slices.Equal(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		for _, r := range want {
			o, err := to.Get(ctx, r.ID)
			if r.Removed.IsZero() && (err != nil || o != r.Original) || !r.Removed.IsZero() && !errors.Is(err, store.ErrGone) {
				t.Errorf("%+v came back as %+v, %v", r, o, err)
			}
		}
		if n, err := to.CountTasks(ctx, "task"); n != 0 || err != nil {
			t.Errorf("%d tasks came along, %v", n, err)
		}
	})

	t.Run("a removal wins whichever way it comes", func(t *testing.T) {
		a, b := open(t), open(t)
		o := testOriginal(t, "png")
		o.Name = "a name"
		addRecord(t, a, o)
		if err := b.Merge(ctx, walk(t, a, 10)...); err != nil {
			t.Fatal(err)
		}
		there := walk(t, a, 10)
		if err := a.Remove(ctx, o.ID); err != nil {
			t.Fatal(err)
		}
		gone := walk(t, a, 10)
		for _, records := range [][]store.Record{gone, there, gone} {
			if err := b.Merge(ctx, records...); err != nil {
				t.Fatal(err)
			}
			if got := walk(t, b, 10); !slices.Equal(got, gone) {
				t.Errorf("got  %+v\nwant %+v", got, gone)
			}
		}
		if shared, err := b.Shared(ctx, o.Digest); shared || err != nil {
			t.Errorf("its bytes are shared: %t, %v", shared, err)
		}
		if list := listIDs(t, b, store.Query{Limit: 10}); len(list) != 0 {
			t.Errorf("it is listed: %v", list)
		}
		later := gone[0]
		later.Removed = later.Removed.Add(time.Hour)
		if err := b.Merge(ctx, later); err != nil {
			t.Fatal(err)
		}
		if got := walk(t, b, 10); !slices.Equal(got, gone) {
			t.Errorf("removed a second time: %+v", got)
		}
	})
}

// walk returns all records of an index, some at a time.
func walk(t *testing.T, index store.Index, limit int) (all []store.Record) {
	t.Helper()
	var after store.ID
	for {
		page, err := index.Walk(context.Background(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < limit {
			break
		}
		after = page[len(page)-1].ID
	}
	if !slices.IsSortedFunc(all, func(a, b store.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) }) {
		t.Error("not in the order of their ids")
	}
	return all
}
