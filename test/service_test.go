// Package test looks at Calotype from outside: the built program, spoken to over HTTP. It is a module of its own, so that what only
// tests need stays out of the program's list of modules.
package test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
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

// serve runs the program on a free loopback port, with a data folder of the test's own, and returns its address. At the end
// it must stop on SIGTERM with status 0.
func serve(t testing.TB, arguments ...string) string {
	t.Helper()
	command := exec.Command(binary(t), append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", t.TempDir()}, arguments...)...)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		timer := time.AfterFunc(30*time.Second, func() { command.Process.Kill() })
		defer timer.Stop()
		if err := command.Wait(); err != nil {
			t.Errorf("the program ends with %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), "http://"); found {
			address, _, _ = strings.Cut(address, "/")
			return "http://" + address
		}
	}
	t.Fatal("the program does not say where it listens")
	return ""
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
