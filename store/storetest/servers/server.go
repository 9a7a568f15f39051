// Package servers starts real servers for tests, each on a loopback port with a folder of its own, and ends them with the test: PostgreSQL,
// and what speaks the protocols of S3, Google Cloud Storage and Azure. It finds the programs where `make servers` puts them, in the PATH, and
// where Debian keeps PostgreSQL. A test that needs one that is missing is skipped, unless CI is true or
// CALOTYPE_SERVERS is required: then it fails.
//
// Its functions are for the goroutine of the test: what goes wrong ends the test.
package servers

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to start or to stop, on a machine that has much else to do.
const patience = time.Minute

// A Server is a program that runs for a test.
type Server struct {
	t       testing.TB
	command func() *exec.Cmd
	answers func() bool // whether it takes requests
	stop    syscall.Signal

	output  output
	process *os.Process   // nil while it does not run
	ended   chan struct{} // closed when the process has ended
}

// start makes a server of what command returns, and runs it until the test ends.
func start(t testing.TB, stop syscall.Signal, answers func() bool, command func() *exec.Cmd) *Server {
	t.Helper()
	s := &Server{t: t, command: command, answers: answers, stop: stop}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the server said at last:\n%s", s.output.last(4096))
		}
	})
	s.Start()
	return s
}

// Start runs the server and returns when it takes requests. One that runs is left alone.
func (s *Server) Start() {
	s.t.Helper()
	if s.process != nil {
		return
	}
	command := s.command()
	command.Stdout, command.Stderr = &s.output, &s.output
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	dieWithParent(command.SysProcAttr)
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	s.process, s.ended = command.Process, ended
	go func() {
		command.Wait()
		close(ended)
	}()
	for deadline := time.Now().Add(patience); !s.answers(); {
		select {
		case <-ended:
			s.process = nil
			s.t.Fatalf("%s ended at once:\n%s", command.Path, s.output.last(4096))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s takes no requests within %v:\n%s", command.Path, patience, s.output.last(4096))
		}
	}
}

// Stop ends the server as its operator would. One that does not run is left alone.
func (s *Server) Stop() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	s.process.Signal(s.stop)
	select {
	case <-s.ended:
		s.process = nil
	case <-time.After(patience):
		s.Kill()
		s.t.Errorf("the server did not stop within %v", patience)
	}
}

// Restart stops the server and starts it at the same address, with what it has kept.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.Start()
}

// Kill ends the server and its children without a warning.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	s.Pause() // so that no child is missed
	for _, pid := range family(s.process.Pid) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.ended
	s.process = nil
}

// Pause holds the server and its children, which keep their connections and say nothing, until Resume or Kill.
func (s *Server) Pause() {
	s.signalAll(syscall.SIGSTOP)
	if s.process == nil {
		return
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if !slices.ContainsFunc(family(s.process.Pid), func(pid int) bool { return !stopped(pid) }) {
			return
		}
	}
}

// Resume ends a Pause.
func (s *Server) Resume() { s.signalAll(syscall.SIGCONT) }

func (s *Server) signalAll(signal syscall.Signal) {
	if s.process == nil {
		return
	}
	for _, pid := range family(s.process.Pid) {
		syscall.Kill(pid, signal)
	}
}

// listens tells whether somebody listens at an address.
func listens(address string) func() bool {
	return func() bool {
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		connection.Close()
		return true
	}
}

// freeAddress returns a loopback address at which nobody listens. It is below the ports that the kernel gives to clients, so that it is
// still free when a server starts there again.
func freeAddress(t testing.TB) (host string, port string, address string) {
	t.Helper()
	const lowest, count = 20000, 12000
	for i := range 100 {
		port := lowest + (os.Getpid()*31+int(time.Now().UnixNano()/1000)+i)%count
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		listener.Close()
		return "127.0.0.1", fmt.Sprint(port), listener.Addr().String()
	}
	t.Fatal("no free port was found")
	return "", "", ""
}

// find returns the path of a program. Without it the test ends.
func find(t testing.TB, name string) string {
	t.Helper()
	for _, folder := range []string{".build/servers", "test/azurite/node_modules/.bin"} {
		if path := inCheckout(filepath.Join(folder, name)); path != "" {
			return path
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1]
	}
	notice := name + " is not installed; make servers installs it"
	if os.Getenv("CI") == "true" || os.Getenv("CALOTYPE_SERVERS") == "required" {
		t.Fatal(notice)
	}
	t.Skip(notice)
	return ""
}

// inCheckout returns the path of a file from its path in the checkout, "" if it is not there. Tests run in the folder of their package,
// which is somewhere in the checkout.
func inCheckout(path string) string {
	folder, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if full := filepath.Join(folder, path); exists(full) {
			return full
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return ""
		}
		folder = parent
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// output keeps what a server says.
type output struct {
	mu   sync.Mutex
	said bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(p)
}

// last returns the last n bytes, or fewer.
func (o *output) last(n int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	said := o.said.Bytes()
	return string(said[max(0, len(said)-n):])
}
