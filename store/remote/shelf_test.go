package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"calotype/store"
)

// diskBytes is what the files in a folder take, in whole blocks.
func diskBytes(t testing.TB, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it has just gone
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += blocksOf(info.Size()) * blockBytes
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatIsFetchedStaysWithinItsBudget(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	options := keeperOptions(t)
	k := open(t, options, &clock)
	const sources = 30
	body := func(i int) string { return picture(fmt.Sprint(i, strings.Repeat("x", 900<<10))) }
	for i := range sources {
		o.put(fmt.Sprint("/", i), file{body: body(i), header: []string{"Cache-Control: max-age=60000"}})
	}
	watched := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-watched:
				return
			default:
				k.shelf.mutex.Lock() // so that nothing goes from where it was counted
				n := diskBytes(t, options.Dir)
				k.shelf.mutex.Unlock()
				if n > options.Bytes {
					t.Errorf("%d bytes are on disk, of %d", n, options.Bytes)
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	})
	fetch := make(chan int)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for i := range fetch {
				mustGet(t, k, o.want(t, fmt.Sprint("/", i)), body(i))
			}
		})
	}
	for i := range sources {
		fetch <- i
		fetch <- 0 // which is wanted all the time
	}
	close(fetch)
	clients.Wait()
	close(watched)
	all.Wait()
	o.mustHaveAsked(t, "/0", 1)
	s := k.Stats()
	if s.Evicted == 0 || s.Bytes > options.Bytes || s.Bytes < options.Bytes/2 {
		t.Errorf("%+v", s)
	}
	if n := diskBytes(t, options.Dir); n != s.Bytes {
		t.Errorf("%d bytes are on disk, and it is said that %d are", n, s.Bytes)
	}

	// The next start knows as much, and what was used last.
	closeKeeper(t, k)
	k = open(t, options, &clock)
	if again := k.Stats(); again.Bytes != s.Bytes || again.Entries != s.Entries {
		t.Errorf("after a start %+v, before %+v", again, s)
	}
	closeKeeper(t, k)
	options.Bytes, options.MaxBytes = LeastBytes, 1<<20
	k = open(t, options, &clock)
	mustGet(t, k, o.want(t, fmt.Sprint("/", sources-1)), body(sources-1))
	o.mustHaveAsked(t, fmt.Sprint("/", sources-1), 1)
}

