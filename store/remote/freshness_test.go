package remote

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

// noon is when answers come in these tests; they were asked for at the same moment unless a test says otherwise.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// at is a date as headers write it, so long after noon.
func at(after time.Duration) string { return noon.Add(after).Format(http.TimeFormat) }

// headerOf reads header lines, as "Age: 5".
func headerOf(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// noBounds leave to the origin what RFC 9111 leaves to it.
var noBounds = bounds{0, 1000 * day}

func TestFreshness(t *testing.T) {
	date := "Date: " + at(0)
	for _, c := range []struct {
		about  string
		header []string
		want   freshness // with fresh after noon
		left   time.Duration
	}{
		// RFC 9111, 4.2.1: how long an answer is fresh.
		{"nothing is said", []string{date}, freshness{onError: day}, 0},
		{"max-age", []string{date, "Cache-Control: max-age=3600"}, freshness{onError: day}, hour},
		{"s-maxage before max-age", []string{date, "Cache-Control: max-age=60, s-maxage=3600"}, freshness{}, hour},
		{"max-age before Expires", []string{date, "Cache-Control: max-age=3600", "Expires: " + at(60*time.Second)}, freshness{onError: day}, hour},
		{"Expires", []string{date, "Expires: " + at(hour)}, freshness{onError: day}, hour},
		{"Expires counts from Date", []string{"Date: " + at(-hour), "Expires: " + at(hour)}, freshness{onError: day}, hour},
		{"Expires without Date", []string{"Expires: " + at(hour)}, freshness{onError: day}, hour},
		{"Expires in the past", []string{date, "Expires: " + at(-hour)}, freshness{onError: day}, 0},
		{"Expires: 0", []string{date, "Expires: 0", "Last-Modified: " + at(-10*day)}, freshness{onError: day}, 0},
		{"Expires that is no date", []string{date, "Expires: tomorrow"}, freshness{onError: day}, 0},
		{"Expires in the format of RFC 850", []string{date, "Expires: Wednesday, 25-Nov-26 13:00:00 GMT"}, freshness{onError: day}, hour},
		{"Expires in the format of asctime", []string{date, "Expires: Wed Nov 25 13:00:00 2026"}, freshness{onError: day}, hour},
		{"the first Expires", []string{date, "Expires: " + at(hour), "Expires: " + at(2*hour)}, freshness{onError: day}, hour},
		{"max-age=0 before Expires", []string{date, "Cache-Control: max-age=0", "Expires: " + at(hour)}, freshness{onError: day}, 0},
		{"max-age that is no number is stale", []string{date, "Cache-Control: max-age=abc", "Expires: " + at(hour)}, freshness{onError: day}, 0},
		{"max-age with a fraction", []string{date, "Cache-Control: max-age=3600.0"}, freshness{onError: day}, 0},
		{"max-age below 0", []string{date, "Cache-Control: max-age=-1"}, freshness{onError: day}, 0},
		{"max-age without a value", []string{date, "Cache-Control: max-age"}, freshness{onError: day}, 0},
		{"max-age in quotes", []string{date, `Cache-Control: max-age="3600"`}, freshness{onError: day}, hour},
		{"max-age in single quotes", []string{date, "Cache-Control: max-age='3600'"}, freshness{onError: day}, 0},
		{"white space before the sign", []string{date, "Cache-Control: max-age =3600"}, freshness{onError: day}, 0},
		{"white space behind the sign", []string{date, "Cache-Control: max-age= 3600"}, freshness{onError: day}, 0},
		{"max-age larger than 31 bits", []string{date, "Cache-Control: max-age=99999999999999999999"}, freshness{onError: day}, 1000 * day},
		{"the first max-age", []string{date, "Cache-Control: max-age=3600, max-age=60"}, freshness{onError: day}, hour},
		{"the first max-age of two lines", []string{date, "Cache-Control: max-age=3600", "Cache-Control: max-age=60"}, freshness{onError: day}, hour},
		{"directives in upper case", []string{date, "Cache-Control: MAX-AGE=3600"}, freshness{onError: day}, hour},
		{"directives that nobody knows", []string{date, `Cache-Control: foo, bar="max-age=1", x="a\",no-store", max-age=3600`}, freshness{onError: day}, hour},
		{"empty members", []string{date, "Cache-Control: ,, max-age=3600,"}, freshness{onError: day}, hour},
		{"a quote that is not closed", []string{date, `Cache-Control: foo=", max-age=3600`}, freshness{onError: day}, 0},
		{"Pragma is for requests", []string{date, "Pragma: no-cache", "Cache-Control: max-age=3600"}, freshness{onError: day}, hour},

		// 4.2.2: heuristics.
		{"a tenth of its age", []string{date, "Last-Modified: " + at(-10*day)}, freshness{onError: day}, day},
		{"modified in the future", []string{date, "Last-Modified: " + at(hour)}, freshness{onError: day}, 0},
		{"modified at no date", []string{date, "Last-Modified: once"}, freshness{onError: day}, 0},
		{"public alone", []string{date, "Cache-Control: public", "Last-Modified: " + at(-10*day)}, freshness{onError: day}, day},

		// 4.2.3: age.
		{"Age", []string{date, "Cache-Control: max-age=3600", "Age: 1800"}, freshness{onError: day}, hour / 2},
		{"Age above the lifetime", []string{date, "Cache-Control: max-age=3600", "Age: 7200"}, freshness{onError: day}, 0},
		{"Age that is no number", []string{date, "Cache-Control: max-age=3600", "Age: old"}, freshness{onError: day}, hour},
		{"Age below 0", []string{date, "Cache-Control: max-age=3600", "Age: -5"}, freshness{onError: day}, hour},
		{"the first Age", []string{date, "Cache-Control: max-age=3600", "Age: 1800", "Age: 0"}, freshness{onError: day}, hour / 2},
		{"Date in the past", []string{"Date: " + at(-hour/2), "Cache-Control: max-age=3600"}, freshness{onError: day}, hour / 2},
		{"Date in the future", []string{"Date: " + at(hour), "Cache-Control: max-age=3600"}, freshness{onError: day}, hour},
		{"no Date", []string{"Cache-Control: max-age=3600"}, freshness{onError: day}, hour},
		{"Date that is none", []string{"Date: today", "Cache-Control: max-age=3600"}, freshness{onError: day}, hour},
		{"the larger of both ages", []string{"Date: " + at(-hour/2), "Age: 60", "Cache-Control: max-age=3600"}, freshness{onError: day}, hour / 2},

		// 5.2.2: what must be asked about, and what must not be kept.
		{"no-cache", []string{date, "Cache-Control: no-cache, max-age=3600"}, freshness{}, 0},
		{"no-cache with names", []string{date, `Cache-Control: no-cache="Set-Cookie", max-age=3600`}, freshness{}, 0},
		{"must-revalidate", []string{date, "Cache-Control: max-age=3600, must-revalidate"}, freshness{}, hour},
		{"proxy-revalidate", []string{date, "Cache-Control: max-age=3600, proxy-revalidate"}, freshness{}, hour},
		{"must-revalidate before stale-if-error", []string{date, "Cache-Control: max-age=60, must-revalidate, stale-if-error=600, stale-while-revalidate=600"}, freshness{}, time.Minute},
		{"Vary: *", []string{date, "Vary: *", "Cache-Control: max-age=3600"}, freshness{}, 0},
		{"Vary: * among others", []string{date, "Vary: Accept, *", "Cache-Control: max-age=3600"}, freshness{}, 0},
		{"Vary by what never varies here", []string{date, "Vary: Accept, Origin", "Cache-Control: max-age=3600"}, freshness{onError: day}, hour},
		{"no-store", []string{date, "Cache-Control: no-store, max-age=3600"}, freshness{forbidden: true, onError: day}, hour},
		{"no-store in upper case", []string{date, "Cache-Control: No-Store"}, freshness{forbidden: true, onError: day}, 0},
		{"no-store in another line", []string{date, "Cache-Control: max-age=3600", "Cache-Control: no-store"}, freshness{forbidden: true, onError: day}, hour},
		{"must-understand", []string{date, "Cache-Control: no-store, must-understand, max-age=3600"}, freshness{onError: day}, hour},
		{"private", []string{date, "Cache-Control: private, max-age=3600"}, freshness{forbidden: true, onError: day}, hour},
		{"private with names", []string{date, `Cache-Control: private="X-User", max-age=3600`}, freshness{forbidden: true, onError: day}, hour},

		// RFC 5861.
		{"stale-while-revalidate", []string{date, "Cache-Control: max-age=3600, stale-while-revalidate=60"}, freshness{whileAsking: time.Minute, onError: day}, hour},
		{"stale-if-error", []string{date, "Cache-Control: max-age=3600, stale-if-error=60"}, freshness{onError: time.Minute}, hour},
		{"stale-if-error=0", []string{date, "Cache-Control: max-age=3600, stale-if-error=0"}, freshness{}, hour},
		{"stale-if-error with s-maxage", []string{date, "Cache-Control: s-maxage=3600, stale-if-error=60"}, freshness{onError: time.Minute}, hour},
		{"stale-while-revalidate that is no number", []string{date, "Cache-Control: max-age=3600, stale-while-revalidate=soon"}, freshness{onError: day}, hour},
	} {
		c.want.fresh = noon.Add(c.left)
		if c.left > noBounds.cap {
			c.want.fresh = noon.Add(noBounds.cap)
		}
		got := freshnessOf([]step{{200, headerOf(c.header...), noon, noon}}, false, noBounds)
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.about, got, c.want)
		}
	}
}

