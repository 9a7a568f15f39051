package storetest

import (
	"slices"
	"testing"
	"time"

	"calotype/store"
)

// testSearch tests how an index finds records by their names.
func testSearch(t *testing.T, open func(t *testing.T) store.Index) {
	// named adds records of these names, and returns what a query finds by their names, newest first.
	named := func(t *testing.T, names ...string) (index store.Index, find func(q store.Query) []string) {
		index = open(t)
		name := map[store.ID]string{}
		for _, n := range names {
			o := testOriginal(t, "png")
			o.Name = n
			addRecord(t, index, o)
			name[o.ID] = n
		}
		return index, func(q store.Query) (found []string) {
			for _, id := range allPages(t, index, q) {
				found = append(found, name[id])
			}
			return found
		}
	}

	t.Run("a part of a name finds it, in letters of either case", func(t *testing.T) {
		_, find := named(t, "IMG_0001.JPG", "img_0002.jpg", "Straße.png", "ΣΊΣΥΦΟΣ.gif", "Élan vital.webp", "日本の庭.avif", "")
		for part, want := range map[string][]string{
			"IMG": {"img_0002.jpg", "IMG_0001.JPG"}, "img": {"img_0002.jpg", "IMG_0001.JPG"}, "0001": {"IMG_0001.JPG"}, "g_0": {"img_0002.jpg", "IMG_0001.JPG"},
			".jPg": {"img_0002.jpg", "IMG_0001.JPG"}, "STRASSE": {"Straße.png"}, "straße": {"Straße.png"}, "σίσυφος": {"ΣΊΣΥΦΟΣ.gif"}, "élan": {"Élan vital.webp"},
			"e\u0301lan": {"Élan vital.webp"}, "n v": {"Élan vital.webp"}, "庭": {"日本の庭.avif"}, "img_0001.jpg": {"IMG_0001.JPG"}, "img_0001.jpg2": nil, "gmi": nil,
		} {
			for _, limit := range []int{1, 10} {
				if got := find(store.Query{Name: part, Limit: limit}); !slices.Equal(got, want) {
					t.Errorf("%q finds %q, want %q", part, got, want)
				}
			}
		}
		if got := find(store.Query{Limit: 3}); len(got) != 7 {
			t.Errorf("without a name: %q", got)
		}
	})

	t.Run("nothing in what is searched for has another meaning", func(t *testing.T) {
		_, find := named(t, "100%.png", "100_.png", `back\slash`, "it's", `"quoted"`, "star*", "plain")
		for part, want := range map[string]string{"%": "100%.png", "_": "100_.png", `\`: `back\slash`, "'": "it's", `"`: `"quoted"`, "*": "star*", "0%.": "100%.png"} {
			if got := find(store.Query{Name: part, Limit: 10}); !slices.Equal(got, []string{want}) {
				t.Errorf("%q finds %q, want %q", part, got, want)
			}
		}
		for _, part := range []string{"1%g", "100__png", `\%`, "s_a"} {
			if got := find(store.Query{Name: part, Limit: 10}); len(got) > 0 {
				t.Errorf("%q finds %q", part, got)
			}
		}
	})

	t.Run("every name finds itself", func(t *testing.T) {
		_, find := named(t, hostileNames...)
		for _, name := range hostileNames {
			if got := find(store.Query{Name: name, Limit: 100}); !slices.Contains(got, name) {
				t.Errorf("%q finds %q", name, got)
			}
		}
	})

	t.Run("a search goes with all else that is asked", func(t *testing.T) {
		index := open(t)
		var all []store.Original
		for i := range 40 {
			o := testOriginal(t, []string{"png", "jpeg", "gif"}[i%3])
			o.Name = []string{"a tree", "a house"}[i%2]
			o.Tenant = []string{"", "others"}[i/20]
			addRecord(t, index, o)
			all = append(all, o)
		}
		slices.Reverse(all)
		f := func(q store.Query, fits func(store.Original) bool) {
			t.Helper()
			var want []store.ID
			for _, o := range all {
				if o.Name == "a tree" && o.Tenant == q.Tenant && fits(o) {
					want = append(want, o.ID)
				}
			}
			q.Name = "TREE"
			for _, q.Limit = range []int{1, 2, 100} {
				if got := allPages(t, index, q); !slices.Equal(got, want) || len(want) == 0 {
					t.Errorf("%+v: got %v, want %v", q, got, want)
				}
			}
		}
		f(store.Query{}, func(store.Original) bool { return true })
		f(store.Query{Tenant: "others"}, func(store.Original) bool { return true })
		f(store.Query{Formats: []string{"gif", "png", "png"}}, func(o store.Original) bool { return o.Format != "jpeg" })
		f(store.Query{Before: all[25].ID}, func(o store.Original) bool { return o.ID.String() < all[25].ID.String() })
		day := all[0].Created.Truncate(24 * time.Hour)
		f(store.Query{Since: day, Until: day.Add(48 * time.Hour), Formats: []string{"jpeg"}}, func(o store.Original) bool { return o.Format == "jpeg" })
	})

	t.Run("the name of what was removed finds nothing", func(t *testing.T) {
		index, find := named(t, "secret.png", "public.png")
		for _, r := range walk(t, index, 10) {
			if r.Name == "secret.png" {
				if err := index.Remove(t.Context(), r.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := find(store.Query{Name: "c", Limit: 10}); !slices.Equal(got, []string{"public.png"}) {
			t.Errorf("found %q", got)
		}
	})

	t.Run("what was merged is found", func(t *testing.T) {
		index := open(t)
		o := testOriginal(t, "png")
		o.Name = "Merged.PNG"
		if err := index.Merge(t.Context(), store.Record{Original: o}); err != nil {
			t.Fatal(err)
		}
		if got := listIDs(t, index, store.Query{Name: "merged", Limit: 10}); !slices.Equal(got, []store.ID{o.ID}) {
			t.Errorf("found %v", got)
		}
	})
}

// testLooks tests how an index remembers what originals look like.
func testLooks(t *testing.T, open func(t *testing.T) store.Index) {
	const hash, other = "LEHV6nWB2yk8pyo0adR*.7kCMdnj", "LKO2?U%2Tw=w]~RBVZRi};RPxuwH"

	t.Run("all originals of some bytes have the look that is noted", func(t *testing.T) {
		index := open(t)
		a, b, c := testOriginal(t, "png"), testOriginal(t, "png"), testOriginal(t, "jpeg")
		b.Digest = a.Digest
		for _, o := range []store.Original{a, b, c} {
			addRecord(t, index, o)
		}
		note := func(looks ...store.Look) {
			t.Helper()
			if err := index.NoteLooks(t.Context(), looks...); err != nil {
				t.Fatal(err)
			}
		}
		want := func(o store.Original, hash string) {
			t.Helper()
			o.Blurhash = hash
			if got, err := index.Get(t.Context(), o.ID); err != nil || got != o {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, o)
			}
			list, _, err := index.List(t.Context(), store.Query{Limit: 10})
			if err != nil || !slices.Contains(list, o) {
				t.Errorf("listed %+v, %v\nwant %+v", list, err, o)
			}
		}
		want(a, "")
		note()
		note(store.Look{Digest: c.Digest, Blurhash: store.NoBlurhash}, store.Look{Digest: a.Digest, Blurhash: hash}, store.Look{Digest: store.Digest{1, 2}, Blurhash: hash})
		want(a, hash)
		want(b, hash)
		want(c, store.NoBlurhash)
		note(store.Look{Digest: a.Digest, Blurhash: other})
		want(a, other)
		want(c, store.NoBlurhash)
	})

	t.Run("a look goes with its original and does not come back", func(t *testing.T) {
		index := open(t)
		a, b := testOriginal(t, "png"), testOriginal(t, "png")
		b.Digest = a.Digest
		addRecord(t, index, a)
		addRecord(t, index, b)
		look := store.Look{Digest: a.Digest, Blurhash: hash}
		if err := index.NoteLooks(t.Context(), look); err != nil {
			t.Fatal(err)
		}
		if err := index.Remove(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		if err := index.NoteLooks(t.Context(), look); err != nil {
			t.Fatal(err)
		}
		for _, r := range walk(t, index, 10) {
			if want := map[bool]string{true: "", false: hash}[r.ID == a.ID]; r.Blurhash != want {
				t.Errorf("%s looks like %q, want %q", r.ID, r.Blurhash, want)
			}
		}
	})

	t.Run("looks are merged with their records", func(t *testing.T) {
		from, to := open(t), open(t)
		o := testOriginal(t, "png")
		addRecord(t, from, o)
		if err := from.NoteLooks(t.Context(), store.Look{Digest: o.Digest, Blurhash: hash}); err != nil {
			t.Fatal(err)
		}
		records := walk(t, from, 10)
		if err := to.Merge(t.Context(), records...); err != nil {
			t.Fatal(err)
		}
		if got, err := to.Get(t.Context(), o.ID); err != nil || got.Blurhash != hash {
			t.Errorf("got %+v, %v", got, err)
		}
		records[0].Removed, records[0].Name, records[0].Blurhash = time.Now().UTC().Truncate(time.Millisecond), "", ""
		if err := to.Merge(t.Context(), records...); err != nil {
			t.Fatal(err)
		}
		if got := walk(t, to, 10); len(got) != 1 || got[0] != records[0] {
			t.Errorf("got %+v, want %+v", got, records)
		}
	})
}
