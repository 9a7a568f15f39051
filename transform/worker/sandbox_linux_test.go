package worker

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

func init() {
	misdeeds["attempt"] = func(argument string, _ []*os.File) []byte {
		name, argument, _ := strings.Cut(argument, " ")
		if err := attempts[name](argument); err != nil {
			return []byte("refused: " + err.Error())
		}
		return []byte("done")
	}
	misdeeds["inherited"] = func(string, []*os.File) []byte { return []byte(strings.Join(openDescriptors(), " ")) }
}

// attempts are what a decoder may do that somebody else has taken over: what would reach out of its process, made as directly as
// can be. The argument is what the test wants spared: a path, an address, or the id of the server's process.
var attempts = map[string]func(argument string) error{
	// Files.
	"open":         func(path string) error { return call(unix.SYS_OPENAT, at, text(path), unix.O_RDONLY, 0) },
	"open-how":     func(path string) error { return openHow(path) },
	"open-32-bit":  func(path string) error { return call32(5, path) }, // open there
	"open-x32":     func(path string) error { return call(0x40000000|unix.SYS_OPENAT, at, text(path), unix.O_RDONLY, 0) },
	"read-environ": func(string) error { return read1("/proc/self/environ") },
	"read-memory":  func(pid string) error { return read1("/proc/" + pid + "/mem") },
	"list":         func(path string) error { _, err := os.ReadDir(path); return err },
	"create":       func(path string) error { return os.WriteFile(path, []byte("here"), 0o600) },
	"remove":       func(path string) error { return os.Remove(path) },
	"rename":       func(path string) error { return os.Rename(path, path+"-elsewhere") },
	"link":         func(path string) error { return os.Link(path, path+"-too") },
	"symlink":      func(path string) error { return os.Symlink("/etc/passwd", path+"-too") },
	"folder":       func(path string) error { return os.Mkdir(path+"-folder", 0o700) },
	"truncate":     func(path string) error { return os.Truncate(path, 0) },
	"mode":         func(path string) error { return os.Chmod(path, 0o777) },
	"owner":        func(path string) error { return os.Chown(path, nobody, nobody) },
	"change-root":  func(string) error { return call(unix.SYS_CHROOT, text("/")) },
	"change-folder": func(path string) error {
		return call(unix.SYS_CHDIR, text(filepath.Dir(path)))
	},
	"mount":   func(string) error { return call(unix.SYS_MOUNT, text("none"), text("/"), text("tmpfs"), 0, 0) },
	"inotify": func(string) error { return call(unix.SYS_INOTIFY_INIT1, 0) },

	// The network.
	"tcp":      func(address string) error { return dial("tcp", address) },
	"udp":      func(address string) error { return dial("udp", address) },
	"unix":     func(address string) error { return dial("unix", address) },
	"abstract": func(address string) error { return dial("unix", "@"+address) },
	"netlink":  func(string) error { return call(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW, 0) },
	"listen": func(string) error {
		_, err := net.Listen("tcp", "127.0.0.1:0")
		return err
	},
	"pair": func(string) error {
		return call(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_STREAM, 0, pointer(&[2]int32{}))
	},
	"pass-descriptor": func(string) error { // to whoever reads the other end of the socket
		_, err := unix.SendmsgN(childSocket, []byte("x"), unix.UnixRights(0), nil, 0)
		return err
	},

	// Programs and processes.
	"exec": func(string) error {
		return call(unix.SYS_EXECVE, text("/bin/true"), pointer(&[2]uintptr{text("true")}), pointer(&[1]uintptr{}))
	},
	"exec-memory": execMemory,
	"start": func(string) error {
		_, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
		return err
	},
	"fork":        func(string) error { return fork(unix.SYS_FORK) },
	"clone":       func(string) error { return fork(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) },
	"clone-new":   func(string) error { return fork(unix.SYS_CLONE3, pointer(&[11]uint64{4: uint64(unix.SIGCHLD)}), 88) },
	"trace":       func(pid string) error { return call(unix.SYS_PTRACE, unix.PTRACE_ATTACH, number(pid), 0, 0) },
	"traced":      func(string) error { return call(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0) },
	"peek":        func(pid string) error { return processMemory(unix.SYS_PROCESS_VM_READV, pid) },
	"poke":        func(pid string) error { return processMemory(unix.SYS_PROCESS_VM_WRITEV, pid) },
	"kill":        func(pid string) error { return call(unix.SYS_KILL, number(pid), uintptr(unix.SIGTERM)) },
	"kill-all":    func(string) error { return call(unix.SYS_KILL, ^uintptr(0), 0) }, // signal 0 harms nobody, if it is let through
	"kill-thread": func(pid string) error { return call(unix.SYS_TGKILL, number(pid), number(pid), uintptr(unix.SIGTERM)) },
	"kill-older":  func(pid string) error { return call(unix.SYS_TKILL, number(pid), uintptr(unix.SIGTERM)) },
	"kill-queue": func(pid string) error {
		return call(unix.SYS_RT_SIGQUEUEINFO, number(pid), uintptr(unix.SIGTERM), pointer(&[16]uint64{1: 0xffffffff}))
	},
	"kill-by-descriptor": signalByDescriptor,
	"descriptor-of":      func(pid string) error { return call(unix.SYS_PIDFD_OPEN, number(pid), 0) },
	"compare":            func(pid string) error { return call(unix.SYS_KCMP, number(pid), number(pid), 0, 0, 0) },
	"priority":           func(pid string) error { return call(unix.SYS_SETPRIORITY, unix.PRIO_PROCESS, number(pid), 19) },
	"processors": func(pid string) error {
		return call(unix.SYS_SCHED_SETAFFINITY, number(pid), 8, pointer(&[1]uint64{1}))
	},

	// Limits and rights.
	"raise-limit": func(string) error { return raiseLimit(0) },
	"raise-limit-old": func(string) error {
		most := unix.Rlimit{Cur: mostOpen + 1, Max: mostOpen + 1}
		return call(unix.SYS_SETRLIMIT, unix.RLIMIT_NOFILE, pointer(&most))
	},
	"limit-server": func(pid string) error { return raiseLimit(int(number(pid))) },
	"user":         func(string) error { return call(unix.SYS_SETUID, 0) },
	"user-all":     func(string) error { return call(unix.SYS_SETRESUID, 0, 0, 0) },
	"group":        func(string) error { return call(unix.SYS_SETGID, 0) },
	"groups":       func(string) error { return call(unix.SYS_SETGROUPS, 1, pointer(&[1]uint32{})) },
	"capabilities": func(string) error {
		return call(unix.SYS_CAPSET, pointer(&[2]uint32{unix.LINUX_CAPABILITY_VERSION_3}), pointer(&[6]uint32{1, 1, 1}))
	},
	"dumpable":  func(string) error { return call(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0, 0, 0) },
	"orphan":    func(string) error { return call(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) },
	"namespace": func(string) error { return call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER|unix.CLONE_NEWNET) },
	"personality": func(string) error {
		const randomizeNothing = 0x0040000
		return call(unix.SYS_PERSONALITY, randomizeNothing)
	},
	"session": func(string) error { return call(unix.SYS_SETSID) },

	// Doors of the kernel that have let others in.
	"ring":        func(string) error { return call(unix.SYS_IO_URING_SETUP, 1, pointer(&[30]uint32{})) },
	"keys":        func(string) error { return call(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, ^uintptr(0)-2, 1) },
	"filter":      func(string) error { return call(unix.SYS_BPF, 0, pointer(&[16]uint64{}), 128) },
	"page-faults": func(string) error { return call(unix.SYS_USERFAULTFD, 1) },
	"performance": func(string) error {
		return call(unix.SYS_PERF_EVENT_OPEN, pointer(&[16]uint64{}), 0, ^uintptr(0), ^uintptr(0), 0)
	},
	"log":         func(string) error { return call(unix.SYS_SYSLOG, 10, 0, 0) },
	"terminal":    func(string) error { return call(unix.SYS_IOCTL, 2, unix.TIOCSTI, text("x")) },
	"shared":      func(string) error { return call(unix.SYS_SHMGET, 0, 4096, 0o1600) },
	"queue":       func(string) error { return call(unix.SYS_MSGGET, 0, 0o1600) },
	"more-memory": func(string) error { return call(unix.SYS_MEMFD_CREATE, text("x"), 0) },
	"pin":         func(string) error { return call(unix.SYS_MLOCKALL, unix.MCL_CURRENT|unix.MCL_FUTURE) },
}

