package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"calotype/transform"
)

// asProgram has the tests' binary be the program, if it is set in the environment.
const asProgram = "TESTS_ARE_THE_PROGRAM"

func TestMain(m *testing.M) {
	transform.RunWorker()
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program returns the path of the program, for processes that this test starts.
func program(t *testing.T) string {
	t.Helper()
	t.Setenv(asProgram, "1")
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// From upload to print, as the README tells it.
func TestTheMainJob(t *testing.T) {
	s := start(t, nil)
	photo := read(t, "docs/samples/landscape.jpg")
	status, id := s.post(photo)
	if status != http.StatusCreated || id == "" {
		t.Fatalf("upload answers %d, id %q", status, id)
	}
	status, _, body := s.get("/download?id=" + id)
	if status != http.StatusOK || !bytes.Equal(body, photo) {
		t.Errorf("the original comes back as %d, %d bytes", status, len(body))
	}
	status, head, body := s.get("/download/" + id + "/crop:0,0,200,200/rotate:90.png")
	if status != http.StatusOK || head.Get("Content-Type") != "image/png" || !bytes.HasPrefix(body, []byte("\x89PNG")) {
		t.Errorf("the print is %d, %s", status, head.Get("Content-Type"))
	}
	status, _, body = s.get("/download/"+id+"/crop:0,0,200,200/rotate:90.png", "If-None-Match", head.Get("ETag"))
	if status != http.StatusNotModified || len(body) != 0 {
		t.Errorf("a client that has the print gets %d", status)
	}
	status, _, body = s.get("/download?exts=jpeg|jpg|png|gif")
	if status != http.StatusOK || !strings.Contains(string(body), "/download/"+id) {
		t.Errorf("the gallery (%d) does not show the image", status)
	}
}

// What was uploaded is there after a restart; another format of the same address is not.
func TestRestartKeepsOriginals(t *testing.T) {
	folder := t.TempDir()
	here := func(c *serveCommand) { c.Data = folder }
	first := start(t, here)
	_, id := first.post(onePixel(t))
	_, head, before := first.get("/download/" + id + "/resize:3,up.png")
	first.close()

	second := start(t, here)
	status, again, after := second.get("/download/" + id + "/resize:3,up.png")
	if status != http.StatusOK || !bytes.Equal(before, after) || head.Get("ETag") != again.Get("ETag") {
		t.Errorf("after a restart the print is %d, tag %s for %s", status, again.Get("ETag"), head.Get("ETag"))
	}
}

// A deleted image is gone in all its forms, its cache is told, and a restart changes nothing about it.
func TestDeletionIsForEver(t *testing.T) {
	folder := t.TempDir()
	told := make(chan string, 10)
	front := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.Header.Get("xkey") }))
	defer front.Close()
	here := func(c *serveCommand) { c.Data, c.Purge = folder, []string{"varnish+" + front.URL} }
	s := start(t, here)
	_, id := s.post(onePixel(t))
	targets := []string{"/download/" + id, "/download/" + id + "/resize:3,up.png", "/images/" + id}
	for _, target := range targets[:2] {
		if status, head, _ := s.get(target); status != http.StatusOK || head.Get("Cache-Tag") != "img-"+id+",fmt-png" {
			t.Errorf("%s: %d with tags %q", target, status, head.Get("Cache-Tag"))
		}
	}
	request, err := http.NewRequest("DELETE", s.url+"/images/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.do(request); status != http.StatusNoContent {
		t.Fatalf("DELETE: %d %s", status, body)
	}
	if tags := <-told; tags != "img-"+id {
		t.Errorf("the cache is told to forget %q", tags)
	}
	for range 2 {
		for _, target := range targets {
			if status, _, _ := s.get(target); status != http.StatusGone {
				t.Errorf("%s: %d", target, status)
			}
		}
		s.close()
		s = start(t, here)
	}
}

