//go:build tus

package test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A step is a request by the protocol. A path such as $2 is the address that the second creation was answered with, and in headers too.
type step struct {
	what, method, path string
	headers            []string // pairs
	body               []byte
	// where Calotype answers otherwise than tusd, and why that is meant
	differs string
}

// What Calotype answers by the protocol is what tusd, the reference server, answers: statuses, and the headers of the protocol. Where it differs, that is said here.
func TestTusAnswersAsTusd(t *testing.T) {
	tusd := startTusd(t)
	s := start(t, "--max-upload-bytes", "1MB")
	_, data := noisePicture(t, 3)
	half := len(data) / 2
	length := func(n int) []string { return []string{"Upload-Length", fmt.Sprint(n)} }
	at := func(offset int, more ...string) []string {
		return append([]string{"Upload-Offset", fmt.Sprint(offset)}, more...)
	}
	name := "filename " + base64.StdEncoding.EncodeToString([]byte("noise.png"))
	steps := []step{
		{what: "what there is", method: "OPTIONS", path: "/files/", differs: "tusd answers 200: the protocol allows both"},
		{what: "no length", method: "POST", path: "/files/"},
		{what: "a length that is none", method: "POST", path: "/files/", headers: []string{"Upload-Length", "x"}},
		{what: "a negative length", method: "POST", path: "/files/", headers: length(-1)},
		{what: "two lengths", method: "POST", path: "/files/", headers: append(length(10), "Upload-Defer-Length", "1")},
		{what: "a deferred length that is none", method: "POST", path: "/files/", headers: []string{"Upload-Defer-Length", "2"}},
		{what: "too long", method: "POST", path: "/files/", headers: length(1_000_001)},
		{what: "another kind of part", method: "POST", path: "/files/", headers: append(length(10), "Upload-Concat", "whole")},
		{what: "another version", method: "POST", path: "/files/", headers: append(length(10), "Tus-Resumable", "0.2.2")},

		{what: "a creation", method: "POST", path: "/files/", headers: append(length(len(data)), "Upload-Metadata", name)},
		{what: "where it is", method: "HEAD", path: "$1"},
		{what: "the first half", method: "PATCH", path: "$1", headers: at(0), body: data[:half]},
		{what: "where it is then", method: "HEAD", path: "$1"},
		{what: "another offset", method: "PATCH", path: "$1", headers: at(0), body: data[:half]},
		{what: "no offset", method: "PATCH", path: "$1", body: data[half:]},
		{what: "a negative offset", method: "PATCH", path: "$1", headers: at(-1), body: data[half:]},
		{what: "another type", method: "PATCH", path: "$1", headers: at(half, "Content-Type", "image/png"), body: data[half:], differs: "tusd answers 400: the protocol asks for 415"},
		{what: "more than its length", method: "PATCH", path: "$1", headers: at(half), body: append(bytes.Clone(data[half:]), 0)},
		{what: "nothing", method: "PATCH", path: "$1", headers: at(half)},
		{what: "the second half", method: "PATCH", path: "$1", headers: at(half), body: data[half:]},
		{what: "where it is at its end", method: "HEAD", path: "$1"},

		{what: "a creation to be ended", method: "POST", path: "/files/", headers: length(10)},
		{what: "its end", method: "DELETE", path: "$2"},
		{what: "where it is when it has ended", method: "HEAD", path: "$2"},
		{what: "its end again", method: "DELETE", path: "$2"},
		{what: "more of it", method: "PATCH", path: "$2", headers: at(0), body: data[:1]},
		{what: "one that never was", method: "HEAD", path: "/files/01a217ab-c3a3-7673-b03b-f4b56ed52bed"},

		{what: "of unknown length", method: "POST", path: "/files/", headers: []string{"Upload-Defer-Length", "1"}},
		{what: "some of it", method: "PATCH", path: "$3", headers: at(0), body: data[:half]},
		{what: "where that is", method: "HEAD", path: "$3"},
		{what: "its length", method: "PATCH", path: "$3", headers: at(half, length(len(data))...)},
		{what: "where that is, of known length", method: "HEAD", path: "$3"},
		{what: "another length", method: "PATCH", path: "$3", headers: at(half, length(len(data)+1)...)},
		{what: "the rest of it", method: "PATCH", path: "$3", headers: at(half), body: data[half:]},

		{what: "with its first bytes", method: "POST", path: "/files/", headers: append(length(len(data)), "Content-Type", "application/offset+octet-stream"), body: data[:half]},
		{what: "with more than its length", method: "POST", path: "/files/", headers: append(length(10), "Content-Type", "application/offset+octet-stream"), body: data[:half]},

		{what: "a part", method: "POST", path: "/files/", headers: append(length(half), "Upload-Concat", "partial")},
		{what: "another part", method: "POST", path: "/files/", headers: append(length(len(data)-half), "Upload-Concat", "partial")},
		{what: "where the part is", method: "HEAD", path: "$5"},
		{what: "a whole of parts that are not complete", method: "POST", path: "/files/", headers: []string{"Upload-Concat", "final;$5 $6"}},
		{what: "the bytes of the part", method: "PATCH", path: "$5", headers: at(0), body: data[:half]},
		{what: "the bytes of the other", method: "PATCH", path: "$6", headers: at(0), body: data[half:]},
		{what: "a whole of one that never was", method: "POST", path: "/files/", headers: []string{"Upload-Concat", "final;$5 /files/01a217ab-c3a3-7673-b03b-f4b56ed52bed"}},
		{what: "a whole of nothing", method: "POST", path: "/files/", headers: []string{"Upload-Concat", "final;"}},
		{what: "a whole", method: "POST", path: "/files/", headers: []string{"Upload-Concat", "final;$5 $6", "Upload-Metadata", name}, differs: "Calotype tells its length, too"},
		{what: "where the whole is", method: "HEAD", path: "$7", differs: "tusd keeps the parts, and names them"},
		{what: "more of the whole", method: "PATCH", path: "$7", headers: at(len(data)), body: data[:1], differs: "tusd answers 403: this is a complete upload like any other, and that tusd answers 204"},

		{what: "by POST", method: "POST", path: "$4", headers: at(half, "X-HTTP-Method-Override", "PATCH"), body: data[half:]},
	}
	var ours, theirs []string // addresses
	for _, step := range steps {
		got, want := step.ask(t, "http://"+s.address, &ours), step.ask(t, "http://"+tusd, &theirs)
		switch {
		case step.differs == "" && got != want:
			t.Errorf("%s: Calotype answers\n%s\nand tusd\n%s", step.what, got, want)
		case step.differs != "" && got == want:
			t.Errorf("%s: both answer\n%s\nthough it is said: %s", step.what, got, step.differs)
		}
	}
}

