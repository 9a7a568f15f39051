package handler

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// together asks for all targets at once and returns the answers in their order.
func (s *site) together(targets []string) []answer {
	s.t.Helper()
	answers, failures := make([]answer, len(targets)), make([]error, len(targets))
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i, target := range targets {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			response, err := s.client.Get("http://" + s.host + target)
			if err != nil {
				failures[i] = err
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			answers[i], failures[i] = answer{status: response.StatusCode, header: response.Header, body: body}, err
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	if err := errors.Join(failures...); err != nil {
		s.t.Fatal(err)
	}
	return answers
}

// repeated is n times the same address, in two spellings.
func repeated(n int, target, other string) []string {
	targets := make([]string, n)
	for i := range targets {
		targets[i] = target
		if i%2 == 1 {
			targets[i] = other
		}
	}
	return targets
}

func TestOnePrintForAllWhoWait(t *testing.T) {
	s := serve(t)
	u := s.upload(encodeJPEG(t, photo(1500, 1200, 1)))
	var stored int
	answers := s.together(repeated(100, u.URL+"/resize:600/blur:2.webp", u.URL+"/Resize=600/Blur=2.webp"))
	for _, a := range answers {
		if a.status != http.StatusOK || !bytes.Equal(a.body, answers[0].body) || a.header.Get("ETag") != answers[0].header.Get("ETag") {
			t.Fatalf("got %d with %d bytes, another %d", a.status, len(a.body), len(answers[0].body))
		}
		switch status := a.header.Get("Cache-Status"); status {
		case "calotype; fwd=uri-miss; stored":
			stored++
		case "calotype; hit", "calotype; fwd=uri-miss; collapsed":
		default:
			t.Errorf("Cache-Status %q", status)
		}
	}
	if stats := s.handler.prints.Stats(); stats.Misses != 1 || stored != 1 {
		t.Errorf("made %d times, said %d times", stats.Misses, stored)
	}
}

// noise is a picture that no format makes small; those of different seeds differ.
func noise(width, height int, seed uint64) *image.NRGBA {
	random := rand.New(rand.NewPCG(seed, 1))
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			picture.SetNRGBA(x, y, color.NRGBA{uint8(random.Uint32()), uint8(random.Uint32()), uint8(random.Uint32()), 255})
		}
	}
	return picture
}

func TestPrintThatIsTooLargeToKeepIsServed(t *testing.T) {
	s := serve(t, func(o *Options) { o.CacheBytes = 1 << 20 })
	u := s.upload(encodePNG(t, noise(300, 200, 1)))
	answers := s.together(repeated(30, u.URL+"/rotate:180.png", u.URL+"/rotate:540.png"))
	for _, a := range answers {
		if a.status != http.StatusOK || !bytes.Equal(a.body, answers[0].body) {
			t.Fatalf("got %d with %d bytes", a.status, len(a.body))
		}
	}
	if n := len(answers[0].body); n < 1<<20/16 {
		t.Fatalf("the print has only %d bytes", n)
	}
	if stats := s.handler.prints.Stats(); stats.Entries != 0 {
		t.Errorf("it is kept: %+v", stats)
	}
	if a := s.mustGet(u.URL + "/rotate:180.png"); a.header.Get("Cache-Status") != "calotype; fwd=uri-miss" || !bytes.Equal(a.body, answers[0].body) {
		t.Errorf("later: Cache-Status %q", a.header.Get("Cache-Status"))
	}
}

func TestWithoutACache(t *testing.T) {
	s := serve(t, func(o *Options) { o.CacheBytes = 0 })
	u := s.upload(draws(t, "rg", "by"))
	for range 3 {
		if got := reads(t, s.mustGet(u.URL+"/rotate:90.png").body); got != "br yg" {
			t.Errorf("got %s", got)
		}
	}
}

func TestCacheKeepsToItsBudget(t *testing.T) {
	const budget = 4 << 20
	s := serve(t, func(o *Options) { o.CacheBytes = budget })
	u := s.upload(encodePNG(t, noise(160, 120, 1)))
	for i := range 150 {
		s.mustGet(fmt.Sprintf("%s/crop:%d,0,100,0.png", u.URL, i%60+1))
		s.mustGet(fmt.Sprintf("%s/rotate:%d.png", u.URL, i))
		if got := s.handler.prints.Stats().Bytes; got > budget {
			t.Fatalf("%d bytes are kept", got)
		}
	}
}

// Each print belongs to its own original, whatever others are asked for at the same time.
func TestPrintsAreNotMixedUp(t *testing.T) {
	s := serve(t, func(o *Options) { o.CacheBytes = 200_000 }) // too few for all
	var targets []string
	want := map[string]string{}
	for _, picture := range []string{"rg by", "gr by", "by rg", "yy rr", "bb bb", "rr gg", "gb ry", "ww .."} {
		u := s.upload(draws(t, strings.Fields(picture)...))
		rows := strings.Fields(picture)
		turned := fmt.Sprintf("%c%c %c%c", rows[1][0], rows[0][0], rows[1][1], rows[0][1])
		want[u.URL+"/rotate:90.png"], want[u.URL+"/crop:0,0,1,1.png"], want[u.URL+"/flip:v.png"] = turned, rows[0][:1], rows[1]+" "+rows[0]
	}
	for target := range want {
		for range 12 {
			targets = append(targets, target)
		}
	}
	rand.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	for i, a := range s.together(targets) {
		if got := reads(t, a.body); a.status != http.StatusOK || got != want[targets[i]] {
			t.Errorf("%s: %d, %s, want %s", targets[i], a.status, got, want[targets[i]])
		}
	}
}

// An image whose header is in order and whose data end early can be kept and given back, and has no prints.
func TestDamagedOriginal(t *testing.T) {
	s := serve(t)
	whole := encodeJPEG(t, photo(600, 400, 1))
	data := whole[:len(whole)/2]
	u := s.upload(data)
	if u.Width != 600 || u.Height != 400 {
		t.Fatalf("%+v", u)
	}
	for range 2 {
		for _, chain := range []string{".png", ".jpg", "/resize:100.webp", "/rotate:90.png", "/blur:2.avif", "/crop:0,350,600,50.gif", ".json", ".auto"} {
			a := s.get(u.URL + chain)
			p := s.wantProblem(chain, a, http.StatusUnprocessableEntity, "damaged-image")
			all := fmt.Sprint(string(a.body), a.header)
			for _, ours := range []string{"Vips", "vips", "jpegload", "premature", s.dir, "blobs", "/tmp", "spool", ".go"} {
				if strings.Contains(all, ours) {
					t.Errorf("%s tells %q: %s", chain, ours, all)
				}
			}
			if p.Detail == "" {
				t.Errorf("%s tells nothing", chain)
			}
		}
	}
	if got := s.mustGet(u.URL); !bytes.Equal(got.body, data) || got.header.Get("Content-Type") != "image/jpeg" {
		t.Error("the original does not come back")
	}
	if stats := s.handler.prints.Stats(); stats.Entries != 0 {
		t.Errorf("something of it is kept: %+v", stats)
	}
	if !strings.Contains(s.log.String(), "an original is damaged") {
		t.Error("the log says nothing of it")
	}
	for _, a := range s.together(repeated(20, u.URL+"/resize:50.png", u.URL+"/Resize:50.png")) {
		s.wantProblem("together", answer{a.status, a.header, int64(len(a.body)), false, a.body}, http.StatusUnprocessableEntity, "damaged-image")
	}
}
