package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"calotype/store"
)

func TestASourceIsFetchedOnceAndThenKept(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	o.put("/photos/a%20cat.jpg", file{})
	o.put("/photos/a cat.jpg", file{body: picture("cat"), header: []string{"Cache-Control: max-age=60", "Last-Modified: " + at(-day)}})
	k := open(t, keeperOptions(t), &clock)
	w := o.want(t, "/photos/a%20cat.jpg")
	c := mustGet(t, k, w, picture("cat"))
	if c.ID != w.Source.ID() || c.Format != "png" || c.Name != "a cat.jpg" || !c.Created.Equal(noon.Add(-day)) || c.Stale || c.Private {
		t.Errorf("got %+v", c)
	}
	if left, ok := c.Fresh(clock.now()); !ok || left > time.Minute || left < time.Minute-5*time.Second {
		t.Errorf("fresh for %v, %v", left, ok)
	}
	clock.pass(50 * time.Second)
	if again := mustGet(t, k, w, picture("cat")); again != c {
		t.Error("another copy")
	}
	o.mustHaveAsked(t, "/photos/a cat.jpg", 1)
}

func TestAStaleSourceIsAskedAbout(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	for name, validator := range map[string]string{"/tagged": `Etag: "a"`, "/dated": "Last-Modified: " + at(-day)} {
		o.put(name, file{body: picture("1"), header: []string{"Cache-Control: max-age=60", validator}})
		w := o.want(t, name)
		first := mustGet(t, k, w, picture("1"))
		clock.pass(2 * time.Minute)
		second := mustGet(t, k, w, picture("1"))
		r := o.mustHaveAsked(t, name, 2)
		if r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") == "" {
			t.Errorf("%s: the second request has no condition: %v", name, r.Header)
		}
		if second.Digest != first.Digest || !second.Created.Equal(first.Created) {
			t.Errorf("%s: it has become another: %+v, %+v", name, first, second)
		}
		if left, _ := second.Fresh(clock.now()); left < 50*time.Second {
			t.Errorf("%s: fresh for %v after it was asked about", name, left)
		}
		mustGet(t, k, w, picture("1"))
		o.mustHaveAsked(t, name, 2)
	}
}

func TestASourceThatHasChangedIsReplaced(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	w := o.want(t, "/a")
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60", `Etag: "1"`}})
	first := mustGet(t, k, w, picture("1"))
	o.put("/a", file{body: picture("2!"), header: []string{"Cache-Control: max-age=60", `Etag: "2"`}})
	mustGet(t, k, w, picture("1"))
	clock.pass(2 * time.Minute)
	second := mustGet(t, k, w, picture("2!"))
	if first.Digest == second.Digest || first.ID != second.ID {
		t.Errorf("%+v, %+v", first, second)
	}
	// He who had the first can still open it, for a while.
	if got := bytesOf(t, k, first); got != picture("1") {
		t.Errorf("got %q", got)
	}
	// The same bytes anew keep the time at which they came first.
	o.put("/a", file{body: picture("2!"), header: []string{"Cache-Control: max-age=60", `Etag: "3"`}})
	clock.pass(2 * time.Minute)
	if third := mustGet(t, k, w, picture("2!")); !third.Created.Equal(second.Created) {
		t.Errorf("made %v and then %v", second.Created, third.Created)
	}
}

func TestWhatIsFetchedOutlivesTheProcess(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	options := keeperOptions(t)
	k := open(t, options, &clock)
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60", `Etag: "1"`}})
	w := o.want(t, "/a")
	first := mustGet(t, k, w, picture("1"))
	if _, err := Open(options); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a second keeper in the folder: %v", err)
	}
	child, err := syscall.Dup(int(k.shelf.lock.Fd())) // as one that is just being started has it
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child)
	closeKeeper(t, k)

	k = open(t, options, &clock)
	second := mustGet(t, k, w, picture("1"))
	if second.Original != first.Original {
		t.Errorf("got %+v, want %+v", second.Original, first.Original)
	}
	o.mustHaveAsked(t, "/a", 1)
	clock.pass(2 * time.Minute)
	mustGet(t, k, w, picture("1"))
	if r := o.mustHaveAsked(t, "/a", 2); r.Header.Get("If-None-Match") != `"1"` {
		t.Errorf("asked with %v", r.Header)
	}
	closeKeeper(t, k)

	// What was found to be the same is known after another start, too.
	k = open(t, options, &clock)
	mustGet(t, k, w, picture("1"))
	o.mustHaveAsked(t, "/a", 2)
}

