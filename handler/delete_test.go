package handler

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/store"
	"calotype/transform"
)

// restart closes the site and opens it anew over the same store, on another port.
func (s *site) restart(change ...func(*Options)) {
	s.t.Helper()
	s.handler.Close()
	if err := s.store.Close(); err != nil {
		s.t.Fatal(err)
	}
	var err error
	if s.store, err = store.Open(s.t.Context(), store.Options{Dir: s.dir}); err != nil {
		s.t.Fatal(err)
	}
	o := options(s.t)
	for _, f := range change {
		f(&o)
	}
	o.Store, o.Log = s.store, slog.New(slog.NewTextHandler(s.log, nil))
	if s.handler, err = New(o); err != nil {
		s.t.Fatal(err)
	}
	s.host = listen(s.t, s.handler)
}

// statusOf sends a GET from any goroutine and returns the status.
func (s *site) statusOf(target string, headers ...string) (int, error) {
	request, err := http.NewRequest("GET", "http://"+s.host+target, nil)
	if err != nil {
		return 0, err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// allOf are addresses at which an image is seen, on its own or laid on another.
func allOf(id, other string) []string {
	upper, plain := strings.ToUpper(id), strings.ReplaceAll(id, "-", "")
	return []string{
		"/download/" + id, "/download/" + upper, "/download?id=" + id, "/download/" + id + ".webp", "/download/" + id + "/resize:100.png",
		"/download/" + plain + "/Resize=100.PNG", "/download/" + id + "/resize:90.auto", "/download/" + id + "/resize:80.json",
		"/download/" + id + "/resize:80/describe:look.json", "/download/" + id + "/describe:exif.json", "/srcset/" + id + "/resize:120.auto?widths=40,80",
		"/srcset/" + id + ".png", "/download/" + other + "/overlay:" + id + ".png", "/download/" + other + "/overlay=" + plain + "~north/resize:70.webp",
		"/download/" + other + "/overlay:" + id + "/describe:look.json", "/srcset/" + other + "/overlay:" + id + ".webp", "/images/" + id,
	}
}

// Many ask for an image in all its forms while it is deleted. Whatever is asked after the DELETE was answered is 410.
func TestNothingIsServedAfterADelete(t *testing.T) {
	s := serve(t)
	data := encodePNG(t, photo(300, 200, 1))
	other, twin := s.upload(encodePNG(t, photo(200, 200, 2))), s.upload(data) // the bytes stay: another image has them
	var gone []string
	for round := range 8 {
		u := s.upload(data)
		targets := allOf(u.ID, other.ID)
		var tags []string
		for _, target := range targets {
			tag := ""
			if round%2 == 0 { // in every second round, nothing is in memory yet
				tag = s.mustGet(target).header.Get("ETag")
			}
			tags = append(tags, tag)
		}
		var deleted atomic.Bool
		var after atomic.Int64
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for range 16 {
			clients.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					i := rand.N(len(targets))
					var headers []string
					switch rand.N(4) {
					case 0:
						headers = []string{"If-None-Match", "*"}
					case 1:
						headers = []string{"If-None-Match", tags[i]}
					case 2:
						headers = []string{"Accept", "image/avif,image/webp"}
					}
					late := deleted.Load()
					status, err := s.statusOf(targets[i], headers...)
					switch {
					case err != nil:
						t.Error(err)
						return
					case late && status != http.StatusGone:
						t.Errorf("%s %q after the deletion: %d", targets[i], headers, status)
						return
					case status != http.StatusOK && status != http.StatusNotModified && status != http.StatusGone:
						t.Errorf("%s %q: %d", targets[i], headers, status)
					}
					if late {
						after.Add(1)
					}
				}
			})
		}
		time.Sleep(time.Duration(rand.N(60)) * time.Millisecond)
		if a := s.do("DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
			t.Fatalf("DELETE: %d %s", a.status, a.body)
		}
		deleted.Store(true)
		for end := time.Now().Add(20 * time.Second); after.Load() < 200 && !t.Failed() && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		close(stop)
		clients.Wait()
		if n := after.Load(); n < 200 {
			t.Fatalf("only %d requests after the deletion", n)
		}
		gone = append(gone, targets...)
	}
	s.mustGet(twin.URL)
	s.restart()
	for _, target := range gone {
		if a := s.get(target, "If-None-Match", "*"); a.status != http.StatusGone {
			t.Errorf("%s after a restart: %d", target, a.status)
		}
	}
	s.mustGet(twin.URL + "/resize:100.png")
	s.mustGet(other.URL + "/overlay:" + twin.ID + ".png")
}

