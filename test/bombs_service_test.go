//go:build hostile

package test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// spareWorkers is how many processes the program keeps at least beyond those that make prints at once.
const spareWorkers = 2

var furtherArguments = flag.String("arguments", "", "further arguments of calotype serve, separated by spaces")

// A service is a running program.
type service struct {
	address string        // of its public listener, beginning with http://
	ended   chan struct{} // closed when the process is gone
	err     error         // how it ended, once it has

	process *os.Process
	metrics chan string // the address of its page of metrics, once it has told it
	log     string
}

// launch runs the program with its defaults, on free loopback ports and with a data folder of the test's own. At the end of
// the test it must still run, and stop on SIGTERM with status 0.
func launch(t testing.TB) *service {
	t.Helper()
	s := &service{ended: make(chan struct{}), metrics: make(chan string, 1), log: filepath.Join(t.TempDir(), "log")}
	command := exec.Command(binary(t), serveArguments(t)...)
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	command.Stderr = log
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = command.Process
	listening := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			s.read(lines.Text(), listening)
		}
		s.err = command.Wait() // the output has ended, which Wait would cut off
		close(s.ended)
	}()
	t.Cleanup(func() { s.stop(t) })
	select {
	case s.address = <-listening:
	case <-s.ended:
		t.Fatalf("the program does not start: %v\n%s", s.err, s.lastWords())
	case <-time.After(30 * time.Second):
		t.Fatal("the program does not say where it listens")
	}
	return s
}

// launchWith is launch with arguments beside the defaults.
func launchWith(t testing.TB, arguments ...string) *service {
	t.Helper()
	given := *furtherArguments
	defer func() { *furtherArguments = given }()
	*furtherArguments = strings.Join(arguments, " ") + " " + given
	return launch(t)
}

// serveArguments are all arguments that the suite gives to the program.
func serveArguments(t testing.TB) []string {
	t.Helper()
	arguments := []string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}
	help, err := exec.Command(binary(t), "serve", "--help").Output()
	if err != nil {
		t.Fatalf("calotype serve --help: %v", err)
	}
	if strings.Contains(string(help), "--admin-listen") {
		arguments = append(arguments, "--admin-listen", "127.0.0.1:0")
	}
	return append(arguments, strings.Fields(*furtherArguments)...)
}

// read looks for addresses in a line that the program writes when it starts.
func (s *service) read(line string, listening chan<- string) {
	at := strings.Index(line, "http://")
	if at < 0 {
		return
	}
	address := strings.Fields(line[at:])[0]
	to := listening
	if strings.HasSuffix(address, "/metrics") {
		to = s.metrics
	} else {
		host, _, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")
		address = "http://" + host
		if !strings.Contains(line, "/upload-image") {
			return
		}
	}
	select {
	case to <- address:
	default: // told before
	}
}

// metricsAddress returns the address of the page of metrics, or "" if the program tells none.
func (s *service) metricsAddress() string {
	select {
	case address := <-s.metrics:
		s.metrics <- address
		return address
	case <-time.After(2 * time.Second): // what it tells, it tells when it starts
		return ""
	}
}

func (s *service) stop(t testing.TB) {
	select {
	case <-s.ended:
		t.Errorf("the program ended by itself: %v\n%s", s.err, s.lastWords())
		return
	default:
	}
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	timer := time.AfterFunc(40*time.Second, func() {
		t.Error("the program does not stop on SIGTERM")
		s.process.Kill()
	})
	defer timer.Stop()
	<-s.ended
	if s.err != nil {
		t.Errorf("the program ends with %v\n%s", s.err, s.lastWords())
	}
}

// lastWords is the end of what the program has logged.
func (s *service) lastWords() string {
	const most = 4 << 10
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// A memory is what a service holds, in resident bytes, shared pages counted in each process.
type memory struct {
	server, workers int64 // the process itself, and those that it has started
	count           int   // of the latter
}

func (m memory) String() string {
	return fmt.Sprintf("server %d MiB, %d workers %d MiB", m.server>>20, m.count, m.workers>>20)
}

// memory asks the system, where that has /proc; elsewhere it is 0.
func (s *service) memory() (m memory) {
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // ended since
		}
		fields := map[string]int64{}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			if name == "Pid" || name == "PPid" || name == "VmRSS" {
				fields[name], _ = strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			}
		}
		switch int64(s.process.Pid) {
		case fields["Pid"]:
			m.server = fields["VmRSS"] << 10
		case fields["PPid"]:
			m.workers += fields["VmRSS"] << 10
			m.count++
		}
	}
	return m
}

// peakMemory returns the most of each that is seen, once a second, until stop is closed.
func (s *service) peakMemory(stop <-chan struct{}) (peak memory) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		now := s.memory()
		peak = memory{max(peak.server, now.server), max(peak.workers, now.workers), max(peak.count, now.count)}
		select {
		case <-stop:
			return peak
		case <-ticker.C:
		}
	}
}
