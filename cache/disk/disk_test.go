package disk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// open opens a cache that is closed with the test, and waits until it knows its folder.
func open(t testing.TB, dir string, change ...func(*Options)) *Cache {
	t.Helper()
	o := Options{Bytes: LeastBytes, Log: func(message string, err error) { t.Log(message, err) }}
	for _, f := range change {
		f(&o)
	}
	c, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	settle(t, c)
	return c
}

// settle waits until the folder is known and all that was put is written or dropped.
func settle(t testing.TB, c *Cache) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Microsecond) {
		c.mutex.Lock()
		idle := c.scanned && c.waiting == 0
		c.mutex.Unlock()
		if idle {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the writer does not come to an end")
		}
	}
}

func key(text string, groups ...string) Key {
	if len(groups) == 0 {
		groups = []string{"group of " + text}
	}
	return Key{Text: text, Groups: groups}
}

// put puts an entry and waits until it is written.
func put(t testing.TB, c *Cache, k Key, meta, body string) {
	t.Helper()
	c.Put(k, []byte(meta), []byte(body), nil)
	settle(t, c)
}

func mustGet(t testing.TB, c *Cache, k Key, meta, body string) {
	t.Helper()
	e, ok := c.Get(t.Context(), k)
	if !ok || string(e.Meta) != meta || string(e.Body) != body || e.Digest != sha256.Sum256([]byte(body)) {
		t.Fatalf("Get(%.40q) = %.20q, %.20q, %v; want %.20q, %.20q", k.Text, e.Meta, e.Body, ok, meta, body)
	}
}

func mustMiss(t testing.TB, c *Cache, k Key) {
	t.Helper()
	if e, ok := c.Get(t.Context(), k); ok {
		t.Fatalf("Get(%.40q) = %.20q, %.20q; want nothing", k.Text, e.Meta, e.Body)
	}
}

