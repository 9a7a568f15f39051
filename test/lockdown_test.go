//go:build hostile && linux

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// allowedVariables are what a worker may find in its environment; of the operator's own, only what decides how libraries are
// found and memory is allocated.
var allowedVariables = []string{"CALOTYPE_WORKER=", "CALOTYPE_WORKER_FIRST=", "CALOTYPE_WORKER_SETUP=", "GODEBUG=", "LD_", "MALLOC_", "GLIBC_", "GOCOVERDIR="}

// Once a worker is locked in, it opens no file and no socket and starts no program, whatever picture it is given and however that
// ends; it does not even try. The kernel's own record says so, not the worker's.
func TestLockDown(t *testing.T) {
	needRoot(t)
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("NOTICE: strace is not installed, so what the workers do is not seen (Debian: apt-get install strace)")
	}
	s := launch(t)
	record := trace(t, s)
	printEverything(t, s)
	tried := record.finish(t)
	if tried.calls == 0 || len(tried.workers) == 0 {
		t.Fatalf("the record shows %d calls of %d workers", tried.calls, len(tried.workers))
	}
	t.Logf("%d workers made %d calls that may reach out of a process", len(tried.workers), tried.calls)
	for _, kind := range tried.kinds() {
		t.Logf("%5d × %s", tried.counts[kind], kind)
	}
	for _, line := range tried.succeeded {
		t.Errorf("a worker that is locked in reaches out: %s", line)
	}
	for _, line := range tried.denied {
		t.Errorf("a worker that is locked in tries to reach out: %s", line)
	}
}

// What the kernel knows of a worker and each of its threads.
func TestLocksOfWorkers(t *testing.T) {
	needRoot(t)
	const secret = "the-operators-secret"
	t.Setenv("DATABASE_PASSWORD", secret)
	t.Setenv("MALLOC_ARENA_MAX", "2")
	checkLocks(t, launch(t), secret, true)
}

// A server that is not root locks its workers in as well, but for their user.
func TestLocksOfWorkersWithoutRoot(t *testing.T) {
	needRoot(t)
	const nobody = "65534"
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("NOTICE: setpriv is not installed, so nothing is run without root (Debian: util-linux)")
	}
	// What the test makes from here on is for everyone.
	before := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(before) })
	folder := t.TempDir()
	if err := os.Chmod(filepath.Dir(folder), 0o777); err != nil {
		t.Fatal(err)
	}
	// Only root may reach the folder that the program was built in; a copy of it is for all.
	program := filepath.Join(folder, "calotype")
	data, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	wrapper := filepath.Join(folder, "wrapper")
	script := fmt.Sprintf("#!/bin/sh\nexec setpriv --reuid=%s --regid=%s --clear-groups %s \"$@\"\n", nobody, nobody, program)
	if err := os.WriteFile(wrapper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	const secret = "the-operators-secret"
	t.Setenv("CALOTYPE_BINARY", wrapper)
	t.Setenv("DATABASE_PASSWORD", secret)
	if out, err := exec.Command(wrapper, "--help").CombinedOutput(); err != nil {
		t.Skipf("NOTICE: the program cannot be run by another user here: %v: %s", err, out)
	}
	s := launch(t)
	checkLocks(t, s, secret, false)
	log := s.lastWords()
	for _, lock := range []string{"no core dumps", "resource limits", "no_new_privs", "Landlock", "seccomp"} {
		if !strings.Contains(log, lock) {
			t.Errorf("the program does not say that its workers are held by %q:\n%s", lock, log)
		}
	}
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOTICE: only root may look into workers, which are not to be traced: run this as root")
	}
}