func TestTheTimeThatAnAnswerTookCountsToItsAge(t *testing.T) {
	header := headerOf("Cache-Control: max-age=3600", "Age: 60", "Date: "+at(0))
	f := freshnessOf([]step{{200, header, noon.Add(-time.Minute), noon}}, false, noBounds)
	if got, want := f.fresh.Sub(noon), hour-2*time.Minute; got != want {
		t.Errorf("it is fresh for %v, want %v", got, want)
	}
}

// Floor and cap bound the time that is left, not the lifetime; what must be asked about is, however high the floor.
func TestFloorAndCap(t *testing.T) {
	for _, c := range []struct {
		header string
		want   time.Duration
	}{
		{"max-age=5", time.Minute},
		{"max-age=600", 10 * time.Minute},
		{"max-age=999999", hour},
		{"max-age=0", time.Minute},
		{"max-age=0, must-revalidate", time.Minute},
		{"no-cache", 0},
	} {
		got := freshnessOf([]step{{200, headerOf("Cache-Control: " + c.header), noon, noon}}, false, bounds{time.Minute, hour}).fresh.Sub(noon)
		if got != c.want {
			t.Errorf("%s: fresh for %v, want %v", c.header, got, c.want)
		}
	}
}

func TestNothingIsFresherThanTheRedirectsToIt(t *testing.T) {
	last := step{200, headerOf("Cache-Control: max-age=3600, stale-while-revalidate=600"), noon, noon}
	for _, c := range []struct {
		about     string
		redirect  step
		left      time.Duration
		forbidden bool
	}{
		{"for ever", step{301, headerOf(), noon, noon}, hour, false},
		{"for ever, with a method", step{308, headerOf(), noon, noon}, hour, false},
		{"for ever, but said for how long", step{301, headerOf("Cache-Control: max-age=60"), noon, noon}, time.Minute, false},
		{"for now", step{302, headerOf(), noon, noon}, 0, false},
		{"for now, but said for how long", step{302, headerOf("Cache-Control: max-age=60"), noon, noon}, time.Minute, false},
		{"longer than the image", step{307, headerOf("Cache-Control: max-age=99999"), noon, noon}, hour, false},
		{"for one alone", step{302, headerOf("Cache-Control: private, max-age=60"), noon, noon}, time.Minute, true},
	} {
		f := freshnessOf([]step{c.redirect, last}, false, noBounds)
		if got := f.fresh.Sub(noon); got != c.left || f.forbidden != c.forbidden {
			t.Errorf("%s: fresh for %v, forbidden %v; want %v, %v", c.about, got, f.forbidden, c.left, c.forbidden)
		}
		if f.whileAsking != 0 {
			t.Errorf("%s: it may be used while it is asked about, which the redirect does not say", c.about)
		}
	}
}

