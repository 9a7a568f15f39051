//go:build servers

package test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"calotype/store/storetest/servers"
)

// soon is how long others may take to forget what one server has removed or purged.
const soon = time.Second

// A fleet is three Calotypes over one bucket and one PostgreSQL, and an nginx in front of them.
type fleet struct {
	t       *testing.T
	origins []*origin
	nginx   *proxy
	front   *front
}

// A front is a cache in front of the fleet that is told of purges.
type front struct {
	*httptest.Server
	mutex sync.Mutex
	told  map[string]time.Time // of ids, when
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	program(t, "nginx")
	index, blobs := servers.Postgres(t).URL, servers.S3(t).URL
	f := &fleet{t: t, front: &front{told: map[string]time.Time{}}}
	f.front.Server = httptest.NewServer(http.HandlerFunc(f.front.purge))
	t.Cleanup(f.front.Close)
	replaced := map[string]string{}
	for i := range 3 {
		o := newOrigin(t, "--workers", "1", "--memory", "512MB", "--index", index, "--blobs", blobs, "--data", filepath.Join(t.TempDir(), "data"),
			"--purge", "http+"+f.front.URL+"/")
		replaced[fmt.Sprintf("10.1.0.%d:8080", i+1)] = fmt.Sprintf("127.0.0.1:%d", o.port)
		f.origins = append(f.origins, o)
	}
	f.nginx = nginxWith(t, "many.conf", replaced)
	return f
}

func (f *front) purge(_ http.ResponseWriter, r *http.Request) {
	var what struct{ IDs []string }
	json.NewDecoder(r.Body).Decode(&what)
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for _, id := range what.IDs {
		f.told[id] = time.Now()
	}
}

// toldOf waits until the front is told of an id, and returns when it was.
func (f *front) toldOf(t *testing.T, id string) time.Time {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		f.mutex.Lock()
		when, told := f.told[id]
		f.mutex.Unlock()
		if told {
			return when
		}
	}
	t.Fatalf("the cache in front is not told of %s", id)
	return time.Time{}
}

// prints is how many prints were made by each of the servers.
func (f *fleet) prints() (all []int) {
	for _, o := range f.origins {
		all = append(all, o.prints())
	}
	return all
}

// everywhere waits until all servers answer a target with a status, and returns how long that took.
func (f *fleet) everywhere(began time.Time, target string, status int) time.Duration {
	f.t.Helper()
	for {
		right := 0
		for _, o := range f.origins {
			if get(f.t, o.address(), target).status == status {
				right++
			}
		}
		if took := time.Since(began); right == len(f.origins) || took > 10*time.Second {
			return took
		}
	}
}

// deleteImage deletes an image at a server.
func (f *fleet) deleteImage(at int, id string) {
	f.t.Helper()
	if got := askTarget(f.t, "DELETE", f.origins[at].address(), "/images/"+id); got.status != http.StatusNoContent {
		f.t.Fatalf("the deletion is answered %d %s", got.status, got.body)
	}
}