func TestAnOriginThatFailsIsStoodInFor(t *testing.T) {
	for name, broken := range map[string]file{
		"503":             {status: 503, body: "down"},
		"500":             {status: 500, body: "oops"},
		"429":             {status: 429},
		"403":             {status: 403},
		"broken off":      {body: picture("half of it"), breakOff: true},
		"an error page":   {body: "<html>We are sorry", header: []string{"Cache-Control: max-age=60"}},
		"too large":       {body: picture(strings.Repeat("x", 2<<20))},
		"an empty file":   {body: ""},
		"silent for long": {hang: make(chan struct{})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var clock testClock
			o := newOrigin(t, &clock)
			k := open(t, keeperOptions(t), &clock)
			o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60", `Etag: "1"`}})
			o.put("/strict", file{body: picture("1"), header: []string{"Cache-Control: max-age=60, must-revalidate", `Etag: "1"`}})
			w, strict := o.want(t, "/a"), o.want(t, "/strict")
			mustGet(t, k, w, picture("1"))
			mustGet(t, k, strict, picture("1"))
			o.put("/a", broken)
			o.put("/strict", broken)
			clock.pass(2 * time.Minute)
			if c := mustGet(t, k, w, picture("1")); !c.Stale {
				t.Error("it does not say that it is stale")
			} else if left, ok := c.Fresh(clock.now()); left != 0 || ok {
				t.Errorf("it is fresh for %v", left)
			}
			if name != "silent for long" { // which takes the time of a fetch
				if _, _, err := get(t, k, strict); err == nil {
					t.Error("what must be asked about is given although that fails")
				}
				// Nobody is asked at each request.
				before, _ := o.asked("/a")
				for range 20 {
					mustGet(t, k, w, picture("1"))
				}
				if after, _ := o.asked("/a"); after != before || before > 1+mostTries {
					t.Errorf("asked %d times, and then %d", before, after)
				}
			}
			// It is well again.
			o.put("/a", file{body: picture("22"), header: []string{"Cache-Control: max-age=60", `Etag: "2"`}})
			clock.pass(2 * time.Minute)
			if name != "silent for long" {
				if c := mustGet(t, k, w, picture("22")); c.Stale {
					t.Error("it is stale")
				}
			}
		})
	}
}

func TestAHostThatIsGoneIsStoodInForUntilTheTimeIsOver(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60, stale-if-error=3600"}})
	w := o.want(t, "/a")
	mustGet(t, k, w, picture("1"))
	o.Close()
	clock.pass(2 * time.Minute)
	if c := mustGet(t, k, w, picture("1")); !c.Stale {
		t.Error("it does not say that it is stale")
	}
	clock.pass(58 * time.Minute)
	mustGet(t, k, w, picture("1"))
	clock.pass(time.Hour)
	mustFail(t, k, w, ErrOrigin)
}

func TestASourceThatIsMissingIsNotStoodInFor(t *testing.T) {
	for _, status := range []int{404, 410} {
		var clock testClock
		o := newOrigin(t, &clock)
		k := open(t, keeperOptions(t), &clock)
		o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60"}})
		w := o.want(t, "/a")
		mustGet(t, k, w, picture("1"))
		o.put("/a", file{status: status})
		clock.pass(2 * time.Minute)
		mustFail(t, k, w, ErrMissing)
		o.put("/a", file{status: 503})
		clock.pass(2 * time.Minute)
		mustFail(t, k, w, ErrOrigin) // nothing is left to stand in
	}
}