// at stands for the working folder.
var at = func() uintptr { folder := unix.AT_FDCWD; return uintptr(folder) }()

func call(number uintptr, arguments ...uintptr) error {
	var a [6]uintptr
	copy(a[:], arguments)
	if _, _, err := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); err != 0 {
		return err
	}
	return nil
}

// pinned keeps what system calls are given pointers to.
var pinned []any

func pointer[T any](value *T) uintptr {
	pinned = append(pinned, value)
	return uintptr(unsafe.Pointer(value))
}

func text(s string) uintptr {
	data := append([]byte(s), 0)
	pinned = append(pinned, data)
	return uintptr(unsafe.Pointer(&data[0]))
}

func number(decimal string) uintptr {
	n, err := strconv.Atoi(decimal)
	if err != nil {
		panic(err)
	}
	return uintptr(n)
}

func read1(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.Read(make([]byte, 1))
	return err
}

func openHow(path string) error {
	how := unix.OpenHow{Flags: unix.O_RDONLY}
	return call(unix.SYS_OPENAT2, at, text(path), pointer(&how), unsafe.Sizeof(how))
}

func dial(network, address string) error {
	conn, err := net.DialTimeout(network, address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("from inside"))
	return err
}

// fork is undone at once where it works: the child ends.
func fork(number uintptr, arguments ...uintptr) error {
	var a [2]uintptr
	copy(a[:], arguments)
	pid, _, err := unix.RawSyscall6(number, a[0], a[1], 0, 0, 0, 0)
	if err != 0 {
		return err
	}
	if pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return nil
}

