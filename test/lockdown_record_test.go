//go:build hostile && linux

package test

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// harmless are the system calls that touch nothing but the process itself and what it was handed. All others are recorded.
const harmless = "read,write,readv,writev,pread64,pwrite64,lseek,dup,close,fstat,ftruncate,recvmsg,brk,mmap,munmap,mremap,mprotect," +
	"madvise,membarrier,exit,exit_group,futex,set_robust_list,rseq,gettid,getpid,sched_yield,sched_getaffinity,getcpu,rt_sigaction," +
	"rt_sigprocmask,rt_sigreturn,sigaltstack,restart_syscall,nanosleep,clock_nanosleep,clock_gettime,clock_getres,gettimeofday," +
	"epoll_create1,epoll_ctl,epoll_pwait,epoll_wait,eventfd2,poll,ppoll,getrusage,getrlimit,setrlimit,sysinfo,uname,getuid,geteuid," +
	"getgid,getegid,getrandom"

// innocent are recorded calls that, with these arguments, do not reach out either: threads, their names and those of memory, their
// signals, the process's own limits, descriptors as they are, and the size of an open file. The C library asks for threads by
// clone3 first, and takes the answer that there is none; and before it gives memory back it asks once, in vain, how the system
// counts that.
var innocent = regexp.MustCompile(`^(clone\(.*CLONE_THREAD|clone3\(.*CLONE_THREAD.*ENOSYS|prctl\(PR_SET_(VMA|NAME)|prlimit64\(0,|` +
	`fcntl\(\d+, F_(GETFL|SETFL|GETFD|SETFD|DUPFD_CLOEXEC)|newfstatat\(\d+, "",.*AT_EMPTY_PATH|` +
	`openat\(AT_FDCWD, "/proc/sys/vm/overcommit_memory".*EPERM)`)

// A recording is strace at work.
type recording struct {
	command *exec.Cmd
	service *service
	path    string
	initial map[string]string // thread -> worker, of those who were locked in before; of the server's own threads ""
}

// trace records what the service and its workers do from now on.
func trace(t *testing.T, s *service) *recording {
	t.Helper()
	r := &recording{service: s, path: filepath.Join(t.TempDir(), "record"), initial: map[string]string{}}
	arguments := []string{"-f", "-s", "200", "-o", r.path, "-e", "trace=!" + harmless, "-p", strconv.Itoa(s.process.Pid)}
	ids := s.idleWorkers(t)
	for _, id := range ids {
		arguments = append(arguments, "-p", strconv.Itoa(id))
	}
	r.command = exec.Command("strace", arguments...)
	out, err := r.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.command.Process.Kill() })
	lines := bufio.NewScanner(out)
	for attached := 0; attached <= len(ids); attached++ {
		if !lines.Scan() || !strings.Contains(lines.Text(), "attached") {
			t.Skipf("NOTICE: strace may not trace here: %s", lines.Text())
		}
	}
	go func() {
		for lines.Scan() { // of those that follow
		}
	}()
	note := func(id int, worker string) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", id))
		for _, thread := range threads {
			r.initial[filepath.Base(thread)] = worker
		}
	}
	note(s.process.Pid, "")
	for _, id := range ids {
		note(id, strconv.Itoa(id))
	}
	return r
}

// A trial is what workers have tried after they were locked in.
type trial struct {
	workers           map[string]bool
	calls             int
	counts            map[string]int // by the name of the call and its result, innocent ones included
	succeeded, denied []string
}

func (r trial) kinds() []string { return slices.Sorted(maps.Keys(r.counts)) }

