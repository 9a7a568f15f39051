package storetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"calotype/store"
)

// Index tests what every store.Index must do. Each call of open returns an empty one, and closes it when the test ends.
func Index(t *testing.T, open func(t *testing.T) store.Index) {
	ctx := context.Background()
	testMerge(t, open)
	testTenants(t, open)
	testPresets(t, open)
	testSearch(t, open)
	testLooks(t, open)

	t.Run("a record comes back as it was added", func(t *testing.T) {
		index := open(t)
		full := testOriginal(t, "avif")
		full.Bytes, full.Width, full.Height, full.Orientation = 1<<40, 65535, 1, 8
		full.Frames, full.Depth, full.Alpha, full.Name = 300, 16, true, "Mein Foto.avif"
		zero := store.Original{ID: full.ID, Created: time.UnixMilli(0).UTC()}
		zero.ID[0]++
		for _, o := range []store.Original{full, zero} {
			addRecord(t, index, o)
			if got, err := index.Get(ctx, o.ID); err != nil || got != o {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, o)
			}
		}
	})

	t.Run("a name may hold anything", func(t *testing.T) {
		index := open(t)
		for _, name := range hostileNames {
			o := testOriginal(t, "png")
			o.Name = name
			addRecord(t, index, o)
			if got, err := index.Get(ctx, o.ID); err != nil || got != o {
				t.Errorf("name %q came back as %q, %v", name, got.Name, err)
			}
		}
	})

	t.Run("what was never added does not exist", func(t *testing.T) {
		index := open(t)
		id := testOriginal(t, "png").ID
		if _, err := index.Get(ctx, id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("get: got %v, want fs.ErrNotExist", err)
		}
		if err := index.Remove(ctx, id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("remove: got %v, want fs.ErrNotExist", err)
		}
		if got := listIDs(t, index, store.Query{Limit: 10}); len(got) != 0 {
			t.Errorf("list: got %v", got)
		}
	})

	t.Run("an id is added once", func(t *testing.T) {
		index := open(t)
		o := testOriginal(t, "png")
		addRecord(t, index, o)
		other := o
		other.Format, other.Digest = "jpeg", store.Digest{9}
		if err := index.Add(ctx, other, store.Usage{}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("got %v, want fs.ErrExist", err)
		}
		if got, err := index.Get(ctx, o.ID); err != nil || got != o {
			t.Errorf("the first record became %+v, %v", got, err)
		}
	})

	t.Run("one of many who add an id at once succeeds", func(t *testing.T) {
		index := open(t)
		o := testOriginal(t, "png")
		results := make(chan error, 8)
		for range cap(results) {
			go func() { results <- index.Add(ctx, o, store.Usage{}) }()
		}
		added := 0
		for range cap(results) {
			if err := <-results; err == nil {
				added++
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		}
		if added != 1 {
			t.Errorf("%d of them succeeded", added)
		}
	})

	t.Run("many records may have one digest", func(t *testing.T) {
		index := open(t)
		a, b := testOriginal(t, "png"), testOriginal(t, "png")
		b.Digest = a.Digest
		addRecord(t, index, a)
		addRecord(t, index, b)
	})

	t.Run("what was removed is gone for ever", func(t *testing.T) {
		index := open(t)
		o, other := testOriginal(t, "png"), testOriginal(t, "png")
		addRecord(t, index, o)
		addRecord(t, index, other)
		if err := index.Remove(ctx, o.ID); err != nil {
			t.Fatal(err)
		}
		if left, err := index.Get(ctx, o.ID); !errors.Is(err, store.ErrGone) || left != o {
			t.Errorf("get: got %+v, %v, want ErrGone and %+v", left, err, o)
		}
		if err := index.Remove(ctx, o.ID); !errors.Is(err, store.ErrGone) {
			t.Errorf("second remove: got %v, want ErrGone", err)
		}
		if err := index.Add(ctx, o, store.Usage{}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("add: got %v, want fs.ErrExist", err)
		}
		for _, q := range []store.Query{{Limit: 10}, {Limit: 10, Formats: []string{"png"}}} {
			if got := listIDs(t, index, q); !slices.Equal(got, []store.ID{other.ID}) {
				t.Errorf("list: got %v, want %v", got, other.ID)
			}
		}
	})

	t.Run("pages follow each other from the newest to the oldest", func(t *testing.T) {
		index := open(t)
		formats := []string{"png", "jpeg", "webp", "gif", "avif"}
		var all []store.Original
		for i := range 60 {
			all = append(all, testOriginal(t, formats[i*i%len(formats)]))
		}
		for i := range all {
			addRecord(t, index, all[(i*7)%len(all)]) // in another order than that of the ids
		}
		slices.Reverse(all)
		for _, wanted := range [][]string{nil, {"png"}, {"gif", "png"}, {"png", "png", "jpeg", "tiff"}, formats, {"tiff"}, {"PNG"}, {"%"}} {
			var want []store.ID
			for _, o := range all {
				if len(wanted) == 0 || slices.Contains(wanted, o.Format) {
					want = append(want, o.ID)
				}
			}
			for _, limit := range []int{1, 7, len(want) + 1, store.MaxLimit} {
				if got := allPages(t, index, store.Query{Formats: wanted, Limit: limit}); !slices.Equal(got, want) {
					t.Errorf("formats %q by %d: got %d ids, want %d, or another order", wanted, limit, len(got), len(want))
				}
			}
		}
	})

	t.Run("bytes are shared as long as a record with their digest is there", func(t *testing.T) {
		index := open(t)
		a, b := testOriginal(t, "png"), testOriginal(t, "png")
		b.Digest = a.Digest
		mustShare := func(want bool) {
			t.Helper()
			if got, err := index.Shared(ctx, a.Digest); got != want || err != nil {
				t.Errorf("got %t, %v, want %t", got, err, want)
			}
		}
		mustShare(false)
		addRecord(t, index, a)
		addRecord(t, index, b)
		for _, o := range []store.Original{a, b} {
			mustShare(true)
			if err := index.Remove(ctx, o.ID); err != nil {
				t.Fatal(err)
			}
		}
		mustShare(false)
	})

	t.Run("it tells which records have a digest, and which digests there are", func(t *testing.T) {
		index := open(t)
		var digests []store.Digest // in their order
		ids := map[store.Digest][]store.ID{}
		for i := range 30 {
			d := store.Digest{byte(i), 7}
			for range 1 + i%3 {
				o := testOriginal(t, "png")
				o.Digest = d
				addRecord(t, index, o)
				ids[d] = append(ids[d], o.ID)
			}
			switch i % 5 {
			case 0: // one of them is gone
				if err := index.Remove(ctx, ids[d][0]); err != nil {
					t.Fatal(err)
				}
				ids[d] = ids[d][1:]
			case 1: // all of them are
				for _, id := range ids[d] {
					if err := index.Remove(ctx, id); err != nil {
						t.Fatal(err)
					}
				}
				ids[d] = nil
			}
			if len(ids[d]) > 0 {
				digests = append(digests, d)
			}
		}
		for d, want := range ids {
			for _, limit := range []int{1, 2, 100} {
				got, err := index.Sharing(ctx, d, limit)
				if err != nil || !slices.Equal(got, want[:min(limit, len(want))]) {
					t.Errorf("%s, at most %d: got %v, %v, want %v", d, limit, got, err, want)
				}
			}
		}
		for _, limit := range []int{1, 7, 100} {
			var got []store.Digest
			for after := (store.Digest{}); ; after = got[len(got)-1] {
				page, err := index.Digests(ctx, after, limit)
				if err != nil || len(page) > limit {
					t.Fatalf("a page of %d, %v", len(page), err)
				}
				if got = append(got, page...); len(page) < limit {
					break
				}
			}
			if !slices.Equal(got, digests) {
				t.Errorf("by %d: got %d digests, want %d, or another order", limit, len(got), len(digests))
			}
		}
	})

	t.Run("a page can be of a time", func(t *testing.T) {
		index := open(t)
		start := time.UnixMilli(1_700_000_000_000).UTC()
		var ids []store.ID
		for i := range 10 {
			o := testOriginal(t, []string{"png", "jpeg"}[i%2])
			o.Created = start.Add(time.Duration(i) * time.Millisecond)
			least := store.FirstID(o.Created)
			copy(o.ID[:6], least[:6])
			addRecord(t, index, o)
			ids = append(ids, o.ID)
		}
		slices.Reverse(ids) // the newest first
		f := func(q store.Query, want ...store.ID) {
			t.Helper()
			q.Limit = 100
			if got := listIDs(t, index, q); !slices.Equal(got, want) {
				t.Errorf("%+v: got %v, want %v", q, got, want)
			}
		}
		at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Millisecond) }
		f(store.Query{Since: at(0)}, ids...)
		f(store.Query{Since: at(7)}, ids[:3]...)
		f(store.Query{Since: at(7).Add(1)}, ids[:2]...)
		f(store.Query{Until: at(3)}, ids[7:]...)
		f(store.Query{Until: at(3).Add(1)}, ids[6:]...)
		f(store.Query{Since: at(3), Until: at(5)}, ids[5], ids[6])
		f(store.Query{Since: at(3), Until: at(5), Before: ids[5]}, ids[6])
		f(store.Query{Since: at(3), Until: at(5), Formats: []string{"jpeg", "gif"}}, ids[6])
		f(store.Query{Since: at(3), Formats: []string{"jpeg", "png"}, Before: ids[2]}, ids[3:7]...)
		f(store.Query{Since: at(5), Until: at(5)})
		f(store.Query{Until: time.Unix(-1, 0)})
		f(store.Query{Since: time.Unix(-1, 0)}, ids...)
	})

	t.Run("pages stay in place while originals are added", func(t *testing.T) {
		index := open(t)
		var before []store.ID
		for range 100 {
			o := testOriginal(t, "png")
			addRecord(t, index, o)
			before = append(before, o.ID)
		}
		slices.Reverse(before)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						addRecord(t, index, testOriginal(t, "png"))
					}
				}
			})
		}
		for range 5 {
			got := allPages(t, index, store.Query{Formats: []string{"png", "gif"}, Limit: 9})
			if !slices.IsSortedFunc(got, func(a, b store.ID) int { return strings.Compare(b.String(), a.String()) }) {
				t.Error("not from the newest to the oldest")
			}
			if i := slices.Index(got, before[0]); i < 0 || !slices.Equal(got[i:], before) {
				t.Error("records that were there before are missing, or are there twice")
			}
		}
		close(stop)
		wg.Wait()
	})

	t.Run("a query out of bounds is refused", func(t *testing.T) {
		index := open(t)
		for _, q := range []store.Query{{}, {Limit: -1}, {Limit: store.MaxLimit + 1}, {Limit: 1, Formats: make([]string, store.MaxFormats+1)}, {Limit: 1, Name: strings.Repeat("x", store.MaxName+1)}} {
			if _, _, err := index.List(ctx, q); !errors.Is(err, store.ErrBadQuery) {
				t.Errorf("limit %d, %d formats: got %v, want ErrBadQuery", q.Limit, len(q.Formats), err)
			}
		}
		most := store.Query{Limit: store.MaxLimit}
		for i := range store.MaxFormats {
			most.Formats = append(most.Formats, fmt.Sprintf("f%d", i))
		}
		if got := listIDs(t, index, most); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})

	t.Run("nothing is done for a caller who left", func(t *testing.T) {
		index := open(t)
		left, leave := context.WithCancel(ctx)
		leave()
		o := testOriginal(t, "png")
		if err := index.Add(left, o, store.Usage{}); !errors.Is(err, context.Canceled) {
			t.Errorf("add: got %v", err)
		}
		if _, err := index.Get(ctx, o.ID); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("get: got %v, want fs.ErrNotExist", err)
		}
	})

	t.Run("it can be written to", func(t *testing.T) {
		if err := open(t).Check(ctx); err != nil {
			t.Error(err)
		}
	})
}