// execMemory starts what has no file: descriptor 2 stands for one, which the kernel looks at only after it has agreed to start
// something.
func execMemory(string) error {
	descriptor, err := unix.MemfdCreate("program", 0)
	if err != nil {
		descriptor = 2
	}
	return errors.Join(err, call(unix.SYS_EXECVEAT, uintptr(descriptor), text(""), pointer(&[1]uintptr{}), pointer(&[1]uintptr{}), unix.AT_EMPTY_PATH))
}

func processMemory(number uintptr, pid string) error {
	var word uint64
	local := unix.Iovec{Base: (*byte)(unsafe.Pointer(&word)), Len: 8}
	remote := [2]uintptr{pointer(&word), 8}
	id, err := strconv.Atoi(pid)
	if err != nil {
		return err
	}
	return call(number, uintptr(id), pointer(&local), 1, pointer(&remote), 1, 0)
}

// signalByDescriptor has the kernel signal another process when a descriptor becomes ready, which needs no kill.
func signalByDescriptor(pid string) error {
	const setSignal = 10 // F_SETSIG, fcntl(2)
	id := int(number(pid))
	if _, err := unix.FcntlInt(childSocket, unix.F_SETOWN, id); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(childSocket, setSignal, int(unix.SIGTERM)); err != nil {
		return err
	}
	flags, err := unix.FcntlInt(childSocket, unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	_, err = unix.FcntlInt(childSocket, unix.F_SETFL, flags|unix.O_ASYNC)
	return err
}

func raiseLimit(pid int) error {
	more := unix.Rlimit{Cur: mostOpen + 1, Max: mostOpen + 1}
	return call(unix.SYS_PRLIMIT64, uintptr(pid), unix.RLIMIT_NOFILE, pointer(&more), 0)
}

// call32 makes a system call of one path the way that 32-bit programs do: their numbers mean other calls.
func call32(number byte, path string) error {
	if runtime.GOARCH != "amd64" {
		return errors.New("there is no such way here")
	}
	code, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_32BIT)
	if err != nil {
		return err
	}
	const textAt = 256
	copy(code[textAt:], path+"\x00")
	address := uint32(uintptr(unsafe.Pointer(&code[textAt])))
	copy(code, []byte{
		0xbb, byte(address), byte(address >> 8), byte(address >> 16), byte(address >> 24), // mov ebx, address
		0x31, 0xc9, 0x31, 0xd2, // xor ecx, ecx; xor edx, edx
		0xb8, number, 0, 0, 0, // mov eax, number
		0xcd, 0x80, 0xc3, // int 0x80; ret
	})
	entry := unsafe.Pointer(&code[0])
	function := unsafe.Pointer(&entry)
	if got := int32((*(*func() uintptr)(unsafe.Pointer(&function)))()); got < 0 {
		return syscall.Errno(-got)
	}
	return nil
}