// Flags win over the environment, the environment over defaults.
func TestOptions(t *testing.T) {
	parse := func(arguments ...string) (*serveCommand, error) {
		var c commands
		p, err := newParser(&c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Parse(arguments)
		return &c.Serve, err
	}
	if c, err := parse(); err != nil || c.Listen != "127.0.0.1:8080" || c.Data != "./data" || c.MaxUploadBytes != 32_000_000 {
		t.Errorf("defaults: %+v, %v", c, err)
	}
	t.Setenv("CALOTYPE_DATA", "/from/environment")
	t.Setenv("CALOTYPE_CACHE_BYTES", "1GiB")
	if c, err := parse("serve"); err != nil || c.Data != "/from/environment" || c.CacheBytes != 1<<30 {
		t.Errorf("environment: %+v, %v", c, err)
	}
	if c, err := parse("--data", "/from/flag", "--max-upload-bytes=1.5MB"); err != nil || c.Data != "/from/flag" || c.MaxUploadBytes != 1_500_000 {
		t.Errorf("flags: %+v, %v", c, err)
	}
	if c, err := parse("--upload-origins=https://a.example.org,http://localhost:3000"); err != nil || len(c.UploadOrigins) != 2 || c.Canonical != "link" || c.UnknownQuery != "ignore" {
		t.Errorf("origins: %+v, %v", c, err)
	}
	t.Setenv("CALOTYPE_FASTLY_TOKEN", "secret")
	if c, err := parse("--cache-tags=xkey,Surrogate-Key", "--purge=varnish+http://127.0.0.1:6081,fastly:s"); err != nil || len(c.Purge) != 2 || len(c.cacheTags()) != 2 {
		t.Errorf("hooks: %+v, %v", c, err)
	}
	if c, err := parse("--cache-tags=none"); err != nil || len(c.cacheTags()) != 0 {
		t.Errorf("no tags: %+v, %v", c, err)
	}
	for _, wrong := range [][]string{
		{"--max-upload-bytes=0"},
		{"--cache-bytes=-1"},
		{"--max-upload-bytes=auto"},
		{"--isolation=perhaps"},
		{"--jobs-per-worker=0"},
		{"--idle-timeout=0s"},
		{"--prints-per-hour=-1"},
		{"--canonical=perhaps"},
		{"--unknown-query=drop"},
		{"--upload-origins=https://example.org/"},
		{"--upload-origins=https://a.example.org,*"},
		{"--cache-bytes=many"},
		{"--cache-tags=X-Tag"},
		{"--cache-tags=none,xkey"},
		{"--purge=squid+http://127.0.0.1"},
		{"--purge=http://127.0.0.1"},
		{"--purge=cloudflare:zone"}, // without a token
		{"--cache-dir-bytes=1MB"},
		{"--max-pixels=0"},
		{"--deadline=0s"},
		{"--workers=-1"},
		{"--unknown"},
		{"serve", "stray"},
	} {
		if _, err := parse(wrong...); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
}

// The built program finishes what runs when it gets SIGTERM, and exits with 0.
func TestSignal(t *testing.T) {
	command := exec.Command(program(t), "--listen", "127.0.0.1:0", "--admin-listen", "off", "--data", t.TempDir())
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Process.Kill()
	var text []byte
	for buffer := make([]byte, 1024); !bytes.Contains(text, []byte("/download\n")); {
		n, err := out.Read(buffer)
		text = append(text, buffer[:n]...)
		if err != nil {
			t.Fatalf("it says %q and then %v", text, err)
		}
	}
	_, address, _ := strings.Cut(string(text), "http://")
	address, _, _ = strings.Cut(address, "/")
	s := &service{t: t, url: "http://" + address}
	_, id := s.post(read(t, "docs/samples/landscape.jpg"))

	answered := make(chan string, 1)
	go func() {
		answer, err := http.Get(s.url + "/download/" + id + "/resize:3000,up/blur:20.png")
		if err != nil {
			answered <- err.Error()
			return
		}
		answer.Body.Close()
		answered <- answer.Status
	}()
	time.Sleep(200 * time.Millisecond)
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := <-answered; status != "200 OK" {
		t.Errorf("the request that ran is answered %s", status)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("the program ends with %v", err)
	}
	if _, err := http.Get(s.url + "/download"); err == nil {
		t.Error("it still takes connections")
	}
}