func TestErrorsAreRemembered(t *testing.T) {
	for _, c := range []struct {
		path string
		file *file
		want error
		keep time.Duration
		asks int // at the origin, each time
	}{
		{"/missing", nil, ErrMissing, 30 * time.Second, 1},
		{"/page", &file{body: "<html>"}, ErrUnusable, time.Minute, 1},
		{"/large", &file{body: picture(strings.Repeat("x", 2<<20))}, ErrTooLarge, time.Minute, 1},
		{"/500", &file{status: 500}, ErrOrigin, 10 * time.Second, 1},
		{"/503", &file{status: 503}, ErrOrigin, 10 * time.Second, 2},
		{"/elsewhere", &file{status: 302, header: []string{"Location: http://127.0.0.1:9/x"}}, ErrNotAllowed, 10 * time.Second, 1},
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			var clock testClock
			o := newOrigin(t, &clock)
			k := open(t, keeperOptions(t), &clock)
			if c.file != nil {
				o.put(c.path, *c.file)
			}
			w := o.want(t, c.path)
			for range 5 {
				mustFail(t, k, w, c.want)
			}
			o.mustHaveAsked(t, c.path, c.asks)
			if n := k.Stats().Negative; n != 4 {
				t.Errorf("%d answers were remembered errors, want 4", n)
			}
			clock.pass(c.keep + time.Second)
			mustFail(t, k, w, c.want)
			o.mustHaveAsked(t, c.path, 2*c.asks)
			o.put(c.path, file{body: picture("now")})
			clock.pass(c.keep + time.Second)
			mustGet(t, k, w, picture("now"))
		})
	}
}

