package handler

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"calotype/handler/purge"
	"calotype/store"
)

// What another server tells is forgotten here, in memory and on disk, and nothing else is.
func TestNewsAreObeyed(t *testing.T) {
	s := serve(t, onDisk(t.TempDir()))
	a, b := s.upload(encodePNG(t, photo(60, 40, 1))), s.upload(encodePNG(t, photo(60, 40, 2)))
	targets := []string{a.URL + "/resize:20.png", b.URL + "/resize:20.webp", b.URL + "/resize:20/overlay:" + a.ID + ".png"}
	told := func(what purge.What) store.News {
		message, err := json.Marshal(what)
		if err != nil {
			t.Fatal(err)
		}
		return store.News{Message: message, Age: 20 * time.Millisecond}
	}
	removed, err := store.ParseID(a.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		news store.News
		kept string // by target: y or n
	}{
		"a removal":                   {store.News{Removed: removed, Age: time.Second}, "nyn"},
		"a purge by id":               {told(purge.What{IDs: []string{a.ID}}), "nyn"},
		"a purge by tag":              {told(purge.What{Tags: []string{"fmt-webp"}}), "yny"},
		"a purge by path":             {told(purge.What{Paths: []string{"/download/" + b.ID + "/resize:20"}}), "ynn"},
		"all was missed":              {store.News{Missed: true}, "nnn"},
		"what is not understood":      {store.News{Message: []byte(`{"IDs": 7`)}, "nnn"},
		"what newer versions may say": {store.News{Message: []byte(`{"Regions": ["eu"]}`)}, "nnn"},
	} {
		for _, target := range targets {
			s.mustGet(target)
		}
		s.written(3)
		s.handler.obey(test.news)
		kept := int64(strings.Count(test.kept, "y"))
		s.written(kept) // it may go on in the background, in memory after the disk
		for end := time.Now().Add(10 * time.Second); s.handler.prints.Stats().Entries != kept; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %+v, want %d prints in memory", name, s.handler.prints.Stats(), kept)
			}
		}
		for i, target := range targets {
			want := test.kept[i] == 'y'
			if kept := strings.HasPrefix(s.mustGet(target).header.Get("Cache-Status"), statusHit); kept != want {
				t.Errorf("%s: %s is kept: %t, want %t", name, target, kept, want)
			}
		}
	}
	if a := s.get("/images/" + a.ID); a.status != http.StatusOK { // nobody has really removed it
		t.Errorf("status %d", a.status)
	}
}

// A cache in front that was told of a deletion may have fetched the image again from a server that had not heard of it yet.
func TestFrontsAreToldAgainOfWhatWasHeardLate(t *testing.T) {
	f := newFront(t)
	s := serve(t, behind(t, f))
	s.handler.began = time.Now().Add(-time.Minute)
	ids := []store.ID{{1}, {2}, {3}}
	s.handler.obey(store.News{Removed: ids[0], Age: othersForget / 2})
	s.handler.obey(store.News{Removed: ids[1], Age: 2 * time.Minute}) // before it served
	s.handler.obey(store.News{Removed: ids[2], Age: othersForget + time.Second})
	if told, want := f.told(t, 1), "img-"+ids[2].String(); told != want {
		t.Errorf("told of %q, want %q", told, want)
	}
}

// A message that one server tells, the other understands.
func TestPurgesAreToldAsTheyAreObeyed(t *testing.T) {
	what := purge.What{IDs: []string{"i"}, Tags: []string{"t"}, Paths: []string{"p", "q"}}
	message, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(message); got != `{"IDs":["i"],"Tags":["t"],"Paths":["p","q"]}` {
		t.Errorf("servers of other versions do not understand %s", got)
	}
	if purgeBytes > store.MaxMessage {
		t.Errorf("a purge of %d bytes does not fit into a message of %d", purgeBytes, store.MaxMessage)
	}
}