// Of two who delete at once, neither has an answer before nothing is served any more.
func TestDeletesAtOnce(t *testing.T) {
	s := serve(t)
	for range 20 {
		u := s.upload(encodePNG(t, photo(60, 40, 1)))
		target := u.URL + "/resize:20.png"
		s.mustGet(target)
		statuses := make(chan int, 4)
		for range cap(statuses) {
			go func() {
				request, _ := http.NewRequest("DELETE", "http://"+s.host+"/images/"+u.ID, nil)
				response, err := s.client.Do(request)
				if err != nil {
					statuses <- 0
					return
				}
				response.Body.Close()
				if status, err := s.statusOf(target); status != http.StatusGone {
					t.Errorf("after %d: %d, %v", response.StatusCode, status, err)
				}
				statuses <- response.StatusCode
			}()
		}
		done := 0
		for range cap(statuses) {
			switch status := <-statuses; status {
			case http.StatusNoContent:
				done++
			case http.StatusGone:
			default:
				t.Errorf("status %d", status)
			}
		}
		if done != 1 {
			t.Errorf("%d of them have deleted it", done)
		}
	}
}

// A stillDisk is blobs of which none can be read while it stands still.
type stillDisk struct {
	store.Blobs
	still sync.RWMutex // locked while it stands still
}

// Open waits for as long as the disk stands still, or until ctx ends.
func (d *stillDisk) Open(ctx context.Context, digest store.Digest) (*os.File, error) {
	for !d.still.TryRLock() {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	defer d.still.RUnlock()
	return d.Blobs.Open(ctx, digest)
}

// serveFromStillDisk starts a site whose prints are held, for as long as its disk stands still, where their originals are opened: however
// fast the engine is, and however busy.
func serveFromStillDisk(t *testing.T) (*site, *stillDisk) {
	t.Helper()
	blobs, err := store.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	disk := &stillDisk{Blobs: blobs}
	kept, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Blobs: disk})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, func(o *Options) { o.Store = kept }), disk
}

// waitUntilMade waits until a print is being made.
func (s *site) waitUntilMade(path string) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); !s.handler.prints.Loading(path); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%s is not being made", path)
		}
	}
}

// Those who wait for a print get 410 when one of its images is deleted, and the print is not kept.
func TestDeleteWhileAPrintIsMade(t *testing.T) {
	const chain = "/resize:30/rotate:90"
	s, disk := serveFromStillDisk(t)
	data := encodePNG(t, photo(90, 90, 1))
	other, twin := s.upload(encodePNG(t, photo(100, 100, 2))), s.upload(data)
	f := func(what string, targets func(u uploaded) (wait string, asked []string)) {
		t.Run(what, func(t *testing.T) {
			u := s.upload(data)
			path, asked := targets(u)
			disk.still.Lock()
			release := sync.OnceFunc(disk.still.Unlock)
			defer release()
			statuses := make(chan int, 9)
			for i := range cap(statuses) {
				go func() {
					status, err := s.statusOf(asked[i%len(asked)])
					if err != nil {
						t.Error(err)
					}
					statuses <- status
				}()
			}
			s.waitUntilMade(path)
			time.Sleep(20 * time.Millisecond) // some more join
			select {
			case status := <-statuses:
				t.Fatalf("one was answered %d before the print was made", status)
			default:
			}
			if a := s.do("DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
				t.Fatalf("DELETE: %d %s", a.status, a.body)
			}
			release()
			for range cap(statuses) {
				if status := <-statuses; status != http.StatusGone {
					t.Errorf("who waited got %d", status)
				}
			}
			if _, known := s.handler.prints.Lookup([]byte(path)); known {
				t.Error("the print is kept")
			}
		})
	}
	f("a print", func(u uploaded) (string, []string) {
		return u.URL + chain + ".png", []string{u.URL + chain + ".png", u.URL + strings.ToUpper(chain) + ".PNG"}
	})
	f("a print of another", func(u uploaded) (string, []string) {
		target := other.URL + "/overlay:" + u.ID + chain + ".png"
		return target, []string{target, strings.Replace(target, "overlay:", "Overlay=", 1)}
	})
	f("a description", func(u uploaded) (string, []string) {
		return u.URL + chain + ".png", []string{u.URL + chain + ".json", u.URL + chain + "/describe:look.json"}
	})
	s.mustGet(twin.URL)
	if stats := s.handler.prints.Stats(); stats.Entries != 0 {
		t.Errorf("kept: %+v", stats)
	}
}