func TestATryThatMayHelpIsMadeOnce(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	// The first answer breaks off, the second does not.
	o.put("/a", file{body: picture("whole"), breakOff: true})
	go func() {
		for {
			if n, _ := o.asked("/a"); n == 1 {
				time.Sleep(10 * time.Millisecond)
				o.put("/a", file{body: picture("whole")})
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	mustGet(t, k, o.want(t, "/a"), picture("whole"))
	o.mustHaveAsked(t, "/a", 2)
}

func TestAllWhoWaitShareOneFetchAndNoneEndsIt(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	hang := make(chan struct{})
	o.put("/a", file{body: picture("1"), hang: hang, header: []string{"Cache-Control: max-age=60"}})
	w := o.want(t, "/a")

	leader, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := k.Get(leader, w)
		left <- err
	}()
	eventually(t, func() bool { n, _ := o.asked("/a"); return n == 1 })
	const clients = 200
	var all sync.WaitGroup
	for range clients {
		all.Go(func() { mustGet(t, k, w, picture("1")) })
	}
	eventually(t, func() bool { return k.Stats().Joined == clients })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("he who left got %v", err)
	}
	close(hang)
	all.Wait()
	o.mustHaveAsked(t, "/a", 1)
}

func TestThereIsABoundOnThoseWhoWait(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	hang := make(chan struct{})
	o.put("/a", file{body: picture("1"), hang: hang})
	w := o.want(t, "/a")
	var all sync.WaitGroup
	for range mostWaiting {
		all.Go(func() { _, _ = k.Get(t.Context(), w) })
	}
	eventually(t, func() bool { return k.Stats().Joined == mostWaiting-1 })
	mustFail(t, k, w, ErrBusy)
	close(hang)
	all.Wait()
}

func TestWhileItIsAskedAboutAStaleOneIsGivenAtOnce(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60, stale-while-revalidate=600"}})
	w := o.want(t, "/a")
	mustGet(t, k, w, picture("1"))
	hang := make(chan struct{})
	o.put("/a", file{body: picture("22"), hang: hang, header: []string{"Cache-Control: max-age=60"}})
	clock.pass(2 * time.Minute)
	for range 10 {
		if c := mustGet(t, k, w, picture("1")); !c.Stale {
			t.Fatal("it does not say that it is stale")
		}
	}
	close(hang)
	eventually(t, func() bool { c, _, err := get(t, k, w); return err == nil && c.Width == len(picture("22")) })
	o.mustHaveAsked(t, "/a", 2)
}

func TestNobodyWaitsLongForASlowOriginOfWhatHeCouldHave(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60"}})
	w := o.want(t, "/a")
	mustGet(t, k, w, picture("1"))
	hang := make(chan struct{})
	o.put("/a", file{body: picture("22"), hang: hang, header: []string{"Cache-Control: max-age=60"}})
	clock.pass(2 * time.Minute)
	if c := mustGet(t, k, w, picture("1")); !c.Stale {
		t.Error("it does not say that it is stale")
	}
	close(hang)
	eventually(t, func() bool { c, _, err := get(t, k, w); return err == nil && c.Width == len(picture("22")) })
	o.mustHaveAsked(t, "/a", 2)
}

func TestWhatMustNotBeKeptIsNot(t *testing.T) {
	for _, control := range []string{"no-store", "private", "private, max-age=600", "no-store, max-age=600"} {
		var clock testClock
		o := newOrigin(t, &clock)
		options := keeperOptions(t)
		k := open(t, options, &clock)
		o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60", `Etag: "1"`}})
		w := o.want(t, "/a")
		mustGet(t, k, w, picture("1"))
		clock.pass(2 * time.Minute)
		for _, f := range []file{{body: picture("1"), header: []string{`Etag: "1"`}}, {body: picture("22")}} { // first a 304
			f.header = append(f.header, "Cache-Control: "+control)
			o.put("/a", f)
			c := mustGet(t, k, w, f.body)
			if _, fresh := c.Fresh(clock.now()); !c.Private || fresh {
				t.Errorf("%s: %+v, fresh %v", control, c, fresh)
			}
		}
		before, _ := o.asked("/a")
		mustGet(t, k, w, picture("22"))
		if r := o.mustHaveAsked(t, "/a", before+1); r.Header.Get("If-None-Match") != "" {
			t.Errorf("%s: asked with %v", control, r.Header)
		}
		closeKeeper(t, k)
		k = open(t, options, &clock)
		if s := k.Stats(); s.Entries != 0 || s.Bytes != 0 {
			t.Errorf("%s: at the next start there are %d entries of %d bytes", control, s.Entries, s.Bytes)
		}
	}
}

func TestHeadersThatArePassedOnBelongToTheKey(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	options := keeperOptions(t)
	options.Headers = []string{"X-Team", "authorization"}
	k := open(t, options, &clock)
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=60"}})
	ask := func(headers map[string]string) *Copy {
		t.Helper()
		w := o.want(t, "/a")
		w.Headers = headers
		return mustGet(t, k, w, picture("1"))
	}
	ask(nil)
	ask(map[string]string{"Cookie": "a=b", "X-Other": "c"}) // none of which is passed on
	if r := o.mustHaveAsked(t, "/a", 1); r.Header.Get("Cookie") != "" {
		t.Error("a cookie was passed on")
	}
	ask(map[string]string{"x-team": "red"})
	if r := o.mustHaveAsked(t, "/a", 2); r.Header.Get("X-Team") != "red" {
		t.Errorf("passed on: %v", r.Header)
	}
	ask(map[string]string{"X-Team": "red"})
	o.mustHaveAsked(t, "/a", 2)
	ask(map[string]string{"X-Team": "blue"})
	o.mustHaveAsked(t, "/a", 3)
	// What was asked for with credentials is for him who has them, unless it says otherwise.
	for range 2 {
		if c := ask(map[string]string{"Authorization": "Bearer x"}); !c.Private {
			t.Error("it is for all")
		}
	}
	o.mustHaveAsked(t, "/a", 5)
	// All of them are one source.
	k.Forget(o.want(t, "/a").Source.ID())
	ask(map[string]string{"X-Team": "red"})
	ask(nil)
	o.mustHaveAsked(t, "/a", 7)
}

func TestWhatIsForgottenIsFetchedAnew(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	options := keeperOptions(t)
	k := open(t, options, &clock)
	o.put("/a", file{body: picture("1"), header: []string{"Cache-Control: max-age=6000"}})
	w := o.want(t, "/a")
	mustGet(t, k, w, picture("1"))
	k.Forget(w.Source.ID())
	// A fetch that is under way when a source is forgotten is for those who wait, and not kept.
	hang := make(chan struct{})
	o.put("/a", file{body: picture("1"), hang: hang, header: []string{"Cache-Control: max-age=6000"}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		mustGet(t, k, w, picture("1"))
	}()
	eventually(t, func() bool { n, _ := o.asked("/a"); return n == 2 })
	k.Forget(w.Source.ID())
	o.put("/a", file{body: picture("22"), header: []string{"Cache-Control: max-age=6000"}})
	close(hang)
	<-done
	mustGet(t, k, w, picture("22"))
	closeKeeper(t, k)
	k = open(t, options, &clock)
	mustGet(t, k, w, picture("22"))
	o.mustHaveAsked(t, "/a", 3)
	k.Forget(w.Source.ID())
	mustGet(t, k, w, picture("22"))
	o.mustHaveAsked(t, "/a", 4)
}

func TestOneWhoMayNotHaveItDoesNotGetWhatOthersHaveHadFetched(t *testing.T) {
	var clock testClock
	o, other := newOrigin(t, &clock), newOrigin(t, &clock)
	k := open(t, keeperOptions(t), &clock)
	other.put("/secret", file{body: picture("s"), header: []string{"Cache-Control: max-age=600"}})
	o.put("/a", file{status: 301, header: []string{"Location: " + other.URL + "/secret"}})
	all := wanted(t, o.URL+"/a", o.URL, other.URL)
	one := wanted(t, o.URL+"/a", o.URL)
	mustFail(t, k, one, ErrNotAllowed)
	mustGet(t, k, all, picture("s")) // although somebody was just refused
	mustFail(t, k, one, ErrNotAllowed)
	mustFail(t, k, wanted(t, o.URL+"/a", other.URL), ErrNotAllowed)
	mustFail(t, k, Wanted{Source: all.Source}, ErrNotAllowed)
	other.mustHaveAsked(t, "/secret", 1)
}

func TestA304AboutAnotherFileIsNotBelieved(t *testing.T) {
	var clock testClock
	var answers []string
	server := newOriginOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			answers = append(answers, "304")
			w.Header().Set("Etag", `"other"`)
			w.WriteHeader(304)
			return
		}
		answers = append(answers, "200")
		w.Header().Set("Etag", fmt.Sprintf(`"%d"`, len(answers)))
		w.Header().Set("Cache-Control", "max-age=60")
		body := picture(fmt.Sprint(len(answers)))
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write([]byte(body))
	})
	k := open(t, keeperOptions(t), &clock)
	w := server.want(t, "/a")
	mustGet(t, k, w, picture("1"))
	clock.pass(2 * time.Minute)
	mustGet(t, k, w, picture("3"))
	if got := strings.Join(answers, " "); got != "200 304 200" {
		t.Errorf("the answers were %s", got)
	}
}

