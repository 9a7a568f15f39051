package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A service is the whole program as serve runs it, on a free port of the loopback interface.
type service struct {
	t       testing.TB
	url     string
	options serveCommand
	stop    context.CancelFunc
	done    chan error
}

// start serves with the defaults and a data folder of the test's own; edit may change the options.
func start(t testing.TB, edit func(*serveCommand)) *service {
	t.Helper()
	var c commands
	p, err := newParser(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(&c.Serve)
	}
	ctx, stop := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	s := &service{t: t, options: c.Serve, stop: stop, done: make(chan error, 1)}
	go func() {
		err := c.Serve.serve(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)), writer)
		writer.CloseWithError(io.EOF)
		s.done <- err
	}()
	lines := bufio.NewScanner(reader)
	if !lines.Scan() {
		t.Fatal("the server did not start: ", <-s.done)
	}
	go io.Copy(io.Discard, reader)
	first := lines.Text()
	for lines.Scan() && !strings.Contains(lines.Text(), "/upload-image") {
		first = lines.Text()
	}
	_, address, found := strings.Cut(lines.Text(), "http://")
	if !found {
		t.Fatalf("no address in %q", first)
	}
	s.url = "http://" + strings.TrimSuffix(strings.TrimSpace(address), "/upload-image")
	t.Cleanup(s.close)
	return s
}

// close ends the service as SIGTERM does and reports what went wrong.
func (s *service) close() {
	s.stop()
	select {
	case err, open := <-s.done:
		if open && err != nil {
			s.t.Errorf("serve: %v", err)
		}
		if open {
			close(s.done)
		}
	case <-time.After(30 * time.Second):
		s.t.Error("the server does not stop")
	}
}

// get returns the status, the head and the body of an answer.
func (s *service) get(path string, headers ...string) (int, http.Header, []byte) {
	s.t.Helper()
	request, err := http.NewRequest("GET", s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return s.do(request)
}

func (s *service) do(request *http.Request) (int, http.Header, []byte) {
	s.t.Helper()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, body
}

// post uploads a body and returns the status and the id, if there is one.
func (s *service) post(data []byte) (status int, id string) {
	s.t.Helper()
	request, err := http.NewRequest("POST", s.url+"/upload-image", bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	status, _, body := s.do(request)
	var answer struct{ ID string }
	if err := json.Unmarshal(body, &answer); err != nil {
		s.t.Fatalf("%d: %v: %.200s", status, err, body)
	}
	return status, answer.ID
}

func onePixel(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// corpus returns the files of a folder of the shared test images, which users do not have.
func corpus(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "shared", "corpus", folder, "*"))
	if err != nil || len(files) == 0 {
		t.Skipf("the folder ../shared/corpus/%s is not here", folder)
	}
	return files
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