func TestWhatComesWithTooManyHeadersIsForOneUse(t *testing.T) {
	for size, forbidden := range map[int]bool{mostHeader / 2: false, mostHeader + 1: true} {
		h := headerOf("Cache-Control: max-age=60", "Vary: "+strings.Repeat("a", size))
		if got := freshnessOf([]step{{200, h, noon, noon}}, false, noBounds).forbidden; got != forbidden {
			t.Errorf("%d bytes: forbidden is %v", size, got)
		}
	}
}

// RFC 9111, 3.5.
func TestAnswersToCredentialsAreForOneUnlessTheySayOtherwise(t *testing.T) {
	for header, private := range map[string]bool{
		"max-age=60": true, "public, max-age=60": false, "s-maxage=60": false, "max-age=60, must-revalidate": false, "private, public": true,
	} {
		if got := freshnessOf([]step{{200, headerOf("Cache-Control: " + header), noon, noon}}, true, noBounds).forbidden; got != private {
			t.Errorf("%s: private is %v, want %v", header, got, private)
		}
	}
}

// RFC 9111, 3.2 and 4.3.4.
func TestA304ReplacesWhatItNames(t *testing.T) {
	stored := storedHeader(headerOf("Cache-Control: max-age=60", "Etag: \"a\"", "Age: 5", "Date: "+at(0), "Expires: "+at(hour), "Last-Modified: "+at(-day), "Set-Cookie: x=1", "Content-Type: image/png"))
	got := updatedHeader(stored, headerOf("Cache-Control: max-age=90", "Date: "+at(hour), "Content-Length: 5"))
	want := headerOf("Cache-Control: max-age=90", "Etag: \"a\"", "Date: "+at(hour), "Expires: "+at(hour), "Last-Modified: "+at(-day))
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name := range want {
		if got.Get(name) != want.Get(name) {
			t.Errorf("%s: got %q, want %q", name, got.Get(name), want.Get(name))
		}
	}
}

