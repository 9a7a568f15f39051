package handler

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"calotype/cache/disk"
	"calotype/handler/quota"
	"calotype/transform"
)

// onDisk has a site keep its prints in a folder, too.
func onDisk(dir string) func(*Options) {
	return func(o *Options) { o.DiskDir, o.DiskBytes = dir, disk.LeastBytes }
}

// renew ends the handler of a site, which writes what is to be kept, and begins another on the same store and folder.
func (s *site) renew(change ...func(*Options)) *site {
	s.t.Helper()
	s.handler.Close()
	o := options(s.t)
	o.Store, o.Log, o.DiskDir, o.DiskBytes = s.store, s.handler.log, s.handler.options.DiskDir, s.handler.options.DiskBytes
	for _, f := range change {
		f(&o)
	}
	again := *s
	var err error
	if again.handler, err = New(o); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(again.handler.Close)
	again.host = listen(s.t, again.handler)
	return &again
}

// written waits until so many prints are on disk.
func (s *site) written(n int64) {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); s.handler.disk.Stats().Entries != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%+v, want %d prints", s.handler.disk.Stats(), n)
		}
	}
}

// same checks that two answers have the same bytes and the same headers, but for the date and where they came from.
func same(t *testing.T, what string, a, b answer) {
	t.Helper()
	for _, header := range []http.Header{a.header, b.header} {
		header.Del("Date")
		header.Del("X-Request-Id")
		header.Del("Cache-Status")
	}
	if a.status != b.status || !bytes.Equal(a.body, b.body) || !reflect.DeepEqual(a.header, b.header) {
		t.Errorf("%s: %d with %d bytes and %v, then %d with %d bytes and %v", what, a.status, len(a.body), a.header, b.status, len(b.body), b.header)
	}
}

// A restart does not start cold: what was printed before is answered from disk, once, and then from memory. Nobody can tell but by
// Cache-Status.
func TestRestartIsWarm(t *testing.T) {
	s := serve(t, onDisk(t.TempDir()))
	u, stamp := s.upload(encodeJPEG(t, photo(300, 200, 1))), s.upload(draws(t, "rg", "by"))
	targets := []string{
		u.URL + "/resize:100/rotate:90.png", u.URL + "/resize:50.auto", u.URL + ".gif", u.URL + "/resize:80/overlay:" + stamp.ID + ".webp",
		u.URL + "/resize:60.json", u.URL + "/resize:61/describe:look.json", u.srcset("/resize:90.auto?widths=30,60&as=json"),
		u.URL + "/resize:40/colors:4.png", u.URL + "/metadata:copyright.jpg",
	}
	var before []answer
	for _, target := range targets {
		before = append(before, s.mustGet(target))
	}
	made := s.handler.prints.Stats().Misses
	again := s.renew(func(o *Options) { o.Engine = drained(t) }) // which makes nothing
	for i, target := range targets {
		a := again.mustGet(target)
		status := a.header.Get("Cache-Status")
		if before[i].header.Get("Cache-Status") != "" && status != "calotype; hit; detail=disk" {
			t.Errorf("%s: Cache-Status %q", target, status)
		}
		same(t, target, before[i], a)
		if b := again.get(target, "If-None-Match", a.header.Get("ETag")); b.status != http.StatusNotModified {
			t.Errorf("%s: %d to a client that has it", target, b.status)
		}
		if b := again.mustGet(target); status != "" && b.header.Get("Cache-Status") != "calotype; hit" {
			t.Errorf("%s: the second time Cache-Status %q", target, b.header.Get("Cache-Status"))
		}
		if b := again.do("HEAD", target, nil); b.header.Get("ETag") != a.header.Get("ETag") || b.length != int64(len(a.body)) {
			t.Errorf("HEAD %s differs", target)
		}
	}
	if s := again.handler.disk.Stats(); s.Hits != made || s.Damaged != 0 || s.Misses != 0 {
		t.Errorf("%d prints were made, and then %+v", made, s)
	}
}