// What is being fetched counts from its first byte: when it takes all the room there is, more is refused and nothing breaks.
func TestFetchesUnderWayCountToTheBudget(t *testing.T) {
	s, err := openShelf(t.TempDir(), LeastBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var spools []*spool
	for {
		sp, err := s.newSpool()
		if err != nil {
			t.Fatal(err)
		}
		spools = append(spools, sp)
		if _, err := sp.Write(make([]byte, 1<<20)); err != nil {
			if !errors.Is(err, ErrBusy) {
				t.Errorf("got error %v", err)
			}
			break
		}
	}
	if n := len(spools); n < 10 || n > 16 {
		t.Errorf("%d of a MiB had room in 16", n)
	}
	for _, sp := range spools {
		sp.discard()
	}
	if s.blocks != 0 {
		t.Errorf("%d blocks are still taken", s.blocks)
	}
}

// A disk that others have filled is not filled further: what was fetched before gives way, and where there is nothing, fetches fail.
func TestAFullDiskIsNotFilledFurther(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	options := keeperOptions(t)
	full := false
	options.Room = func(int64) error {
		if full {
			return store.ErrFull
		}
		return nil
	}
	k := open(t, options, &clock)
	body := func(i int) string { return picture(fmt.Sprint(i, strings.Repeat("x", 500<<10))) }
	for i := range 12 {
		o.put(fmt.Sprint("/", i), file{body: body(i), header: []string{"Cache-Control: max-age=60000"}})
	}
	for i := range 6 {
		mustGet(t, k, o.want(t, fmt.Sprint("/", i)), body(i))
	}
	full = true
	before := diskBytes(t, options.Dir)
	for i := 6; i < 12; i++ {
		mustGet(t, k, o.want(t, fmt.Sprint("/", i)), body(i))
		if now := diskBytes(t, options.Dir); now > before {
			t.Errorf("%d bytes were on disk, and now %d are", before, now)
		}
	}
	options.Dir = t.TempDir()
	empty := open(t, options, &clock)
	before0, _ := o.asked("/0")
	for range 5 {
		mustFail(t, empty, o.want(t, "/0"), store.ErrFull)
	}
	o.mustHaveAsked(t, "/0", before0+1)
	full = false
	clock.pass(6 * time.Second)
	mustGet(t, empty, o.want(t, "/0"), body(0))
}

func TestASpoolThatIsResetBeginsAnew(t *testing.T) {
	s, err := openShelf(t.TempDir(), LeastBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	sp, err := s.newSpool()
	if err != nil {
		t.Fatal(err)
	}
	defer sp.discard()
	for _, text := range []string{"a longer one", "short"} {
		if err := sp.reset(); err != nil {
			t.Fatal(err)
		}
		if _, err := sp.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	i, err := s.keep(sp, strings.Repeat("a", 32), record{})
	if err != nil {
		t.Fatal(err)
	}
	i.age()
	f, err := s.open(t.Context(), i, sp.digest(), 5)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// A crash leaves any of these, and more than one.
func TestWhatACrashLeavesIsSweptAway(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	options := keeperOptions(t)
	k := open(t, options, &clock)
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60000"}})
	w := o.want(t, "/a")
	mustGet(t, k, w, picture("1"))
	clean := diskBytes(t, options.Dir)
	closeKeeper(t, k)
	record, bytes := filesOf(t, options.Dir)
	dir := filepath.Dir(record)
	if err := os.MkdirAll(filepath.Join(options.Dir, "00"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(options.Dir, newFolder, "HALF"): "half a fetch",
		record + ".OTHER": picture("of another time"),
		filepath.Join(dir, filepath.Base(dir)+strings.Repeat("0", 30)):          "a record without bytes",
		filepath.Join(dir, filepath.Base(dir)+strings.Repeat("1", 30)+".BYTES"): "bytes without a record",
		filepath.Join(dir, "x"): "what is none",
		filepath.Join(options.Dir, "00", filepath.Base(record)+"x"):       "in the wrong folder",
		filepath.Join(options.Dir, "00", filepath.Base(record)+"x.BYTES"): "in the wrong folder",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k = open(t, options, &clock)
	if n := diskBytes(t, options.Dir); n != clean {
		t.Errorf("%d bytes are on disk, want %d", n, clean)
	}
	mustGet(t, k, w, picture("1"))
	o.mustHaveAsked(t, "/a", 1)
	if _, err := os.Stat(bytes); err != nil {
		t.Error(err)
	}
}

// The process may end after any of the steps by which new bytes replace others: what is there then is the old or the new, whole.
func TestACrashWhileASourceIsReplacedLeavesOneOfBoth(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	old, fresh := file{body: picture("old"), header: []string{"Cache-Control: max-age=60"}}, file{body: picture("fresh!"), header: []string{"Cache-Control: max-age=60000"}}
	options := keeperOptions(t)
	k := open(t, options, &clock)
	o.put("/a", old)
	w := o.want(t, "/a")
	mustGet(t, k, w, old.body)
	oldRecord, oldBytes := filesOf(t, options.Dir)
	oldText, err := os.ReadFile(oldRecord)
	if err != nil {
		t.Fatal(err)
	}
	o.put("/a", fresh)
	clock.pass(2 * time.Minute)
	mustGet(t, k, w, fresh.body)
	closeKeeper(t, k) // with the old bytes still there, for those who might open them

	// After the record was replaced.
	k = open(t, options, &clock)
	mustGet(t, k, w, fresh.body)
	o.mustHaveAsked(t, "/a", 2)
	if _, err := os.Stat(oldBytes); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old bytes are still there: %v", err)
	}
	closeKeeper(t, k)

	// Before: both bytes are there, and the old record.
	if err := os.WriteFile(oldBytes, []byte(old.body), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(oldRecord, oldText, 0o600); err != nil {
		t.Fatal(err)
	}
	clock.pass(-2 * time.Minute)
	k = open(t, options, &clock)
	mustGet(t, k, w, old.body)
	o.mustHaveAsked(t, "/a", 2)
}

func TestFoldersThatAreNotForIt(t *testing.T) {
	if _, err := openShelf(t.TempDir(), LeastBytes-1); err == nil {
		t.Error("a budget below the least is taken")
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openShelf(path, LeastBytes); err == nil {
		t.Error("a file is taken for a folder")
	}
}

func TestAFullDiskIsSaidToBeOne(t *testing.T) {
	if err := localError(fmt.Errorf("write: %w", syscall.ENOSPC)); !errors.Is(err, store.ErrFull) || errors.Is(err, ErrOrigin) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkGetFresh(b *testing.B) {
	var clock testClock
	o := newOrigin(b, &clock)
	k := open(b, keeperOptions(b), &clock)
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60000"}})
	w := o.want(b, "/a")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Get(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
}
