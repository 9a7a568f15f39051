// Package test looks at Calotype from outside: the built program, spoken to over HTTP. It is a module of its own, so that what only
// tests need stays out of the program's list of modules.
package test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the program under test, as make builds it.
func binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("CALOTYPE_BINARY")
	if path == "" {
		path = filepath.Join("..", "bin", "calotype")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; make build makes it", err)
	}
	return path
}

// An instance is the program under test, as it runs.
type instance struct {
	address string // host:port
	admin   string // that of the private listener
	process *os.Process
}

// start runs the program on free loopback ports, with a data folder of the test's own. At the end it must stop on SIGTERM with status 0.
func start(t testing.TB, arguments ...string) instance {
	t.Helper()
	s, command := startIn(t, t.TempDir(), os.Stderr, arguments...)
	t.Cleanup(func() { stop(t, command) })
	return s
}

// startIn runs the program on free loopback ports, with its data in a folder and its log in a writer, and returns once it has said where it
// listens. The caller ends it, and waits for that.
func startIn(t testing.TB, data string, log io.Writer, arguments ...string) (instance, *exec.Cmd) {
	t.Helper()
	command := exec.Command(binary(t), append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", data}, arguments...)...)
	command.Stderr = log
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s := instance{process: command.Process}
	lines := bufio.NewScanner(out)
	address := regexp.MustCompile(`http://([0-9.:]+)`)
	for s.admin == "" && lines.Scan() {
		switch found := address.FindStringSubmatch(lines.Text()); {
		case found == nil:
		case strings.Contains(lines.Text(), "operate it"):
			s.admin = found[1]
		case s.address == "":
			s.address = found[1]
		}
	}
	if s.address == "" || s.admin == "" {
		command.Process.Kill()
		t.Fatalf("the program does not say where it listens, and ends with %v", command.Wait())
	}
	go io.Copy(io.Discard, out)
	return s, command
}

// stop ends the program by SIGTERM, and its status must be 0.
func stop(t testing.TB, command *exec.Cmd) {
	t.Helper()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	timer := time.AfterFunc(30*time.Second, func() { command.Process.Kill() })
	defer timer.Stop()
	if err := command.Wait(); err != nil {
		t.Errorf("the program ends with %v", err)
	}
}

// serve runs the program like start, and returns the address of its pages.
func serve(t testing.TB, arguments ...string) string {
	t.Helper()
	return "http://" + start(t, arguments...).address
}

// sample returns a picture that comes with the repository.
func sample(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "docs", "samples", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// corpusFiles are the files in a folder of the corpus, which may lie beside the checkout; none if it does not.
func corpusFiles(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "shared", "corpus", folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}