var hostileNames = []string{
	"", " ", ".", "../../etc/passwd", `C:\windows\system32`, "a\x00b", "\x00", "\r\nSet-Cookie: a=b", "'; drop table original; --",
	`"quoted"`, "$1", "%s%n", "<script>alert(1)</script>", "\u202efdp.exe", "e\u0301", "é", "日本語.png", "\U0001f4f7", "\xff\xfe not UTF-8",
	strings.Repeat("ä", store.MaxName/2) + "x", strings.Repeat("\x00", store.MaxName), strings.Repeat("\U0001d160", store.MaxName/4),
}

// testOriginal returns a record with a new id.
func testOriginal(t *testing.T, format string) store.Original {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	o := store.Original{ID: id, Created: time.Unix(id.Time().UnixTime()).UTC(), Format: format, Bytes: 7, Width: 2, Height: 3, Orientation: 1, Frames: 1, Depth: 8}
	copy(o.Digest[:], id[:])
	return o
}

func addRecord(t *testing.T, index store.Index, o store.Original) {
	t.Helper()
	if err := index.Add(context.Background(), o, store.Usage{}); err != nil {
		t.Error(err)
	}
}

func listIDs(t *testing.T, index store.Index, q store.Query) []store.ID {
	t.Helper()
	ids, _ := listPage(t, index, q)
	return ids
}

// listPage returns the ids of a page, and the Before of the page after it.
func listPage(t *testing.T, index store.Index, q store.Query) (ids []store.ID, next store.ID) {
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

func allPages(t *testing.T, index store.Index, q store.Query) (all []store.ID) {
	t.Helper()
	for {
		page, next := listPage(t, index, q)
		all = append(all, page...)
		if next == (store.ID{}) {
			return all
		}
		q.Before = next
	}
}