// drained is an engine that refuses to make anything.
func drained(t testing.TB) *transform.Engine {
	t.Helper()
	engine, err := transform.NewEngine(transform.Options{Workers: 1, Limits: transform.Limits{Pixels: 10_000_000, Side: 16384}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	engine.Drain()
	return engine
}

// Many who ask at once for a print that is on disk have it read once, and all are told that it was there.
func TestOneReadForAllWhoWait(t *testing.T) {
	s := serve(t, onDisk(t.TempDir()))
	u := s.upload(encodePNG(t, noise(300, 200, 1)))
	want := s.mustGet(u.URL + "/rotate:180.png")
	again := s.renew()
	for _, a := range again.together(repeated(100, u.URL+"/rotate:180.png", u.URL+"/rotate:540.png")) {
		status := a.header.Get("Cache-Status")
		if a.status != http.StatusOK || !bytes.Equal(a.body, want.body) || status != "calotype; hit; detail=disk" && status != "calotype; hit" {
			t.Errorf("%d with %d bytes, Cache-Status %q", a.status, len(a.body), status)
		}
	}
	if stats := again.handler.disk.Stats(); stats.Hits != 1 {
		t.Errorf("%+v", stats)
	}
}

// What is on disk counts against no quota: it was made before.
func TestPrintsOnDiskNeedNoQuota(t *testing.T) {
	s := serve(t, onDisk(t.TempDir()))
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	for width := 1; width <= 9; width++ {
		s.mustGet(fmt.Sprintf("%s/resize:%d.png", u.URL, width))
	}
	again := s.renew(func(o *Options) { o.Quota = quota.New(1, 0, time.Hour) })
	for width := 1; width <= 9; width++ {
		again.mustGet(fmt.Sprintf("%s/resize:%d.png", u.URL, width))
	}
	again.mustGet(u.URL + "/resize:10.png")
	again.wantProblem("one more", again.get(u.URL+"/resize:11.png"), http.StatusTooManyRequests, "too-many-prints")
}

// Without any memory for prints the disk alone answers.
func TestDiskWithoutMemory(t *testing.T) {
	s := serve(t, onDisk(t.TempDir()), func(o *Options) { o.CacheBytes = 0 })
	u := s.upload(draws(t, "rg", "by"))
	s.mustGet(u.URL + "/rotate:90.png")
	s.written(1)
	for range 3 {
		a := s.mustGet(u.URL + "/rotate:90.png")
		if got := reads(t, a.body); got != "br yg" || a.header.Get("Cache-Status") != "calotype; hit; detail=disk" {
			t.Errorf("%s, Cache-Status %q", got, a.header.Get("Cache-Status"))
		}
	}
}

// Prints of another libvips, or of another version of this program's arithmetic, are not those that are asked for now.
func TestOtherEpochIsAMiss(t *testing.T) {
	s := serve(t, onDisk(t.TempDir()))
	u := s.upload(draws(t, "rg", "by"))
	s.mustGet(u.URL + "/rotate:90.png")
	again := s.renew()
	again.handler.epoch = "another"
	if a := again.mustGet(u.URL + "/rotate:90.png"); a.header.Get("Cache-Status") != "calotype; fwd=uri-miss; stored" {
		t.Errorf("Cache-Status %q", a.header.Get("Cache-Status"))
	}
}

// A print whose file was damaged is made again, and is the same.
func TestDamagedPrintsAreMadeAgain(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, onDisk(dir))
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	want := s.mustGet(u.URL + "/rotate:90.png")
	s.handler.disk.Close()
	files, err := filepath.Glob(filepath.Join(dir, "??", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string][]byte{"torn": whole[:len(whole)/2], "empty": nil, "rotten": append(bytes.Clone(whole[:len(whole)-1]), ^whole[len(whole)-1])} {
		s.handler.disk.Close() // it has written what it was to write
		if err := os.WriteFile(files[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		s = s.renew()
		a := s.mustGet(u.URL + "/rotate:90.png")
		if a.header.Get("Cache-Status") != "calotype; fwd=uri-miss; stored" {
			t.Errorf("%s: Cache-Status %q", what, a.header.Get("Cache-Status"))
		}
		same(t, what, want, a)
		if stats := s.handler.disk.Stats(); stats.Damaged < 1 || stats.Damaged > 2 { // by its length it is found out at the start, too
			t.Errorf("%s: %+v", what, stats)
		}
	}
}

// The prints of an original, and those that show it, leave the disk together; one that is being written at that time does not stay.
func TestPrintsOfADeletedOriginalLeaveTheDisk(t *testing.T) {
	s := serve(t, onDisk(t.TempDir()))
	u, stamp := s.upload(encodeJPEG(t, photo(60, 40, 1))), s.upload(draws(t, "rg", "by"))
	s.mustGet(u.URL + "/rotate:90.png")
	s.mustGet(u.URL + "/overlay:" + stamp.ID + ".png")
	s.mustGet(stamp.URL + "/rotate:90.png")
	s.written(3)
	if a := s.do("DELETE", "/images/"+stamp.ID, nil); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.written(1)
	for _, what := range []string{`{"prefixes":["` + u.URL + `/rotate:90.w"]}`, `{"tags":["fmt-webp"]}`} {
		s.mustGet(u.URL + "/rotate:90.webp")
		s.written(2)
		if a := s.do("POST", "/purge", strings.NewReader(what), "Content-Type", "application/json"); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		s.written(1)
	}

	// Whoever wrote a print asks for its originals again: one that the index does not know, or no more, is a reason not to keep it.
	for what, ids := range map[string][]string{"an original that is gone": {uuid.NewString()}, "a layer that is gone": {u.ID, uuid.NewString()}} {
		s.handler.disk.Put(disk.Key{Text: what, Groups: ids}, nil, []byte("x"), func() bool { return s.handler.allKnown(ids) })
	}
	s.handler.disk.Put(disk.Key{Text: "known", Groups: []string{u.ID}}, nil, []byte("x"), func() bool { return s.handler.allKnown([]string{u.ID}) })
	again := s.renew()
	again.mustGet(u.URL) // a server that is stopped before it has begun to serve never ends
	again.written(2)
}

func TestDiskIsInUse(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, onDisk(dir))
	s.mustGet("/upload-image")
	o := options(t)
	o.Store, o.Log, o.DiskDir, o.DiskBytes = s.store, s.handler.log, dir, disk.LeastBytes
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("the second is told %v", err)
	}
}

// A folder that cannot be written to is nobody's trouble but the operator's.
func TestFailingDiskIsNotTheClients(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, onDisk(dir))
	u := s.upload(encodeJPEG(t, photo(60, 40, 1)))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for width := 1; width <= 9; width++ {
		s.mustGet(fmt.Sprintf("%s/resize:%d.png", u.URL, width))
	}
}

func TestStoredPrintsAreRead(t *testing.T) {
	png, body := transform.FormatNamed("png"), []byte("body")
	r, err := readStored([]byte(`{"format":"png","width":3,"height":2,"frames":1,"notes":["a"]}`), body, png)
	if err != nil || r.Format != png || r.Size != (transform.Size{Width: 3, Height: 2}) || r.Frames != 1 || !slices.Equal(r.Notes, []string{"a"}) || !bytes.Equal(r.Body, body) {
		t.Errorf("%+v, %v", r, err)
	}
	for _, meta := range []string{
		"", "{}", "null", "[]", `{"format":"gif","width":3,"height":2,"frames":1}`, `{"format":"png","width":0,"height":2,"frames":1}`,
		`{"format":"png","width":3,"height":-1,"frames":1}`, `{"format":"png","width":3,"height":2}`, `{"format":"png","width":1e99,"height":2,"frames":1}`,
	} {
		if r, err := readStored([]byte(meta), body, png); err == nil {
			t.Errorf("%s is taken for %+v", meta, r)
		}
	}
	if _, err := readStored([]byte(`{"format":"png","width":3,"height":2,"frames":1}`), nil, png); err == nil {
		t.Error("no bytes are taken for a print")
	}
}

func FuzzReadStored(f *testing.F) {
	f.Add([]byte(`{"format":"png","width":3,"height":2,"frames":1,"notes":["a"]}`))
	f.Fuzz(func(t *testing.T, meta []byte) {
		r, err := readStored(meta, []byte("body"), transform.FormatNamed("png"))
		if (err == nil) != (r != nil) || r != nil && (r.Size.Width < 1 || r.Size.Height < 1 || r.Frames < 1) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// What is asked for all the time is answered from memory, and the disk hears nothing of it. It stays there all the same, while others
// come and go, so that the next start finds it.
func TestWhatIsInMemoryStaysOnDisk(t *testing.T) {
	folder := t.TempDir()
	s := serve(t, onDisk(folder), func(o *Options) { o.CacheBytes = 4 << 20 })
	u := s.upload(encodePNG(t, noise(300, 200, 1)))
	hot := u.URL + "/crop:0,0,20,20.png"
	for i := 1; s.handler.disk.Stats().Evicted < 100; i++ {
		if i > 250 {
			t.Fatalf("%+v", s.handler.disk.Stats())
		}
		s.mustGet(fmt.Sprintf("%s/crop:0,0,300,%d/brightness:%d.png", u.URL, 200-i%20, i/20))
		for range 3 {
			s.mustGet(hot)
		}
	}
	s.restart(onDisk(folder))
	if a := s.mustGet(hot); a.header.Get("Cache-Status") != "calotype; hit; detail=disk" {
		t.Errorf("Cache-Status %q, %+v", a.header.Get("Cache-Status"), s.handler.disk.Stats())
	}
}