// taken is what the folder takes of the disk, in bytes, everything in it included.
func taken(t testing.TB, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return ignoreMissing(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		total += max(info.Sys().(*syscall.Stat_t).Blocks*512, (info.Size()+511)/512*512)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func TestPutThenGet(t *testing.T) {
	c := open(t, t.TempDir())
	mustMiss(t, c, key("a"))
	put(t, c, key("a"), "meta", "body")
	mustGet(t, c, key("a"), "meta", "body")
	put(t, c, key("a"), "other meta", "other body")
	mustGet(t, c, key("a"), "other meta", "other body")
	put(t, c, key("empty"), "", "")
	mustGet(t, c, key("empty"), "", "")
	mustMiss(t, c, key("A"))
	s := c.Stats()
	if s.Hits != 3 || s.Misses != 2 || s.Written != 3 || s.Entries != 2 || s.Bytes != 2*blockBytes || s.Failing || s.Scanning {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsPutOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	for i := range 500 {
		c.Put(key(fmt.Sprint(i), fmt.Sprint("image ", i%7), "frame"), []byte("meta"), []byte(strings.Repeat("x", 100*i)), nil)
		if i%100 == 0 {
			settle(t, c)
		}
	}
	c.Close() // writes what waits
	before := c.Stats()
	if before.Entries != 500 || before.Dropped != 0 {
		t.Fatalf("%+v", before)
	}

	c = open(t, dir)
	if s := c.Stats(); s.Entries != before.Entries || s.Bytes != before.Bytes {
		t.Errorf("%d entries of %d bytes, then %d of %d", before.Entries, before.Bytes, s.Entries, s.Bytes)
	}
	for i := range 500 {
		mustGet(t, c, key(fmt.Sprint(i), fmt.Sprint("image ", i%7), "frame"), "meta", strings.Repeat("x", 100*i))
	}
}

func TestNilKeepsNothing(t *testing.T) {
	var c *Cache
	c.Put(key("a"), nil, []byte("body"), nil)
	if c.Has(key("a")) || c.RemoveMatching(t.Context(), "", func(string) bool { return true }) != 0 || c.Stats() != (Stats{}) {
		t.Error("it keeps something")
	}
	mustMiss(t, c, key("a"))
	c.Remove("a")
	c.Close()
}

func TestWhatDoesNotFitIsNotKept(t *testing.T) {
	c := open(t, t.TempDir())
	long := strings.Repeat("x", 1<<20)
	for what, k := range map[string]Key{
		"no text": {Groups: []string{"g"}}, "long text": {Text: long[:MaxText+1], Groups: []string{"g"}}, "no group": {Text: "a"},
		"many groups": {Text: "a", Groups: slices.Repeat([]string{"g"}, MaxGroups+1)},
	} {
		c.Put(k, nil, []byte("body"), nil)
		settle(t, c)
		if _, ok := c.Get(t.Context(), k); ok {
			t.Errorf("%s: is kept", what)
		}
	}
	c.Put(key("long meta"), []byte(long[:MaxMeta+1]), nil, nil)
	c.Put(key("large"), nil, []byte(long), nil) // a sixteenth of the budget, and its head
	settle(t, c)
	mustMiss(t, c, key("long meta"))
	mustMiss(t, c, key("large"))

	largest := key(long[:MaxText], slices.Repeat([]string{"g"}, MaxGroups)...)
	put(t, c, largest, long[:MaxMeta], long[:1<<20-headLength-MaxText-MaxMeta])
	mustGet(t, c, largest, long[:MaxMeta], long[:1<<20-headLength-MaxText-MaxMeta])
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	own, shown, other := key("own", "image 1"), key("shown", "image 2", "image 1"), key("other", "image 2", "image 3")
	for _, k := range []Key{own, shown, other} {
		put(t, c, k, "", k.Text)
	}
	c.Remove("image 1")
	for range 2 {
		mustMiss(t, c, own)
		mustMiss(t, c, shown)
		mustGet(t, c, other, "", "other")
		if files := entryFiles(t, dir); len(files) != 1 {
			t.Errorf("there are %q", files)
		}
		c.Close()
		c = open(t, dir)
	}
}

func TestRemoveMatching(t *testing.T) {
	c := open(t, t.TempDir())
	for i := range 30 {
		put(t, c, key(fmt.Sprintf("%d.%s", i, []string{"png", "jpg"}[i%2])), "", fmt.Sprint(i))
	}
	if n := c.RemoveMatching(t.Context(), "", func(text string) bool { return strings.HasSuffix(text, ".png") }); n != 15 {
		t.Errorf("%d removed", n)
	}
	for i := 0; i < 30; i += 2 {
		mustMiss(t, c, key(fmt.Sprintf("%d.png", i)))
		mustGet(t, c, key(fmt.Sprintf("%d.jpg", i+1)), "", fmt.Sprint(i+1))
	}
	if n := c.RemoveMatching(t.Context(), "group of 1.jpg", func(string) bool { return true }); n != 1 {
		t.Errorf("%d removed of one group", n)
	}
	mustMiss(t, c, key("1.jpg"))
	mustGet(t, c, key("3.jpg"), "", "3")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if n := c.RemoveMatching(ended, "", func(string) bool { return true }); n != 0 {
		t.Errorf("%d removed for somebody who has gone", n)
	}
}

// entryFiles are the files of entries in a folder.
func entryFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Whoever writes an entry asks, once it can be found, whether its group is still there; whoever removes a group first says that it is
// gone. So nothing of the group is found in the end, whoever comes first.
func TestRemoveIsNotUndoneByAPut(t *testing.T) {
	c := open(t, t.TempDir())
	for round := range 200 {
		group := fmt.Sprint("image ", round)
		var mutex sync.Mutex
		gone := false
		still := func() bool {
			mutex.Lock()
			defer mutex.Unlock()
			return !gone
		}
		var all sync.WaitGroup
		all.Go(func() {
			for i := range 5 {
				c.Put(key(fmt.Sprint(group, i), group), nil, []byte("body"), still)
			}
		})
		all.Go(func() {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			mutex.Lock()
			gone = true
			mutex.Unlock()
			c.Remove(group)
		})
		all.Wait()
		settle(t, c)
		for i := range 5 {
			mustMiss(t, c, key(fmt.Sprint(group, i), group))
		}
	}
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
}

// What the folder takes of the disk, folders and all, is never more than it may, whoever puts, gets and removes at the same time.
func TestBytesStayWithinBudget(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	const budget = LeastBytes
	body := func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, 1+n*977%200_000) }
	stop := make(chan struct{})
	var watching, clients sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				if s := c.Stats(); s.Bytes > budget {
					t.Errorf("%d bytes are counted", s.Bytes)
				}
				c.change.Lock() // else some files would be counted that make room for others that are counted, too
				if n := taken(t, dir); n > budget {
					t.Errorf("%d bytes are taken", n)
				}
				c.change.Unlock()
			}
		}
	})
	for client := range 8 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(client)))
			for range 150 {
				n := random.IntN(2000)
				k := key(fmt.Sprint(n), fmt.Sprint("image ", n%50), fmt.Sprint("frame ", n%3))
				switch random.IntN(20) {
				case 0:
					c.Remove(fmt.Sprint("image ", n%50))
				case 1, 2, 3, 4, 5, 6, 7:
					if e, ok := c.Get(t.Context(), k); ok && !bytes.Equal(e.Body, body(n)) {
						t.Errorf("%d has the bytes of another", n)
					}
				default:
					for dropped := c.Stats().Dropped; ; time.Sleep(time.Millisecond) {
						if c.Put(k, nil, body(n), nil); c.Stats().Dropped == dropped {
							break
						}
						dropped = c.Stats().Dropped
					}
				}
			}
		})
	}
	clients.Wait()
	settle(t, c)
	close(stop)
	watching.Wait()
	s := c.Stats()
	if s.Evicted == 0 || s.Written == 0 || s.Hits == 0 {
		t.Fatalf("%+v", s)
	}
	var counted int64
	files := entryFiles(t, dir)
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		counted += blocksOf(info.Size()) * blockBytes
	}
	if counted != s.Bytes || int64(len(files)) != s.Entries {
		t.Errorf("%d bytes in %d files, counted as %d in %d", counted, len(files), s.Bytes, s.Entries)
	}
}