// ask sends a step to a site, and returns what of the answer the protocol speaks of. It appends the address of what was created.
func (s step) ask(t *testing.T, site string, created *[]string) string {
	t.Helper()
	var names []string
	for i := range *created {
		names = append(names, fmt.Sprintf("$%d", i+1), (*created)[i])
	}
	replace := strings.NewReplacer(names...).Replace
	request, err := http.NewRequest(s.method, site+replace(s.path), bytes.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Tus-Resumable", "1.0.0")
	if s.method == "PATCH" || slices.Contains(s.headers, "X-HTTP-Method-Override") {
		request.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	for i := 0; i < len(s.headers); i += 2 {
		request.Header.Set(s.headers[i], replace(s.headers[i+1]))
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", s.what, err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	told := fmt.Sprintf("  status %d", answer.StatusCode)
	if answer.StatusCode/100 == 2 {
		for _, name := range []string{"Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat"} {
			if answer.Header.Get(name) != "" {
				told += fmt.Sprintf("\n  %s: %s", name, answer.Header.Get(name))
			}
		}
	}
	if location := answer.Header.Get("Location"); location != "" {
		*created = append(*created, strings.TrimPrefix(location, site))
		told += "\n  Location"
	}
	return told
}

// startTusd runs tusd, and returns where it listens.
func startTusd(t *testing.T) string {
	t.Helper()
	command := exec.Command("../.build/tusd/tusd", t.TempDir()) // it logs each request
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Skipf("there is no tusd, which make test-tus builds: %v", err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("tusd does not say where it listens")
	}
	return lines.Text()
}
