//go:build cdn

package test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// randomID is an id that no image has.
func randomID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// All addresses of an image go to the same of three servers, however they are spelled. Those of a server that has died go to the
// others, and come back with it.
func TestCDNBalancing(t *testing.T) {
	t.Parallel()
	path := program(t, "haproxy")
	origins := make([]*origin, 3)
	replaced := map[string]string{}
	folder, listen := t.TempDir(), freePort(t)
	for i := range origins {
		origins[i] = newOrigin(t, "--workers", "1", "--memory", "512MB")
		replaced[fmt.Sprintf("10.1.0.%d:8080 port 9090", i+1)] = fmt.Sprintf("127.0.0.1:%d port %d", origins[i].port, origins[i].admin)
	}
	replaced["bind :8081"] = fmt.Sprintf("bind 127.0.0.1:%d", listen)
	d := begin(t, folder, path, "-db", "-f", deployed(t, folder, "haproxy/calotype.cfg", replaced))
	d.answers(t, listen)
	address := fmt.Sprintf("http://127.0.0.1:%d", listen)

	// home asks for an image in all spellings and tells which server has answered, -1 if it was not one alone.
	home := func(id string, alive []*origin) int {
		t.Helper()
		before := answersOf(alive)
		spellings := []string{
			"/download/" + id,
			"/download/" + id + ".png",
			"/download/" + id + "/resize:10.png",
			"/download/" + strings.ToUpper(id) + "/crop:0%2C0%2C5%2C5.png",
			"/download//" + id + "/resize=10.png",
			"/download/" + strings.ReplaceAll(id, "-", "") + "/resize:11.png",
			"/download/" + strings.Replace(id, "-", "%2D", 1) + ".webp",
			"/download?id=" + id,
			"/srcset/" + id + ".jpg",
			"/download/~k1.0.c2lnbmF0dXJl/" + id + "/resize:10.png",
			"/srcset/~k1.0.c2lnbmF0dXJl/" + id + ".jpg",
			"/download/~k1.0.AAAAAAAAAAAAAAAAAAAAAA/" + id + "/resize:10.png",
			"/download//%7Ek1.0.BBBBBBBBBBBBBBBBBBBBBA//" + id + ".png",
		}
		for _, s := range spellings {
			if got := get(t, address, s); got.status >= 500 {
				t.Errorf("%s is answered %d", s, got.status)
			}
		}
		at := -1
		for i, n := range answersOf(alive) {
			switch n - before[i] {
			case 0:
			case float64(len(spellings)):
				at = i
			default:
				t.Errorf("%v of %d spellings of %s went to one server", n-before[i], len(spellings), id)
			}
		}
		return at
	}
	ids := make([]string, 20)
	homes := make([]int, len(ids))
	count := make([]int, len(origins))
	for i := range ids {
		ids[i] = randomID()
		if homes[i] = home(ids[i], origins); homes[i] < 0 {
			t.Fatalf("%s is at home nowhere", ids[i])
		}
		count[homes[i]]++
	}
	t.Logf("%v of %d images", count, len(ids))
	if slices.Min(count) == 0 {
		t.Error("one server has none")
	}
	for i := range 5 { // so many sources, each of which has one home, too
		source := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "https://example.org/%d.jpg", i))
		before := answersOf(origins)
		for _, s := range []string{"/proxy/_/" + source + ".png", "/proxy/~k1.0.c2lnbmF0dXJl/" + source + "/resize:10.png", "/srcset/_/" + source + ".jpg", "/proxy//_/" + source} {
			get(t, address, s)
		}
		for j, n := range answersOf(origins) {
			if n != before[j] && n != before[j]+4 {
				t.Errorf("%v of 4 spellings of a source went to one server", n-before[j])
			}
		}
	}
	// All of an upload goes to the server that has begun it.
	for range 3 {
		before := answersOf(origins)
		path := askTus(t, "POST", address+"/files/", nil, "Upload-Length", "10").Header.Get("Location")
		for _, method := range []string{"PATCH", "HEAD", "DELETE"} {
			if got := askTus(t, method, address+path, nil, "Upload-Offset", "0"); got.StatusCode >= 300 {
				t.Errorf("%s is answered %d", method, got.StatusCode)
			}
		}
		for i, n := range answersOf(origins) {
			if n != before[i] && n != before[i]+4 {
				t.Errorf("%v of 4 requests of an upload went to one server", n-before[i])
			}
		}
	}
	dead := homes[0]
	origins[dead].end(syscall.SIGKILL)
	alive := slices.Delete(slices.Clone(origins), dead, dead+1)
	for i, id := range ids {
		at := home(id, alive)
		if at < 0 {
			t.Errorf("%s is at home nowhere", id)
		} else if homes[i] != dead && alive[at] != origins[homes[i]] {
			t.Errorf("%s has moved, though its server is well", id)
		}
	}
	origins[dead].start("--workers", "1", "--memory", "512MB", "--data", filepath.Join(t.TempDir(), "data"))
	_, back := until(10*time.Second, func() bool {
		before := answersOf(origins)[dead]
		get(t, address, "/download/"+ids[0])
		return answersOf(origins)[dead] > before
	})
	if !back {
		t.Fatal("the server that is back gets nothing")
	}
	for i, id := range ids {
		if at := home(id, origins); at != homes[i] {
			t.Errorf("%s is now at %d, was at %d", id, at, homes[i])
		}
	}
	// What the web has no business with, and what belongs to no image.
	askTarget(t, "PURGE", address, "/download/"+ids[0]+"*").must(t, 405, "")
	for range 3 {
		get(t, address, "/capabilities").must(t, 200, "")
	}
}

// answersOf is how many requests each of some servers has answered.
func answersOf(origins []*origin) (all []float64) {
	for _, o := range origins {
		sum := 0.0
		for series, value := range o.numbers() {
			if strings.HasPrefix(series, "calotype_answers_total") {
				sum += value
			}
		}
		all = append(all, sum)
	}
	return all
}
