package storetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"calotype/store"
)

// testTenants tests what every index must do by which the tenants of a server are kept apart and within their bounds.
func testTenants(t *testing.T, open func(t *testing.T) store.Index) {
	ctx := context.Background()
	names := []string{"", "acme", "acme-2", "zeta"}

	// fill adds some originals of each tenant, mixed, and returns them by tenant, the oldest first.
	fill := func(t *testing.T, index store.Index, count int) map[string][]store.Original {
		t.Helper()
		all := map[string][]store.Original{}
		for i := range count {
			for j, name := range names {
				o := testOriginal(t, []string{"png", "jpeg", "gif"}[(i+j)%3])
				o.Tenant, o.Bytes, o.Name = name, int64(100*i+j+1), "a name"
				addRecord(t, index, o)
				all[name] = append(all[name], o)
			}
		}
		return all
	}

	t.Run("a record says whose it is, also when it was removed and merged elsewhere", func(t *testing.T) {
		index, other := open(t), open(t)
		for name, originals := range fill(t, index, 3) {
			for i, o := range originals {
				if i == 0 {
					if err := index.Remove(ctx, o.ID); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := index.Get(ctx, o.ID); got.Tenant != name || i == 0 != errors.Is(err, store.ErrGone) {
					t.Errorf("tenant %q: %q, %v", name, got.Tenant, err)
				}
			}
		}
		want := walk(t, index, 5)
		if err := other.Merge(ctx, want...); err != nil {
			t.Fatal(err)
		}
		if got := walk(t, other, 100); !slices.Equal(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})

	t.Run("a listing has what one tenant has", func(t *testing.T) {
		index := open(t)
		all := fill(t, index, 30)
		all["nobody"] = nil
		for name, originals := range all {
			for _, formats := range [][]string{nil, {"png"}, {"gif", "jpeg"}} {
				var want []store.ID
				for _, o := range slices.Backward(originals) {
					if formats == nil || slices.Contains(formats, o.Format) {
						want = append(want, o.ID)
					}
				}
				for _, limit := range []int{7, 1000} {
					q := store.Query{Tenant: name, Formats: formats, Limit: limit}
					if got := allPages(t, index, q); !slices.Equal(got, want) {
						t.Errorf("%+v: got %d ids, want %d, or another order", q, len(got), len(want))
					}
				}
			}
		}
	})

	t.Run("what a tenant has is counted whichever way it comes and goes", func(t *testing.T) {
		index, other := open(t), open(t)
		all := fill(t, index, 10)
		want := map[string]store.Usage{"nobody": {}}
		for name, originals := range all {
			if name == "" {
				continue
			}
			var u store.Usage
			for i, o := range originals {
				if i%3 == 0 {
					if err := index.Remove(ctx, o.ID); err != nil {
						t.Fatal(err)
					}
					if err := index.Remove(ctx, o.ID); !errors.Is(err, store.ErrGone) {
						t.Fatal(err)
					}
					continue
				}
				u.Images++
				u.Bytes += o.Bytes
				if err := index.Add(ctx, o, store.Usage{}); !errors.Is(err, fs.ErrExist) {
					t.Error(err)
				}
			}
			want[name] = u
		}
		mustHave := func(index store.Index, want map[string]store.Usage) {
			t.Helper()
			for name, u := range want {
				if got, err := index.Usage(ctx, name); got != u || err != nil {
					t.Errorf("tenant %q has %+v, %v, want %+v", name, got, err, u)
				}
			}
		}
		mustHave(index, want)
		records := walk(t, index, 100)
		for range 2 {
			if err := other.Merge(ctx, records...); err != nil {
				t.Fatal(err)
			}
			mustHave(other, want)
		}
		// A removal that comes by a merge counts, too, and once.
		removed := all["acme"][1]
		if err := index.Remove(ctx, removed.ID); err != nil {
			t.Fatal(err)
		}
		u := want["acme"]
		want["acme"] = store.Usage{Images: u.Images - 1, Bytes: u.Bytes - removed.Bytes}
		for range 2 {
			if err := other.Merge(ctx, walk(t, index, 100)...); err != nil {
				t.Fatal(err)
			}
			mustHave(other, want)
		}
	})

	t.Run("a tenant gets as much as it may have, and not more", func(t *testing.T) {
		index := open(t)
		f := func(bytes int64, most store.Usage, want bool) store.Original {
			t.Helper()
			o := testOriginal(t, "png")
			o.Tenant, o.Bytes = "acme", bytes
			err := index.Add(ctx, o, most)
			_, recorded := index.Get(ctx, o.ID)
			if want && (err != nil || recorded != nil) || !want && (!errors.Is(err, store.ErrQuota) || !errors.Is(recorded, fs.ErrNotExist)) {
				t.Errorf("%d bytes within %+v: %v; its record: %v", bytes, most, err, recorded)
			}
			return o
		}
		first := f(60, store.Usage{Images: 2, Bytes: 100}, true)
		f(41, store.Usage{Images: 2, Bytes: 100}, false)
		f(40, store.Usage{Images: 2, Bytes: 100}, true)
		f(0, store.Usage{Images: 2}, false)
		f(1, store.Usage{Images: 2, Bytes: 200}, false)
		f(1, store.Usage{Bytes: 100}, false)
		f(1<<40, store.Usage{Images: 3}, true)
		f(1<<41, store.Usage{Bytes: 1<<40 + 100 + 1<<41}, true)
		if err := index.Add(ctx, first, store.Usage{Images: 1}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("what is there already: %v, want fs.ErrExist", err)
		}
		var told *store.QuotaError
		o := testOriginal(t, "png")
		o.Tenant = "acme"
		if err := index.Add(ctx, o, store.Usage{Images: 4}); !errors.As(err, &told) || told.Tenant != "acme" || told.Has.Images != 4 || told.Most.Images != 4 {
			t.Errorf("it is told %v", err)
		}
		// What one has is nothing to another, and what is removed makes room.
		o.Tenant = "zeta"
		if err := index.Add(ctx, o, store.Usage{Images: 1}); err != nil {
			t.Error(err)
		}
		if err := index.Remove(ctx, first.ID); err != nil {
			t.Fatal(err)
		}
		f(60, store.Usage{Images: 4}, true)
	})

	t.Run("of many who add at once as many succeed as there is room for", func(t *testing.T) {
		index := open(t)
		var all sync.WaitGroup
		var mutex sync.Mutex
		added := map[string]int{}
		for i := range 40 {
			all.Go(func() {
				o := testOriginal(t, "png")
				o.Tenant = names[1+i%2]
				switch err := index.Add(ctx, o, store.Usage{Images: 13, Bytes: 7 * 11}); {
				case err == nil:
					mutex.Lock()
					added[o.Tenant]++
					mutex.Unlock()
				case !errors.Is(err, store.ErrQuota):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if fmt.Sprint(added) != "map[acme:11 acme-2:11]" {
			t.Errorf("%v, want 11 each", added)
		}
	})
}

// testSharedTenants tests what every index must do by which several processes have that many tenants add to.
func testSharedTenants(t *testing.T, open func(t *testing.T) (a, b store.Index)) {
	ctx := context.Background()

	t.Run("many add, remove and merge for several tenants at once", func(t *testing.T) {
		a, b := open(t)
		const each, most = 60, 50
		names := []string{"", "acme", "zeta", "yoyo"}
		var mutex sync.Mutex
		there := map[string]int64{}
		count := func(tenant string, n int64) {
			mutex.Lock()
			defer mutex.Unlock()
			there[tenant] += n
		}
		var all sync.WaitGroup
		for i := range 8 {
			one, other := a, b
			if i%2 == 1 {
				one, other = b, a
			}
			all.Go(func() {
				for n := range each {
					o := testOriginal(t, "png")
					o.Tenant = names[(n+i)%len(names)]
					if n%5 == 0 {
						// Records of several tenants in one transaction, in no order.
						records := []store.Record{{Original: o}, {Original: testOriginal(t, "png")}, {Original: testOriginal(t, "png")}}
						records[1].Tenant, records[2].Tenant = names[(n+i+3)%4], names[(n+i+2)%4]
						records[2].Removed = records[2].Created
						if err := one.Merge(ctx, records...); err != nil {
							t.Error(err)
						}
						count(o.Tenant, 1)
						count(records[1].Tenant, 1)
						continue
					}
					var bound store.Usage
					if o.Tenant == "yoyo" {
						bound.Images = most
					}
					err := one.Add(ctx, o, bound)
					if errors.Is(err, store.ErrQuota) {
						continue
					}
					if err != nil {
						t.Error(err)
						continue
					}
					count(o.Tenant, 1)
					if n%3 == 0 {
						if err := other.Remove(ctx, o.ID); err != nil {
							t.Error(err)
						}
						count(o.Tenant, -1)
					}
				}
			})
		}
		all.Wait()
		for _, name := range names {
			if got := len(listIDs(t, a, store.Query{Tenant: name, Limit: store.MaxLimit})); int64(got) != there[name] {
				t.Errorf("tenant %q has %d originals, want %d", name, got, there[name])
			}
			if u, err := b.Usage(ctx, name); err != nil || name != "" && u != (store.Usage{Images: there[name], Bytes: 7 * there[name]}) {
				t.Errorf("tenant %q has %+v, %v, want %d", name, u, err, there[name])
			}
		}
	})
}