// openDescriptors are those numbers above the socket's that are open, without asking any file.
func openDescriptors() (list []string) {
	for d := childSocket + 1; d < 1024; d++ {
		var s unix.Stat_t
		if unix.Fstat(d, &s) == nil && s.Mode&unix.S_IFMT != 0 { // the kernel's own kinds have no type of file
			list = append(list, strconv.Itoa(d))
		}
	}
	return list
}

// outside is what the attempts aim at, and how to see whether one has hit.
type outside struct {
	file                string // that exists
	missing             string // that does not
	tcp, unix, abstract net.Listener
	udp                 net.PacketConn
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	folder := t.TempDir()
	// The way there is open to everyone, so that it is the sandbox that closes it.
	for _, f := range []string{filepath.Dir(folder), folder} {
		if err := os.Chmod(f, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	o := &outside{file: filepath.Join(folder, "file"), missing: filepath.Join(folder, "missing")}
	if err := os.WriteFile(o.file, []byte("unharmed"), 0o666); err != nil {
		t.Fatal(err)
	}
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return l
	}
	o.tcp = listen("tcp", "127.0.0.1:0")
	o.unix = listen("unix", filepath.Join(folder, "socket"))
	o.abstract = listen("unix", fmt.Sprintf("@calotype-test-%d", os.Getpid()))
	var err error
	if o.udp, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.udp.Close() })
	if err := os.Chmod(filepath.Join(folder, "socket"), 0o777); err != nil {
		t.Fatal(err)
	}
	return o
}

// argument is what an attempt is told.
func (o *outside) argument(name string) string {
	switch name {
	case "create":
		return o.missing
	case "tcp":
		return o.tcp.Addr().String()
	case "udp":
		return o.udp.LocalAddr().String()
	case "unix":
		return o.unix.Addr().String()
	case "abstract":
		return strings.TrimPrefix(o.abstract.Addr().String(), "@")
	case "list":
		return filepath.Dir(o.file)
	case "open", "open-how", "open-32-bit", "open-x32", "remove", "rename", "link", "symlink", "folder", "truncate", "mode", "owner", "change-folder":
		return o.file
	}
	return strconv.Itoa(os.Getpid())
}

