package worker

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// childVariable in the environment tells a process that it is a worker; its value is Options.Memory and Options.Keep. The one of
// firstVariable is what the first process of its pool has said of itself, that of setupVariable is Options.Setup.
const (
	childVariable = "CALOTYPE_WORKER"
	firstVariable = "CALOTYPE_WORKER_FIRST"
	setupVariable = "CALOTYPE_WORKER_SETUP"
)

// childSocket is the descriptor on which requests come.
const childSocket = 3

// A Child is what the program does in a worker process.
type Child struct {
	// Prepare readies the process, as Options.Setup says, while it may still open files. What it returns is told to the pool, and
	// those who come later are told what the first has said, so that they need not find it out again; it is empty for the first.
	Prepare func(setup string, first []byte) (hello []byte, err error)
	// Do does one job and returns the reply, at most MaxMessage bytes. The files are closed afterwards. Of its surroundings it
	// has nothing but these files: it can open no other, reach no network and start no program.
	Do func(request []byte, files []*os.File) (reply []byte)
}

// A Greeting is what a new process says.
type Greeting struct {
	Error   string  // why it cannot work
	Hello   []byte  // what Child.Prepare has returned
	Sandbox Sandbox // that it has locked itself in
}

// Run does the jobs of a worker and never returns, if the process was started as one; else it does nothing. It must be called
// before anything else, by the main program and by the TestMain of every test that makes a Pool.
func (c Child) Run() {
	limits, started := os.LookupEnv(childVariable)
	if !started {
		return
	}
	// Whoever stops a whole service, as a terminal or systemd do, means the server: it lets the workers finish.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	// One thread does the jobs; what is set for it alone, such as no_new_privs, is set for what it starts.
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1)
	var memory, keep int64
	_, err := fmt.Sscan(limits, &memory, &keep)
	if err == nil {
		err = c.serve(memory, keep)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "worker: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve returns nil when the server has closed its end.
func (c Child) serve(memory, keep int64) error {
	hello, err := c.Prepare(os.Getenv(setupVariable), []byte(os.Getenv(firstVariable)))
	if err != nil {
		encoded, _ := json.Marshal(Greeting{Error: err.Error()})
		return write(message{body: encoded}, nil)
	}
	sandbox := lockDown(memory, keep)
	encoded, err := json.Marshal(Greeting{Hello: hello, Sandbox: sandbox})
	if err != nil {
		return err
	}
	buffer := make([]byte, headerBytes+MaxMessage)
	if err := write(used(encoded), buffer); err != nil {
		return err
	}
	for {
		request, files, err := read(buffer)
		if err != nil || request.body == nil {
			return err
		}
		if err := allow(request.a); err != nil {
			return err
		}
		reply := c.Do(request.body, files)
		for _, f := range files {
			f.Close()
		}
		if err := write(used(reply), buffer); err != nil {
			return err
		}
	}
}

// used is a reply with what the process has used so far.
func used(reply []byte) message {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return message{body: reply}
	}
	peak := uint64(u.Maxrss)
	if runtime.GOOS != "darwin" {
		peak *= 1024 // only there it is in bytes
	}
	return message{body: reply, a: uint64(u.Utime.Nano() + u.Stime.Nano()), b: peak}
}

// read waits for a request. Its body is nil when the server has closed its end.
func read(buffer []byte) (message, []*os.File, error) {
	rights := make([]byte, unix.CmsgSpace(4*maxFiles))
	var files []*os.File
	for got := 0; ; {
		n, rightsLength, _, _, err := unix.Recvmsg(childSocket, buffer[got:], rights, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return message{}, nil, fmt.Errorf("request: %w", err)
		case n == 0:
			return message{}, nil, nil
		}
		got += n
		more, err := filesOf(rights[:rightsLength])
		if err != nil {
			return message{}, nil, err
		}
		files = append(files, more...)
		if m, err := parse(buffer[:got]); err == nil {
			return m, files, nil
		} else if got == len(buffer) {
			return message{}, nil, err
		}
	}
}

// filesOf returns the files that came with a request.
func filesOf(rights []byte) ([]*os.File, error) {
	controls, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, fmt.Errorf("files of a request: %w", err)
	}
	var files []*os.File
	for _, c := range controls {
		descriptors, err := unix.ParseUnixRights(&c)
		if err != nil {
			return nil, fmt.Errorf("files of a request: %w", err)
		}
		for _, d := range descriptors {
			files = append(files, os.NewFile(uintptr(d), "job"))
		}
	}
	return files, nil
}

func write(m message, buffer []byte) error {
	data := m.append(buffer[:0])
	for len(data) > 0 {
		n, err := unix.Write(childSocket, data)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("reply: %w", err)
		}
		data = data[max(0, n):]
	}
	return nil
}