func TestFilesThatAreDamagedAreFetchedAnew(t *testing.T) {
	var clock testClock
	o := newOrigin(t, &clock)
	options := keeperOptions(t)
	body := picture(strings.Repeat("abc", 10000))
	o.put("/a", file{body: body, header: []string{"Cache-Control: max-age=60000"}})
	w := o.want(t, "/a")
	for name, damage := range map[string]func(record, bytes string){
		"a bit":              func(_, bytes string) { flip(t, bytes, 5000) },
		"cut off":            func(_, bytes string) { truncate(t, bytes, 5000) },
		"nothing left":       func(_, bytes string) { truncate(t, bytes, 0) },
		"gone":               func(_, bytes string) { os.Remove(bytes) },
		"record bit":         func(record, _ string) { flip(t, record, 100) },
		"record cut off":     func(record, _ string) { truncate(t, record, 100) },
		"record without any": func(record, _ string) { truncate(t, record, 0) },
		"record gone":        func(record, _ string) { os.Remove(record) },
		"a link instead": func(_, bytes string) {
			os.Remove(bytes)
			if err := os.Symlink("/etc/passwd", bytes); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, restart := range []bool{false, true} {
			k := open(t, options, &clock)
			mustGet(t, k, w, body)
			before, _ := o.asked("/a")
			if restart {
				closeKeeper(t, k)
			}
			record, bytes := filesOf(t, options.Dir)
			damage(record, bytes)
			if restart {
				k = open(t, options, &clock)
			} else {
				k.entries[w.key()].copy.item.age()
			}
			mustGet(t, k, w, body)
			after, _ := o.asked("/a")
			if inMemory := !restart && strings.HasPrefix(name, "record"); !inMemory && after != before+1 {
				t.Errorf("%s (restart %v): asked %d times", name, restart, after-before)
			}
			closeKeeper(t, k)
		}
	}
}

// age makes what was found whole be looked at again.
func (i *item) age() {
	i.reading.Lock()
	defer i.reading.Unlock()
	i.trusted = time.Time{}
}

// filesOf returns the two files of the only source in a folder.
func filesOf(t *testing.T, dir string) (record, bytes string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[0-9a-f][0-9a-f]", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Contains(filepath.Base(f), ".") {
			bytes = f
		} else {
			record = f
		}
	}
	if len(files) != 2 || record == "" || bytes == "" {
		t.Fatalf("there are %v", files)
	}
	return record, bytes
}

func flip(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 4
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func truncate(t *testing.T, path string, length int64) {
	t.Helper()
	if err := os.Truncate(path, length); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
		time.Sleep(2 * time.Millisecond)
	}
}
