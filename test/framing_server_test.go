//go:build cdn

package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A framingServer is the program under test, with what its operator sees.
type framingServer struct {
	instance
	t testing.TB
}

// startFramingServer runs the program until the test ends, open to those who come by a proxy. All its workers are ready.
func startFramingServer(t testing.TB, arguments ...string) *framingServer {
	t.Helper()
	s := &framingServer{instance: start(t, append([]string{"--open"}, arguments...)...), t: t}
	for end := time.Now().Add(time.Minute); !strings.Contains(s.text("/metrics"), "\ncalotype_workers{state=\"starting\"} 0\n"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("its workers do not come up")
		}
	}
	return s
}

// text reads a page of the admin listener.
func (s *framingServer) text(path string) string {
	s.t.Helper()
	response, err := http.Get("http://" + s.admin + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %d, %v", path, response.StatusCode, err)
	}
	return string(body)
}

// goroutines is how many the program has.
func (s *framingServer) goroutines() int {
	s.t.Helper()
	first, _, _ := strings.Cut(s.text("/debug/pprof/goroutine?debug=1"), "\n")
	n, err := strconv.Atoi(strings.TrimPrefix(first, "goroutine profile: total "))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// descriptors is how many files and sockets the program has open.
func (s *framingServer) descriptors() int {
	s.t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(entries)
}

// resident is the memory that the program has, in bytes, without its workers.
func (s *framingServer) resident() int64 {
	s.t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.process.Pid), "status"))
	if err != nil {
		s.t.Fatal(err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		s.t.Fatal("no VmRSS")
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return kilobytes << 10
}

// failures is how many answers with status 500 the program has counted.
func (s *framingServer) failures() int {
	s.t.Helper()
	sum := 0
	for _, found := range regexp.MustCompile(`(?m)^calotype_answers_total\{[^}]*"500"[^}]*\} (\d+)`).FindAllStringSubmatch(s.text("/metrics"), -1) {
		n, err := strconv.Atoi(found[1])
		if err != nil {
			s.t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// A framingLevel is what a server has when nobody does anything.
type framingLevel struct{ goroutines, descriptors int }

func (s *framingServer) level() framingLevel {
	http.DefaultClient.CloseIdleConnections()
	return framingLevel{s.goroutines(), s.descriptors()}
}

// wantBack waits until the server is at the level it was at, but for the few that come and go by themselves. The server keeps goroutines
// that served a connection for some seconds, for the next one.
func (s *framingServer) wantBack(before framingLevel, within time.Duration) {
	s.t.Helper()
	const few = 8
	var now framingLevel
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if now = s.level(); now.goroutines <= before.goroutines+few && now.descriptors <= before.descriptors+few {
			return
		}
	}
	s.t.Errorf("before: %+v, %v later: %+v", before, within, now)
}