// finish ends the recording and reads it.
func (r *recording) finish(t *testing.T) trial {
	t.Helper()
	// Asked to end by itself, strace may wait for ever for a worker that is just being started. What it traces goes on without it,
	// and each line was written when it was whole.
	if err := r.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r.command.Wait()
	file, err := os.Open(r.path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	reader := newRecordReader(r.initial)
	for lines.Scan() {
		thread, call, _ := strings.Cut(lines.Text(), " ")
		reader.line(thread, strings.TrimSpace(call))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for worker := range reader.locked {
		reader.found.workers[worker] = true
	}
	return reader.found
}

// A recordReader follows which thread belongs to which worker, and which worker is locked in.
type recordReader struct {
	worker map[string]string   // by thread; of the server's own threads ""
	locked map[string]bool     // by worker
	begun  map[string]string   // by thread: a call whose end stands in a later line
	early  map[string][]string // by thread: what it did before the call had ended that made it
	found  trial
}

// newRecordReader knows which thread belongs to which worker at the beginning; these are locked in.
func newRecordReader(initial map[string]string) *recordReader {
	r := &recordReader{
		worker: maps.Clone(initial), locked: map[string]bool{}, begun: map[string]string{}, early: map[string][]string{},
		found: trial{workers: map[string]bool{}, counts: map[string]int{}},
	}
	for _, worker := range initial {
		if worker != "" {
			r.locked[worker] = true
		}
	}
	return r
}

var (
	newThread = regexp.MustCompile(`^clone3?\(.*CLONE_THREAD.*= (\d+)$`)
	resumed   = regexp.MustCompile(`^<\.\.\. \w+ resumed>`)
	result    = regexp.MustCompile(`= (-?\d+|\?)( E\w+)?[^=]*$`)
)

func (r *recordReader) line(thread, call string) {
	if begun, cut := strings.CutSuffix(call, "<unfinished ...>"); cut {
		r.begun[thread] = strings.TrimSpace(begun)
		return
	}
	if mark := resumed.FindString(call); mark != "" {
		call = r.begun[thread] + call[len(mark):]
		delete(r.begun, thread)
	}
	switch {
	case strings.HasPrefix(call, "+++"): // the kernel may give the number to another
		delete(r.worker, thread)
		delete(r.early, thread)
	case strings.HasPrefix(call, "---"):
	case strings.HasPrefix(call, "execve(") && strings.Contains(call, "calotype: worker"):
		r.worker[thread] = thread
		delete(r.early, thread) // what it did as a part of the server
	default:
		r.call(thread, call)
	}
}

// call takes account of a system call that has ended.
func (r *recordReader) call(thread, call string) {
	worker, known := r.worker[thread]
	if !known {
		r.early[thread] = append(r.early[thread], call)
		return
	}
	if child := newThread.FindStringSubmatch(call); child != nil {
		r.worker[child[1]] = worker
		early := r.early[child[1]]
		delete(r.early, child[1])
		for _, call := range early {
			r.call(child[1], call)
		}
	}
	if worker == "" {
		return // the server may do what it likes
	}
	if strings.HasPrefix(call, "seccomp(SECCOMP_SET_MODE_FILTER") && strings.HasSuffix(call, "= 0") && !r.locked[worker] {
		r.locked[worker] = true
		return
	}
	if r.locked[worker] {
		r.judge(worker, call)
	}
}

func (r *recordReader) judge(worker, call string) {
	name, _, _ := strings.Cut(call, "(")
	outcome := "no result"
	failed := true
	if end := result.FindStringSubmatch(call); end != nil && end[1] != "?" {
		failed = strings.HasPrefix(end[1], "-")
		if outcome = "done"; failed {
			outcome = strings.TrimSpace(end[2])
		}
	}
	r.found.calls++
	r.found.counts[name+": "+outcome]++
	switch {
	case innocent.MatchString(call), strings.HasPrefix(call, "tgkill("+worker+", "):
	case failed:
		r.found.denied = append(r.found.denied, call)
	default:
		r.found.succeeded = append(r.found.succeeded, call)
	}
}

// printEverything has pictures of every format printed in every format, and by all kinds of operation; then some of the
// corpus, if it is there, good ones and bad.
func printEverything(t *testing.T, s *service) {
	t.Helper()
	c := newClient(s.address)
	defer c.close()
	c.Timeout = time.Minute // strace makes everything slow
	formats := []string{"jpg", "png", "gif", "webp", "avif", "tif"}
	get := func(id, chain string) answer { return c.do(t.Context(), "GET", "/download/"+id+chain, nil) }
	made := map[string]int{}
	for _, name := range []string{"landscape.jpg", "cutout.png"} {
		data, err := os.ReadFile(sample(t, name))
		if err != nil {
			t.Fatal(err)
		}
		first := c.upload(t.Context(), data).id()
		for _, from := range formats {
			print := get(first, "/resize:300."+from)
			if print.status != 200 {
				t.Fatalf("%s as %s: %d, %.300s", name, from, print.status, print.body)
			}
			id := c.upload(t.Context(), print.body).id()
			for _, to := range append(formats, "json") {
				if a := get(id, "/crop:10,10,100,60/rotate:15/blur:3."+to); a.status != 200 {
					t.Errorf("%s of a %s of %s: %d, %.300s", to, from, name, a.status, a.body)
				} else {
					made[from+" to "+to]++
				}
			}
		}
	}
	t.Logf("%d pairs of formats were printed", len(made))
	taken, refused := 0, 0
	var files []string
	for folder, every := range map[string]int{"good": 3, "bad": 40} { // all of them take minutes
		for i, path := range corpusFiles(t, folder) {
			if i%every == 0 {
				files = append(files, path)
			}
		}
	}
	if len(files) == 0 {
		t.Log("NOTICE: the corpus is not beside the checkout: only the samples are printed")
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		id := c.upload(t.Context(), data).id()
		if id == "" || get(id, "/resize:200.webp").status != 200 {
			refused++
			continue
		}
		taken++
	}
	t.Logf("of %d files of the corpus %d were printed, %d refused", len(files), taken, refused)
}

// The record is read right: of a worker nothing counts before it is locked in, and of the server nothing at all.
func TestRecordReader(t *testing.T) {
	r := newRecordReader(map[string]string{"7": ""})
	for line := range strings.Lines(`7 openat(AT_FDCWD, "/of/the/server", O_RDONLY) = 3
8 execve("/proc/self/exe", ["calotype: worker"], 0xc0 /* 2 vars */ <unfinished ...>
7 socket(AF_UNIX, SOCK_STREAM, 0) = 9
8 <... execve resumed>) = 0
8 openat(AT_FDCWD, "/before", O_RDONLY) = 3
8 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD|CLONE_SYSVSEM) = 9
9 openat(AT_FDCWD, "/before/too", O_RDONLY) = 3
8 seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, {len=127, filter=0xc0}) = 0
8 fcntl(4, F_GETFL) = 0x8000 (flags O_RDONLY|O_LARGEFILE)
8 tgkill(8, 9, SIGURG) = 0
9 --- SIGURG {si_signo=SIGURG, si_code=SI_TKILL, si_pid=8, si_uid=65534} ---
8 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = -1 EPERM (Operation not permitted)
8 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD|CLONE_SYSVSEM <unfinished ...>
7 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_THREAD|CLONE_SYSVSEM <unfinished ...>
10 getdents64(18, 0xc0 /* 0 entries */, 8192) = 0
11 openat(AT_FDCWD, "/early", O_RDONLY) = 5
7 <... clone resumed>) = 10
8 <... clone resumed>) = 11
10 openat(AT_FDCWD, "/of/the/server", O_RDONLY) = 3
9 openat(AT_FDCWD, "/got/through", O_RDONLY <unfinished ...>
7 openat(AT_FDCWD, "/of/the/server", O_RDONLY) = 3
9 <... openat resumed>) = 5
9 tgkill(7, 7, SIGTERM) = 0
9 fcntl(3, F_SETOWN, 7) = 0
9 +++ killed by SIGKILL +++
`) {
		thread, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		r.line(thread, call)
	}
	want := []string{
		`openat(AT_FDCWD, "/early", O_RDONLY) = 5`, `openat(AT_FDCWD, "/got/through", O_RDONLY) = 5`, "tgkill(7, 7, SIGTERM) = 0", "fcntl(3, F_SETOWN, 7) = 0",
	}
	if !slices.Equal(r.found.succeeded, want) {
		t.Errorf("%q, and not %q", r.found.succeeded, want)
	}
	if len(r.found.denied) != 1 || !strings.Contains(r.found.denied[0], "/etc/passwd") {
		t.Errorf("denied: %q", r.found.denied)
	}
}
