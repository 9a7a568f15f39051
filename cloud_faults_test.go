//go:build servers

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"calotype/store/storetest/servers"
)

// Whatever S3 does, an upload that was acknowledged is there, whole; one that was not is answered 503 with the time to wait; and when S3 is
// well again, so is the service, within five seconds and without a restart.
func TestS3Faults(t *testing.T) {
	bucket := servers.S3(t)
	proxy := servers.NewProxy(t, bucket.Address)
	blobs := bucket.Through(proxy.Address, bucket.URL)
	s := start(t, func(c *serveCommand) {
		c.Blobs = blobs
		c.CopyBytes = 0 // so that S3 is asked every time
	})
	u := &uploads{service: s, acknowledged: map[string][]byte{}}
	for _, fault := range []struct {
		name       string
		begin, end func()
		lasts      time.Duration
		refuses    bool // nothing can be uploaded or read meanwhile
	}{
		{"stopped", bucket.Stop, bucket.Start, 2 * time.Second, true},
		{"killed", bucket.Kill, bucket.Start, 2 * time.Second, true},
		{"restarted", bucket.Restart, func() {}, 0, false},
		{"silent", bucket.Pause, bucket.Resume, 0, true},
		{"unreachable", func() { proxy.Set(servers.Fault{Refuse: true}) }, proxy.Heal, 2 * time.Second, true},
		{"losing its connections", proxy.Reset, func() {}, time.Second, false},
		{"slow", func() { proxy.Set(servers.Fault{Rate: 300_000}) }, proxy.Heal, 2 * time.Second, false},
		{"resetting in the middle of what is sent", func() { proxy.Reset(); proxy.Set(servers.Fault{ResetAfterSent: 20_000}) }, proxy.Heal, 2 * time.Second, false},
		{"resetting in the middle of what is read", func() { proxy.Reset(); proxy.Set(servers.Fault{ResetAfterReceived: 20_000}) }, proxy.Heal, 2 * time.Second, false},
	} {
		t.Run(fault.name, func(t *testing.T) {
			id, content := u.one()
			ended := u.many()
			fault.begin()
			if fault.refuses {
				var asked sync.WaitGroup
				for _, path := range []string{"/download/" + id, "/download/" + id + "/rotate:90.png"} {
					asked.Go(func() {
						if status, header, body := s.get(path); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
							t.Errorf("%s: got %d, Retry-After %q, want 503: %.200s", path, status, header.Get("Retry-After"), body)
						}
					})
				}
				if status, _ := u.upload(noise(t)); status != http.StatusServiceUnavailable {
					t.Errorf("an upload is answered with %d", status)
				}
				asked.Wait()
			}
			time.Sleep(fault.lasts)
			if strings.HasSuffix(fault.name, "read") {
				if status, _, body := s.get("/download/" + id); status != http.StatusOK || !bytes.Equal(body, content) {
					t.Errorf("the original is answered with %d and %d bytes", status, len(body))
				}
			}
			fault.end()
			u.recover(t, id, content)
			ended()
		})
	}

	u.verify(s)
	checkBucket(t, filepath.Join(bucket.Folder, "calotype1"), u)
	s.close()
	again := start(t, func(c *serveCommand) { c.Blobs, c.Data = blobs, s.options.Data })
	u.verify(again)
}

// uploads are those that were acknowledged.
type uploads struct {
	service *service

	mu           sync.Mutex
	acknowledged map[string][]byte // by their ids
	refused      int
}

// one uploads an image while all is well.
func (u *uploads) one() (id string, content []byte) {
	t := u.service.t
	t.Helper()
	content = noise(t)
	status, id := u.upload(content)
	if status != http.StatusCreated {
		t.Fatalf("an upload is answered with %d", status)
	}
	return id, content
}

// upload uploads, and notes what became of it.
func (u *uploads) upload(content []byte) (status int, id string) {
	t := u.service.t
	t.Helper()
	request, err := http.NewRequest("POST", u.service.url+"/upload-image", bytes.NewReader(content))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	status, header, body := u.service.do(request)
	u.mu.Lock()
	defer u.mu.Unlock()
	switch status {
	case http.StatusCreated:
		var answer struct{ ID string }
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Errorf("%v: %.200s", err, body)
		}
		u.acknowledged[answer.ID] = content
		return status, answer.ID
	case http.StatusServiceUnavailable:
		u.refused++
		if header.Get("Retry-After") == "" {
			t.Errorf("an upload is refused without the time to wait: %.200s", body)
		}
	default:
		t.Errorf("an upload is answered with %d: %.200s", status, body)
	}
	return status, ""
}

// many uploads without a pause, by four clients at once, until it is ended.
func (u *uploads) many() (end func()) {
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					u.upload(noise(u.service.t))
				}
			}
		})
	}
	return func() { close(stop); clients.Wait() }
}

// recover waits until an image can be uploaded and another one read.
func (u *uploads) recover(t *testing.T, id string, content []byte) {
	t.Helper()
	began := time.Now()
	for {
		uploaded, _ := u.upload(noise(t))
		read, _, body := u.service.get("/download/" + id)
		if uploaded == http.StatusCreated && read == http.StatusOK && bytes.Equal(body, content) {
			t.Logf("recovered after %v, with %d uploads acknowledged and %d refused until now", time.Since(began).Round(time.Millisecond), len(u.acknowledged), u.refused)
			break
		}
		time.Sleep(20 * time.Millisecond)
		if time.Since(began) > time.Minute {
			t.Fatalf("a minute later an upload is answered with %d, a download with %d", uploaded, read)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// verify downloads what was acknowledged.
func (u *uploads) verify(s *service) {
	s.t.Helper()
	for id, content := range u.acknowledged {
		if status, _, body := s.get("/download/" + id); status != http.StatusOK || !bytes.Equal(body, content) {
			s.t.Errorf("%s was acknowledged with %d bytes and is answered with %d and %d bytes", id, len(content), status, len(body))
		}
	}
}

// checkBucket looks at the files of a bucket: objects are whole, and there is nothing else, as parts of uploads that were given up.
func checkBucket(t *testing.T, folder string, u *uploads) {
	t.Helper()
	objects := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		objects++
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != filepath.Base(path) {
			t.Errorf("%s has %d bytes of another digest", path, len(content))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if objects < len(u.acknowledged) {
		t.Errorf("there are %d objects for %d images", objects, len(u.acknowledged))
	}
	t.Logf("%d uploads acknowledged, %d refused, %d objects", len(u.acknowledged), u.refused, objects)
}

// noise returns a PNG of some 100 kB that there never was.
func noise(t testing.TB) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 320, 320))
	for i := range img.Pix {
		img.Pix[i] = byte(rand.Uint32())
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, img); err != nil {
		t.Error(err)
	}
	return b.Bytes()
}