func TestAClockThatIsSetBackMakesNothingFresher(t *testing.T) {
	f := freshnessOf([]step{{200, headerOf("Cache-Control: max-age=60"), noon, noon}}, false, noBounds)
	if got := f.left(noon.Add(-10*day), noon); got != time.Minute {
		t.Errorf("fresh for %v", got)
	}
}

// Whatever an origin says, reading it ends in bounds.
func FuzzFreshness(f *testing.F) {
	for _, seed := range []string{"max-age=60", `a="b,c\"d", no-store`, "s-maxage=99999999999999999999999, stale-if-error", "=,=\"", "max-age=\"60"} {
		f.Add(seed, "5", at(0), at(hour), at(-day))
	}
	f.Fuzz(func(t *testing.T, control, age, date, expires, modified string) {
		h := http.Header{"Cache-Control": {control}, "Age": {age}, "Date": {date}, "Expires": {expires}, "Last-Modified": {modified}}
		got := freshnessOf([]step{{200, h, noon, noon}}, false, bounds{time.Second, hour})
		if left := got.left(noon, noon); left < 0 || left > hour || got.onError < 0 || got.whileAsking < 0 {
			t.Errorf("%+v", got)
		}
		if strings.Contains(strings.ToLower(control), "no-store") && !strings.ContainsAny(control, "\"=\\") && !got.forbidden && !strings.Contains(strings.ToLower(control), "must-understand") {
			for _, d := range strings.Split(control, ",") {
				if strings.EqualFold(strings.TrimSpace(d), "no-store") {
					t.Errorf("%q may be kept", control)
				}
			}
		}
	})
}
