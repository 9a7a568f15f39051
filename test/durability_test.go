//go:build durability && linux

package test

import (
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// The numbers that make a run short; `make test-durability` says how to have all of them.
var (
	killCount   = flag.Int("kills", 100, "how often the program is killed")
	killUploads = flag.Int("kill-uploads", 2000, "uploads that must be acknowledged meanwhile")
	crowdSize   = flag.Int("crowd", 100_000, "images that the store holds beforehand")
	cutCount    = flag.Int("cuts", 20, "simulated power cuts, half of them on each file system")
	callEvery   = flag.Int("calls-every", 8, "every so many-th failure of a system call is tried; 1 is all")
	flipCount   = flag.Int("flips", 100, "bits that are flipped, each in another original")
	flipFiles   = flag.Int("flip-originals", 1000, "originals among which they are")
	diceSeed    = flag.Uint64("dice", 0, "seed of what is random; 0 is another one in each run")
)

// A keeper is the program over a data folder that outlives it.
type keeper struct {
	instance
	data      string
	arguments []string
	log       string    // the file that takes what it logs, in all its lives
	command   *exec.Cmd // nil while it does not run
}

// newKeeper does not start it. At the end of the test it is killed if it runs.
func newKeeper(t testing.TB, data string, arguments ...string) *keeper {
	k := &keeper{data: data, arguments: arguments, log: filepath.Join(t.TempDir(), "log")}
	t.Cleanup(func() {
		k.kill()
		if t.Failed() {
			text, _ := os.ReadFile(k.log)
			t.Logf("the log of the program ends\n%s", text[max(0, len(text)-4<<10):])
		}
	})
	return k
}

// start returns how long it took until the program said that it is ready.
func (k *keeper) start(t testing.TB) time.Duration {
	t.Helper()
	log, err := os.OpenFile(k.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	began := time.Now()
	k.instance, k.command = startIn(t, k.data, log, k.arguments...)
	for !k.ready() {
		if time.Since(began) > 2*time.Minute { // a disk that others keep busy can hold up a sync for long
			t.Fatal("the program is not ready after two minutes")
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

func (k *keeper) ready() bool {
	response, err := http.Get("http://" + k.admin + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// kill ends the program by SIGKILL, if it runs.
func (k *keeper) kill() {
	if k.command != nil {
		k.command.Process.Kill()
		k.command.Wait()
		k.command = nil
	}
}

// stop ends it as an operator would.
func (k *keeper) stop(t testing.TB) {
	t.Helper()
	stop(t, k.command)
	k.command = nil
}

// spooled are the files of uploads under way.
func (k *keeper) spooled(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.data, "spool", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// restart starts the program after a crash. Of the uploads that were under way then no file may be left.
func (k *keeper) restart(t testing.TB) time.Duration {
	t.Helper()
	before := k.spooled(t)
	took := k.start(t)
	for _, file := range k.spooled(t) {
		if slices.Contains(before, file) {
			t.Errorf("%s was left by a crash, and is not swept", file)
		}
	}
	return took
}

// spread tells of times the median, and the longest.
func spread(times []time.Duration) (median, longest time.Duration) {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[(len(sorted)-1)/2], sorted[len(sorted)-1]
}

// needDisks skips the test where it may not mount.
func needDisks(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOTICE: only root may mount: run this as root")
	}
}

// need skips the test where a program is missing.
func need(t testing.TB, program, from string) string {
	t.Helper()
	for _, folder := range []string{"", "/usr/sbin/", "/sbin/"} {
		if path, err := exec.LookPath(folder + program); err == nil {
			return path
		}
	}
	t.Skipf("NOTICE: %s is not installed (Debian: %s)", program, from)
	return ""
}
