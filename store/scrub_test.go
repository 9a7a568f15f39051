package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"
)

func TestScrubFindsWhatIsDamagedOrMissing(t *testing.T) {
	s := openWatched(t)
	var whole, damaged, missing []Original
	for i := range 60 {
		o := s.mustAdd(t, randomBytes(1000+i))
		switch i % 6 {
		case 0:
			flip(t, s.Store, o.Digest, i)
			damaged = append(damaged, o)
		case 1:
			if err := os.Remove(s.blobs.(*disk).path(o.Digest)); err != nil {
				t.Fatal(err)
			}
			missing = append(missing, o)
		default:
			whole = append(whole, o)
		}
	}
	orphan := putBytes(t, s.blobs, randomBytes(100))
	flip(t, s.Store, orphan, 3)
	removed := s.mustAdd(t, randomBytes(10))
	if err := s.Remove(t.Context(), removed.ID); err != nil {
		t.Fatal(err)
	}

	var found []ID
	parts := []float64{0}
	seen, err := s.Scrub(t.Context(), ScrubOptions{
		Damaged: func(d Damage) {
			if !errors.Is(d.Err, ErrDamaged) || len(d.IDs) != 1 {
				t.Errorf("told %+v", d)
			}
			found = append(found, d.IDs...)
		},
		Checked: func(_ Scrubbed, part float64) { parts = append(parts, part) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen.Damaged != 20 || seen.Unread != 0 || seen.Blobs != 51 {
		t.Errorf("seen %+v", seen)
	}
	if !slices.IsSorted(parts) || parts[len(parts)-1] >= 1 || len(parts) != 52 {
		t.Errorf("told to be so far: %v", parts)
	}
	byID := func(a, b ID) int { return bytes.Compare(a[:], b[:]) }
	var want []ID
	for _, o := range slices.Concat(damaged, missing) {
		want = append(want, o.ID)
	}
	slices.SortFunc(found, byID)
	slices.SortFunc(want, byID)
	if !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
	if n := len(s.damages); n != 20 {
		t.Errorf("told of %d damages, want 20", n)
	}
	for _, o := range damaged {
		if _, err := s.blobs.Open(t.Context(), o.Digest); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("damaged, and not in quarantine: %v", err)
		}
	}
	for _, o := range whole {
		f, err := s.Open(t.Context(), o)
		if err != nil {
			t.Error(err)
			continue
		}
		f.Close()
	}
	if seen, err = s.Scrub(t.Context(), ScrubOptions{}); err != nil || seen.Damaged != 20 || seen.Blobs != 40 {
		t.Errorf("the second time: %+v, %v", seen, err)
	}
}

// What the disk does not let be read is told, and left where it is.
func TestScrubOfWhatCannotBeRead(t *testing.T) {
	s := openWatched(t)
	o := s.mustAdd(t, randomBytes(100))
	path := s.blobs.(*disk).path(o.Digest)
	// A folder can be opened and not be read, by anybody.
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	seen, err := s.Scrub(t.Context(), ScrubOptions{})
	if err != nil || seen.Unread != 1 || seen.Damaged != 0 {
		t.Errorf("seen %+v, %v", seen, err)
	}
	if d := s.told(t); errors.Is(d.Err, ErrDamaged) || len(d.IDs) != 1 {
		t.Errorf("told %+v", d)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestScrubKeepsToItsRate(t *testing.T) {
	s := openTestStore(t, t.TempDir())
	if _, err := addBytes(t, s, randomBytes(600_000), Original{}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := s.Scrub(t.Context(), ScrubOptions{Rate: 2_000_000}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("600 kB at 2 MB a second took %v", took)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := s.Scrub(ctx, ScrubOptions{Rate: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stopped: %v", err)
	}
}

// In each period all is read once, wherever it began.
func TestScrubbingInTheBackground(t *testing.T) {
	told := make(chan Damage, 100)
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Dir: dir, ScrubEvery: time.Second, Damaged: func(d Damage) { told <- d }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var wrong []Original
	for i := range 20 {
		o, err := addBytes(t, s, randomBytes(100), Original{})
		if err != nil {
			t.Fatal(err)
		}
		if i%4 == 0 {
			flip(t, s, o.Digest, i)
			wrong = append(wrong, o)
		}
	}
	for range wrong {
		select {
		case d := <-told:
			if !slices.ContainsFunc(wrong, func(o Original) bool { return o.Digest == d.Digest }) {
				t.Errorf("told %+v", d)
			}
		case <-time.After(time.Minute):
			t.Fatal("not all that is damaged is found")
		}
	}
	if s.State().Damaged != uint64(len(wrong)) {
		t.Errorf("%d are counted, want %d", s.State().Damaged, len(wrong))
	}
}

// Blobs and records are listed by pages, and each digest is met once, in order.
func TestComparingGoesPageByPage(t *testing.T) {
	s := openTestStore(t, memoryFolder(t))
	const all = 2*comparePage + 100
	want := map[Digest]string{}
	var records []entry
	for i := range all {
		content := randomBytes(10)
		d, f := completeFile(t, content)
		if i%3 != 0 {
			if err := s.blobs.Put(t.Context(), d, f); err != nil {
				t.Fatal(err)
			}
			want[d] = "blob"
		}
		f.Close()
		for range i % 3 * (i % 2) { // some have two
			o := testOriginal(t, "png")
			o.Digest = d
			records = append(records, entry{Original: o})
		}
		if i%3 == 0 {
			o := testOriginal(t, "png")
			o.Digest = d
			records = append(records, entry{Original: o})
		}
	}
	for _, o := range records {
		if want[o.Digest] == "blob" {
			want[o.Digest] = "both"
		} else if want[o.Digest] == "" {
			want[o.Digest] = "record"
		}
	}
	for page := range slices.Chunk(records, maxBatch) {
		if _, err := s.index.(*sqlIndex).addAll(page); err != nil {
			t.Fatal(err)
		}
	}
	for _, after := range []Digest{{}, {0x80}, {0xff, 0xff, 0xff, 0xff}} {
		met, last := 0, after
		meet := func(d Digest, what string) error {
			if bytes.Compare(d[:], last[:]) <= 0 {
				t.Fatalf("%s after %s", d, last)
			}
			if want[d] != what {
				t.Errorf("%s is %q, want %q", d, what, want[d])
			}
			met, last = met+1, d
			return nil
		}
		err := s.compare(t.Context(), after, func(b Blob, recorded bool) error {
			return meet(b.Digest, map[bool]string{false: "blob", true: "both"}[recorded])
		}, func(d Digest) error { return meet(d, "record") })
		wanted := 0
		for d := range want {
			if bytes.Compare(d[:], after[:]) > 0 {
				wanted++
			}
		}
		if err != nil || met != wanted {
			t.Errorf("after %s: met %d, %v, want %d", after, met, err, wanted)
		}
	}
}