// check fails the test if anything has changed.
func (o *outside) check(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(o.file))
	if len(entries) != 2 || err != nil {
		t.Errorf("there were a file and a socket, and now: %v, %v", entries, err)
	}
	if data, err := os.ReadFile(o.file); string(data) != "unharmed" {
		t.Errorf("the file reads %q, %v", data, err)
	}
	for _, l := range []net.Listener{o.tcp, o.unix, o.abstract} {
		l.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(time.Millisecond))
		if conn, err := l.Accept(); err == nil {
			t.Errorf("somebody has connected to %v", conn.LocalAddr())
		}
	}
	o.udp.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, from, err := o.udp.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("%v has sent %d bytes", from, n)
	}
}

// Each attempt fails, or is the end of the worker; outside nothing of it shows, and the next worker works.
func TestNothingReachesOut(t *testing.T) {
	if len(attempts) == 0 {
		t.Fatal("there are no attempts")
	}
	o := newOutside(t)
	var before, after unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	signals := refuseSignals(t)
	p := pool(t)
	var killed []string
	for _, name := range slices.Sorted(maps.Keys(attempts)) {
		reply, err := ask(p, "attempt "+name+" "+o.argument(name))
		switch {
		case errors.Is(err, ErrCrashed):
			killed = append(killed, name)
		case err != nil || !strings.HasPrefix(reply, "refused: "):
			t.Errorf("%s: %q, %v", name, reply, err)
		default:
			t.Logf("%s is %s", name, reply)
		}
	}
	t.Logf("deadly: %s", strings.Join(killed, ", "))
	o.check(t)
	signals()
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &after); err != nil || after != before {
		t.Errorf("the server's limit was %v and is %v, %v", before, after, err)
	}
	if priority, err := unix.Getpriority(unix.PRIO_PROCESS, os.Getpid()); err != nil || 20-priority == 19 {
		t.Errorf("the server has become nice, %v", err)
	}
	if got, err := ask(p, "echo still here"); err != nil || got != "still here" {
		t.Errorf("%q, %v", got, err)
	}
}

// refuseSignals returns a function that fails the test if this process has been sent SIGTERM meanwhile.
func refuseSignals(t *testing.T) (check func()) {
	t.Helper()
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGTERM, unix.SIGIO)
	t.Cleanup(func() { signal.Stop(got) })
	return func() {
		t.Helper()
		select {
		case s := <-got:
			t.Errorf("the server was sent %v", s)
		default:
		}
	}
}

// What the server has inherited, as from a shell or a supervisor, is not handed on.
func TestInheritedDescriptors(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	inherited, err := unix.Dup(int(file.Fd())) // unlike what Go opens, not closed by exec
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inherited)
	if got, err := ask(pool(t), "inherited"); err != nil || got != "" {
		t.Errorf("a worker has descriptors %s, %v; %d was inherited", got, err, inherited)
	}
}

// No server needs to be root for its workers to be locked in.
func TestLocksWithoutRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOTICE: this is no test of its own where the others run without root as well")
	}
	program := filepath.Join(t.TempDir(), "test")
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{filepath.Dir(filepath.Dir(program)), filepath.Dir(program)} {
		if err := os.Chmod(f, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "-test.v", "-test.run", "^(TestNothingReachesOut|TestInheritedDescriptors|TestLocks)$")
	command.Dir, command.Env = "/", []string{"TMPDIR=" + os.TempDir()}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS: TestLocks") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Every worker says what locks it in, and that what this kernel has is among it.
func TestLocks(t *testing.T) {
	p, first, err := NewPool(Options{Size: 1, Memory: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	want := []string{"no core dumps", "resource limits", "no_new_privs", "seccomp"}
	if _, err := landlocksys.LandlockGetABIVersion(); err == nil {
		want = append(want, "Landlock")
	}
	if os.Geteuid() == 0 {
		want = append(want, "own user")
	}
	for _, lock := range want {
		if !slices.ContainsFunc(first.Sandbox.Locks, func(held string) bool { return strings.HasPrefix(held, lock) }) {
			t.Errorf("%s is not among %q; missing are %q", lock, first.Sandbox.Locks, first.Sandbox.Missing)
		}
	}
}