// workers are the processes that the service has started and not ended, by their ids.
func (s *service) workers() (ids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.process.Pid))
	for _, path := range tasks {
		children, _ := os.ReadFile(path)
		for _, child := range strings.Fields(string(children)) {
			line, err := os.ReadFile("/proc/" + child + "/cmdline")
			if id, _ := strconv.Atoi(child); err == nil && strings.HasPrefix(string(line), "calotype: worker") {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// idleWorkers waits until as many are ready as the server keeps.
func (s *service) idleWorkers(t testing.TB) []int {
	t.Helper()
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		ids := s.workers()
		locked := !slices.ContainsFunc(ids, func(id int) bool { return field(fmt.Sprintf("/proc/%d/status", id), "Seccomp:") != "2" })
		if len(ids) >= runtime.NumCPU()+spareWorkers && locked {
			return ids
		}
	}
	t.Fatalf("the workers are not ready: %v\n%s", s.workers(), s.lastWords())
	return nil
}

// field is what stands behind a name at the beginning of a line.
func field(path, name string) string {
	data, _ := os.ReadFile(path)
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, name); found {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return ""
}

func checkLocks(t *testing.T, s *service, secret string, root bool) {
	t.Helper()
	if environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.process.Pid)); err != nil || !strings.Contains(string(environ), secret) {
		t.Fatalf("the server itself was not told the secret: %v", err)
	}
	c := newClient(s.address)
	defer c.close()
	picture, err := os.ReadFile(sample(t, "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	id := c.upload(t.Context(), picture).id()
	if a := c.do(t.Context(), "GET", "/download/"+id+"/resize:100.webp", nil); a.status != 200 {
		t.Fatalf("a print is answered %d: %s", a.status, a.body)
	}
	for _, worker := range s.idleWorkers(t) {
		checkThreads(t, worker)
		checkLimits(t, worker)
		checkEnvironment(t, worker, secret)
		checkDescriptors(t, worker)
		if got := field(fmt.Sprintf("/proc/%d/oom_score_adj", worker), ""); got != "1000" {
			t.Errorf("worker %d: oom_score_adj is %s", worker, got)
		}
	}
	if uid := field(fmt.Sprintf("/proc/%d/status", s.process.Pid), "Uid:"); strings.HasPrefix(uid, "0 ") != root {
		t.Errorf("the server itself has the user %s", uid)
	}
}

func checkThreads(t *testing.T, worker int) {
	t.Helper()
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", worker))
	if len(threads) == 0 {
		t.Errorf("worker %d has ended", worker)
	}
	for _, thread := range append(threads, fmt.Sprintf("/proc/%d/status", worker)) {
		for name, want := range map[string]string{
			"NoNewPrivs:": "1", "Seccomp:": "2", "CapEff:": "0000000000000000", "CapPrm:": "0000000000000000",
			"CapInh:": "0000000000000000", "CapAmb:": "0000000000000000", "Groups:": "",
		} {
			if got := field(thread, name); got != want {
				t.Errorf("%s: %s %s, and not %s", thread, name, got, want)
			}
		}
		for _, name := range []string{"Uid:", "Gid:"} {
			if got := field(thread, name); slices.Contains(strings.Fields(got), "0") {
				t.Errorf("%s: %s %s", thread, name, got)
			}
		}
	}
}

func checkLimits(t *testing.T, worker int) {
	t.Helper()
	for name, most := range map[string]int64{
		"Max core file size": 0, "Max open files": 64, "Max data size": 1 << 40, "Max file size": 1 << 40,
	} {
		values := strings.Fields(field(fmt.Sprintf("/proc/%d/limits", worker), name))
		for _, value := range values[:min(2, len(values))] { // soft and hard
			if limit, err := strconv.ParseInt(value, 10, 64); err != nil || limit > most {
				t.Errorf("worker %d: %s is %s", worker, name, value)
			}
		}
		if len(values) < 2 {
			t.Errorf("worker %d: %s is not known", worker, name)
		}
	}
}

func checkEnvironment(t *testing.T, worker int, secret string) {
	t.Helper()
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", worker))
	if err != nil || len(environ) == 0 {
		t.Errorf("worker %d: no environment: %v", worker, err)
	}
	if strings.Contains(string(environ), secret) {
		t.Errorf("worker %d knows the secret", worker)
	}
	for variable := range strings.SplitSeq(strings.Trim(string(environ), "\x00"), "\x00") {
		if !slices.ContainsFunc(allowedVariables, func(prefix string) bool { return strings.HasPrefix(variable, prefix) }) {
			t.Errorf("worker %d is told %q", worker, variable)
		}
	}
}

// checkDescriptors wants nothing of the machine in the hands of a worker, and nothing of the job before.
func checkDescriptors(t *testing.T, worker int) {
	t.Helper()
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", worker))
	sockets := 0
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil {
			continue // closed since
		}
		switch {
		case strings.HasPrefix(to, "socket:"):
			sockets++
		case to == os.DevNull, strings.HasPrefix(to, "pipe:"), to == "anon_inode:[eventpoll]", to == "anon_inode:[eventfd]":
		default:
			t.Errorf("worker %d has %s open as %s", worker, to, filepath.Base(link))
		}
	}
	if sockets != 1 {
		t.Errorf("worker %d has %d sockets, of which one is its own", worker, sockets)
	}
}