func TestManyMachines(t *testing.T) {
	f := newFleet(t)
	photo, err := os.ReadFile(sample(t, "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("an upload at one is served by all at once", func(t *testing.T) {
		for i, o := range f.origins {
			image := append(bytes.Clone(photo), byte(i)) // other bytes, same picture
			id := o.upload("image/jpeg", image)
			for _, other := range f.origins {
				if got := get(t, other.address(), "/download/"+id); got.status != 200 || !bytes.Equal(got.body, image) {
					t.Errorf("the original is answered %d, %d bytes of %d", got.status, len(got.body), len(image))
				}
				get(t, other.address(), "/download/"+id+"/resize:20.png").must(t, 200, "")
			}
		}
	})

	t.Run("each image is at home at one, which makes its prints once", func(t *testing.T) {
		homes := map[int]int{}
		for i := range 12 {
			id := f.origins[i%3].upload("image/jpeg", append(bytes.Clone(photo), byte(i), 1))
			before := f.prints()
			for range 3 {
				for _, target := range []string{
					"/download/" + id + "/resize:30.png",
					"/download/" + strings.ReplaceAll(id, "-", "") + "/resize:30.png",
					"/download//" + id + "/resize%3A30.png",
					"/download/" + id + "/resize:31.webp",
					"/srcset/" + id + "/resize:30.png",
					"/download?id=" + id,
				} {
					get(t, f.nginx.address, target).must(t, 200, "")
				}
			}
			for at, n := range f.prints() {
				switch n - before[at] {
				case 0:
				case 2:
					homes[at]++
				default:
					t.Errorf("%s: server %d has made %d prints of 2", id, at, n-before[at])
				}
			}
		}
		t.Logf("images by server: %v", homes)
		if homes[0]+homes[1]+homes[2] != 12 || len(homes) < 2 {
			t.Error("not each image is at home at one server")
		}
	})

	t.Run("an upload that can be resumed stays with the one that has begun it, and is an image of all", func(t *testing.T) {
		for i := range 3 {
			image := append(bytes.Clone(photo), byte(i), 5)
			path := askTus(t, "POST", f.nginx.address+"/files/", nil, "Upload-Length", strconv.Itoa(len(image))).Header.Get("Location")
			for offset := 0; offset < len(image); offset += 10_000 {
				end := min(len(image), offset+10_000)
				if got := askTus(t, "PATCH", f.nginx.address+path, image[offset:end], "Upload-Offset", strconv.Itoa(offset)); got.StatusCode != 204 {
					t.Fatalf("at %d it is answered %d", offset, got.StatusCode)
				}
			}
			for _, o := range f.origins {
				got := askTus(t, "HEAD", o.address()+path, nil)
				if got.StatusCode != 200 || got.Header.Get("Upload-Offset") != strconv.Itoa(len(image)) || got.Header.Get("Content-Location") == "" {
					t.Errorf("when it is an image HEAD is answered %d, %v", got.StatusCode, got.Header)
				}
				if got := get(t, o.address(), "/download/"+strings.TrimPrefix(path, "/files/")); got.status != 200 || !bytes.Equal(got.body, image) {
					t.Errorf("the original is answered %d", got.status)
				}
			}
		}
	})

	t.Run("a deletion at one holds for all within a second", func(t *testing.T) {
		under := f.origins[0].upload("image/jpeg", append(bytes.Clone(photo), 2, 2))
		for i := range 3 {
			id := f.origins[i].upload("image/jpeg", append(bytes.Clone(photo), byte(i), 2))
			targets := []string{
				"/download/" + id, "/download/" + id + "/resize:40.png", "/download/" + id + ".json", "/images/" + id,
				"/download/" + under + "/resize:50/overlay:" + id + ".png",
			}
			for _, target := range targets {
				if took := f.everywhere(time.Now(), target, 200); took > 10*time.Second { // and is in memory there
					t.Fatalf("%s is not served", target)
				}
			}
			began := time.Now()
			f.deleteImage((i+1)%3, id)
			for _, target := range targets {
				if took := f.everywhere(began, target, 410); took > soon {
					t.Errorf("%s is 410 everywhere after %v", target, took)
				}
			}
			gone := time.Now()
			if told := f.front.toldOf(t, id); told.Before(gone) && told.Sub(began) < soon {
				t.Errorf("the cache in front was told %v after the deletion", told.Sub(began))
			}
		}
	})

	t.Run("a purge at one holds for all within a second", func(t *testing.T) {
		for i := range 3 {
			id := f.origins[i].upload("image/jpeg", append(bytes.Clone(photo), byte(i), 3))
			target := "/download/" + id + "/resize:60.png"
			if took := f.everywhere(time.Now(), target, 200); took > 10*time.Second {
				t.Fatalf("%s is not served", target)
			}
			before := f.prints()
			began := time.Now()
			purged := make(chan received, 1)
			go func() { // it waits until the caches in front are told, too
				got, err := post(f.origins[i].address()+"/purge", "application/json", fmt.Appendf(nil, `{"ids": [%q]}`, id))
				if err != nil {
					t.Error(err)
				}
				purged <- got
			}()
			for at, o := range f.origins {
				for o.prints() == before[at] && time.Since(began) < 10*time.Second {
					get(t, o.address(), target).must(t, 200, "")
				}
				if took := time.Since(began); took > soon {
					t.Errorf("server %d has forgotten it after %v", at, took)
				}
			}
			if got := <-purged; got.status != 200 {
				t.Errorf("the purge is answered %d %s", got.status, got.body)
			}
			if f.front.toldOf(t, id).Sub(began) < soon {
				t.Error("the cache in front was told before the others had a second to forget")
			}
		}
		for _, o := range f.origins {
			if heard := o.numbers()[`calotype_news_total{what="purged"}`]; heard < 2 || heard > 3 { // its own may come to it before it knows that it is its own
				t.Errorf("a server has heard of %v purges by others, want 2", heard)
			}
		}
	})

	t.Run("presets are the same at all", func(t *testing.T) {
		presetsOfMany(t, f, f.origins[0].upload("image/jpeg", append(bytes.Clone(photo), 4, 4)))
	})

	t.Run("one that is killed takes nothing with it", func(t *testing.T) {
		var mutex sync.Mutex
		kept := map[string][]byte{}
		refused := map[int]int{}
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					image := append(bytes.Clone(photo), []byte(rand.Text())...)
					got, err := post(f.nginx.address+"/upload-image", "image/jpeg", image)
					var uploaded struct{ ID string }
					json.Unmarshal(got.body, &uploaded)
					mutex.Lock()
					switch {
					case err == nil && got.status == http.StatusCreated:
						kept[uploaded.ID] = image
					default:
						refused[got.status]++
					}
					mutex.Unlock()
				}
			})
		}
		time.Sleep(time.Second)
		f.origins[1].end(syscall.SIGKILL)
		time.Sleep(2 * time.Second)
		close(stop)
		clients.Wait()
		t.Logf("%d uploads were acknowledged, others were answered %v", len(kept), refused)
		if len(kept) < 20 {
			t.Error("that is too little to tell")
		}
		for status, n := range refused {
			if status != http.StatusBadGateway && status != http.StatusServiceUnavailable {
				t.Errorf("%d uploads were answered %d", n, status)
			}
		}
		for id, image := range kept {
			if got := get(t, f.nginx.address, "/download/"+id); got.status != 200 || !bytes.Equal(got.body, image) {
				t.Errorf("an acknowledged upload is answered %d, %d bytes of %d", got.status, len(got.body), len(image))
			}
		}
		f.origins[1].start()
		for id, image := range kept {
			if got := get(t, f.origins[1].address(), "/download/"+id); got.status != 200 || !bytes.Equal(got.body, image) {
				t.Errorf("the one that is back answers %d, %d bytes of %d", got.status, len(got.body), len(image))
			}
		}
	})
}

// post sends a body and returns the answer.
func post(address, mediaType string, body []byte) (received, error) {
	response, err := http.Post(address, mediaType, bytes.NewReader(body))
	if err != nil {
		return received{}, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return received{response.StatusCode, response.Header, answer}, err
}