// A print that is being made when it is purged goes to those who wait for it, and is made anew for the next.
func TestPurgeWhileAPrintIsMade(t *testing.T) {
	s, disk := serveFromStillDisk(t)
	u := s.upload(draws(t, "rg", "by"))
	target := u.URL + "/rotate:90.png"
	disk.still.Lock()
	release := sync.OnceFunc(disk.still.Unlock)
	defer release()
	status := make(chan int, 1)
	go func() {
		n, err := s.statusOf(target)
		if err != nil {
			t.Error(err)
		}
		status <- n
	}()
	s.waitUntilMade(target)
	if a := s.postPurge(`{"ids":["` + u.ID + `"]}`); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	release()
	if got := <-status; got != http.StatusOK {
		t.Errorf("who waited got %d", got)
	}
	if _, known := s.handler.prints.Lookup([]byte(target)); known {
		t.Error("the print is kept")
	}
}

// The bytes of an original that are on their way when it is deleted come to their end.
func TestDeleteDuringADownload(t *testing.T) {
	s := serve(t)
	data := encodePNG(t, noise(1000, 900, 1)) // more than the buffers of a connection take
	u := s.upload(data)
	response, err := s.client.Get("http://" + s.host + u.URL)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.do("DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
		t.Fatalf("DELETE: %d %s", a.status, a.body)
	}
	s.wantProblem("the next", s.get(u.URL), http.StatusGone, "image-deleted")
	if a := read(t, u.URL, response); string(a.body) != string(data) {
		t.Errorf("%d bytes came, of %d", len(a.body), len(data))
	}
}

// Who has joined a print that was finished just before the deletion gets 410 as well.
func TestDeleteBetweenPrintAndAnswer(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg", "by"))
	s.mustGet(u.URL + "/rotate:90.png")
	s.wantKept(u.URL + "/rotate:90.png")
	made, _ := s.handler.prints.Lookup([]byte(u.URL + "/rotate:90.png"))
	target := u.URL + "/rotate:180.png"
	release := make(chan struct{})
	go s.handler.prints.Load(t.Context(), target, func(context.Context) (*printed, error) {
		<-release
		return made, nil
	})
	s.waitUntilMade(target)
	joined := s.handler.prints.Stats().Joined
	status := make(chan int, 1)
	go func() {
		got, err := s.statusOf(target)
		if err != nil {
			t.Error(err)
		}
		status <- got
	}()
	for s.handler.prints.Stats().Joined == joined {
		time.Sleep(time.Millisecond)
	}
	if a := s.do("DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
		t.Fatalf("DELETE: %d %s", a.status, a.body)
	}
	close(release)
	if got := <-status; got != http.StatusGone {
		t.Errorf("who waited got %d", got)
	}
}

// A request that has found the record of an image just before its deletion, and asks for a print just after it, does not bring
// one back: the bytes can still be there, for another image.
func TestOrderOfADeletedImage(t *testing.T) {
	s := serve(t)
	data := draws(t, "rg", "by")
	u, other, single := s.upload(data), s.upload(draws(t, "rr")), s.upload(draws(t, "bb"))
	s.upload(data) // a twin of the first
	place := func(id, chain string) order {
		t.Helper()
		parsed, err := transform.Parse(id + chain)
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.handler.record(parsed.ID)
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := s.handler.newOrder(&fasthttp.RequestCtx{}, s.handler.tenants.Load().fallback, keptHere(o), parsed.Chain.Settle(seen(o), ""))
		if err != nil {
			t.Fatal(err)
		}
		return wanted
	}
	orders := []order{
		place(u.ID, "/rotate:90.png"), place(other.ID, "/overlay:"+u.ID+".png"),
		place(single.ID, "/rotate:90.png"), place(other.ID, "/overlay:"+single.ID+".png"),
	}
	for _, wanted := range orders {
		if _, err := s.handler.makePrint(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
	}
	s.do("DELETE", "/images/"+u.ID, nil)
	s.do("DELETE", "/images/"+single.ID, nil)
	for _, wanted := range orders {
		if _, err := s.handler.makePrint(t.Context(), wanted); !errors.Is(err, store.ErrGone) {
			t.Errorf("%s: %v, want ErrGone", wanted.print.path, err)
		}
	}
}