func TestEntriesAreBounded(t *testing.T) {
	c := open(t, t.TempDir())
	for i := range 2 * c.entries {
		put(t, c, key(fmt.Sprint(i)), "", "small")
	}
	if s := c.Stats(); s.Entries != int64(c.entries) || int(s.Evicted) != c.entries {
		t.Errorf("%+v of %d", s, c.entries)
	}
}

// fill puts entries of 64 KiB until it has put twice the budget.
func fill(t testing.TB, c *Cache, name string) {
	t.Helper()
	for i := range 2 * LeastBytes / (64 << 10) {
		put(t, c, key(fmt.Sprint(name, i)), "", strings.Repeat("x", 60<<10))
	}
}

// Entries that are asked for again and again stay, however many others are put once; also those that are only asked for in memory.
func TestEvictionKeepsWhatIsUsed(t *testing.T) {
	var held []Name
	c := open(t, t.TempDir(), func(o *Options) { o.Held = func(yield func(Name) bool) { slices.Values(held)(yield) } })
	for i := range 10 {
		put(t, c, key(fmt.Sprint("used ", i)), "", "body")
		put(t, c, key(fmt.Sprint("held ", i)), "", "body")
		put(t, c, key(fmt.Sprint("unused ", i)), "", "body")
		held = append(held, key(fmt.Sprint("held ", i)).Name())
	}
	for i := range 2 * LeastBytes / (64 << 10) {
		put(t, c, key(fmt.Sprint("once ", i)), "", strings.Repeat("x", 60<<10))
		mustGet(t, c, key(fmt.Sprint("used ", i%10)), "", "body")
	}
	for i := range 10 {
		mustGet(t, c, key(fmt.Sprint("used ", i)), "", "body")
		mustGet(t, c, key(fmt.Sprint("held ", i)), "", "body")
		mustMiss(t, c, key(fmt.Sprint("unused ", i)))
	}
}

// After a restart those that were used last are the last to go.
func TestOrderOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	for i := range 20 {
		put(t, c, key(fmt.Sprint(i)), "", "body")
		age(t, dir, key(fmt.Sprint(i)), time.Hour)
	}
	mustGet(t, c, key("3"), "", "body")
	c.Close()

	c = open(t, dir)
	for i := 0; c.Stats().Evicted < 19; i++ {
		put(t, c, key(fmt.Sprint("new ", i)), "", "body") // there is a most of entries, too
	}
	mustGet(t, c, key("3"), "", "body")
}

func age(t testing.TB, dir string, k Key, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	if err := os.Chtimes(filepath.Join(dir, k.path()), then, then); err != nil {
		t.Fatal(err)
	}
}

// A smaller budget than the last time is kept from the moment at which the folder is known.
func TestSmallerBudget(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, func(o *Options) { o.Bytes = 4 * LeastBytes })
	fill(t, c, "a")
	c.Close()
	if n := taken(t, dir); n < 3*LeastBytes/2 {
		t.Fatalf("only %d bytes", n)
	}
	open(t, dir)
	if n := taken(t, dir); n > LeastBytes {
		t.Errorf("%d bytes are taken", n)
	}
}

// The queue holds a bounded number of bytes, and who puts does not wait: not even while the writer is kept from writing.
func TestPutNeverWaits(t *testing.T) {
	c := open(t, t.TempDir())
	c.change.Lock()
	begun := time.Now()
	for i := range 1000 {
		c.Put(key(fmt.Sprint(i)), nil, bytes.Repeat([]byte("x"), 100_000), nil)
	}
	took, s := time.Since(begun), c.Stats()
	c.mutex.Lock()
	waiting := c.waiting
	c.mutex.Unlock()
	c.change.Unlock()
	if waiting > queueBytes || s.Dropped < 1000-queueBytes/100_000-1 {
		t.Errorf("%d bytes wait, %d entries are dropped", waiting, s.Dropped)
	}
	if took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	settle(t, c)
}
