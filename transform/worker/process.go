package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A process is a worker as the server sees it. One goroutine at a time talks to it.
type process struct {
	command *exec.Cmd
	conn    *net.UnixConn
	said    tail          // the end of what it has written to its standard error
	dead    chan struct{} // closed when it has ended and was waited for
	greeted Greeting
	jobs    int
	keep    int64         // Options.Keep
	cpu     time.Duration // that it had used after its last job, as it says
	end     atomic.Pointer[ending]
	buffer  []byte

	// What it had when it was ready, in bytes: most resident until then, and allocated, which is 0 if not known.
	base, allocated int64
}

// startTimeout bounds how long a process may take to be ready, on a machine that has much else to do.
const startTimeout = 30 * time.Second

// kept are the variables of the environment that a worker gets to see: what decides how libraries are found and how memory is
// allocated. The rest may hold secrets.
var kept = []string{"LD_", "DYLD_", "MALLOC_", "GLIBC_", "GOCOVERDIR="}

// start starts a process, telling it what the first has said. It does not wait until that is ready.
func start(o Options, first []byte) (*process, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	if err := keepDescriptors(); err != nil {
		return nil, err
	}
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p := &process{conn: ours, keep: o.Keep, dead: make(chan struct{}), buffer: make([]byte, headerBytes+MaxMessage+1)}
	p.command = &exec.Cmd{
		Path: path, Args: []string{"calotype: worker"}, Dir: "/",
		// The runtime of Go would keep the files open in which it looks up how many processors it may use.
		Env: []string{
			fmt.Sprintf("%s=%d %d", childVariable, o.Memory, o.Keep), fmt.Sprintf("%s=%s", firstVariable, first), fmt.Sprintf("%s=%s", setupVariable, o.Setup),
			"GODEBUG=containermaxprocs=0",
		},
		ExtraFiles: []*os.File{theirs}, Stderr: &p.said, SysProcAttr: attributes(), WaitDelay: time.Second,
	}
	for _, variable := range os.Environ() {
		if slices.ContainsFunc(kept, func(prefix string) bool { return strings.HasPrefix(variable, prefix) }) {
			p.command.Env = append(p.command.Env, variable)
		}
	}
	if err := p.command.Start(); err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	// Its threads inherit that. Where it fails the process sets its own before its first job.
	_ = hold(p.command.Process.Pid)
	return p, nil
}

// greet waits until the process is ready.
func (p *process) greet() error {
	if err := p.conn.SetReadDeadline(time.Now().Add(startTimeout)); err != nil {
		return err
	}
	m, err := receive(p.conn, p.buffer)
	p.cpu, p.base = time.Duration(m.a), int64(m.b)
	if err != nil {
		return fmt.Errorf("it does not come up: %w%s", err, p.said.last())
	}
	if err := json.Unmarshal(m.body, &p.greeted); err != nil {
		return fmt.Errorf("%w: %w", ErrGarbled, err)
	}
	if p.greeted.Error != "" {
		return errors.New(p.greeted.Error)
	}
	_, p.allocated, _ = held(p.command.Process.Pid)
	return p.conn.SetReadDeadline(time.Time{})
}

// An ending is why a process was killed, and what it had used by then.
type ending struct {
	why      End
	cpu      time.Duration
	resident int64
}

// kill ends the process at once, whatever it does; the first reason counts.
func (p *process) kill(why End) {
	select {
	case <-p.dead: // of something else
		return
	default:
	}
	e := ending{why: why}
	e.cpu, e.resident, _ = usage(p.command.Process.Pid)
	p.end.CompareAndSwap(nil, &e)
	p.command.Process.Kill()
	// It may take a while until a process has ended: nobody waits for that.
	p.conn.SetReadDeadline(time.Unix(1, 0))
}

// A failure is a job that was not done. The process was killed, or has ended by itself.
type failure struct {
	why    End
	err    error
	report Report
}

// do does one job. After a failure the process is of no use.
func (p *process) do(ctx context.Context, job Job) ([]byte, Report, *failure) {
	before := p.cpu
	stop := context.AfterFunc(ctx, func() { p.kill(EndedCancelled) })
	unwatch := p.watch(job)
	m, err := p.exchange(job)
	unwatch()
	if stopped := stop(); err == nil && !stopped {
		p.kill(EndedCancelled) // it answered when it was about to be killed
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		return nil, Report{}, p.explain(ctx, before, err)
	}
	p.jobs++
	p.cpu = time.Duration(m.a)
	return m.body, Report{CPU: p.cpu - before, Memory: max(0, int64(m.b)-p.base)}, nil
}

// errUnsent says that the process had ended before it could be given the job, which therefore is not to blame.
var errUnsent = errors.New("the request was not taken")

// exchange sends the request and waits for the reply, which is valid until the next one.
func (p *process) exchange(job Job) (message, error) {
	descriptors := make([]int, len(job.Files))
	for i, f := range job.Files {
		descriptors[i] = int(f.Fd())
	}
	if err := send(p.conn, message{body: job.Request, a: uint64(job.Memory)}, p.buffer, descriptors); err != nil {
		return message{}, fmt.Errorf("%w: %w", errUnsent, err)
	}
	return receive(p.conn, p.buffer)
}

// watch kills the process when it has used more processor time than the job may, or more memory, which it can only do by lifting
// its own limit. The function that it returns ends that.
func (p *process) watch(job Job) (stop func()) {
	const period = 200 * time.Millisecond
	const shared = 32 << 20 // counts as resident, and not as its own
	before := p.cpu
	var mutex sync.Mutex
	ended := false
	var timer *time.Timer
	look := func() {
		mutex.Lock()
		defer mutex.Unlock()
		if ended {
			return
		}
		used, resident, known := usage(p.command.Process.Pid)
		switch {
		case known && job.CPU > 0 && used-before > job.CPU:
			p.kill(EndedCPU)
		case known && job.Memory > 0 && resident > p.base+p.keep+job.Memory+shared:
			p.kill(EndedMemory)
		default:
			timer.Reset(period)
		}
	}
	mutex.Lock()
	timer = time.AfterFunc(period, look)
	mutex.Unlock()
	return func() {
		mutex.Lock()
		ended = true
		mutex.Unlock()
		timer.Stop()
	}
}

// explain says why a job failed, and sees to it that the process ends.
func (p *process) explain(ctx context.Context, before time.Duration, err error) *failure {
	if e := p.end.Load(); e != nil {
		f := &failure{why: e.why, report: Report{CPU: max(0, e.cpu-before), Memory: max(0, e.resident-p.base)}}
		switch e.why {
		case EndedCPU:
			f.err = ErrCPU
		case EndedMemory:
			f.err = fmt.Errorf("%w: out of memory", ErrCrashed)
		case EndedCancelled:
			f.err = context.Cause(ctx)
		default:
			f.err = ErrClosed // only Pool.Close kills a process that has a job for another reason
		}
		return f
	}
	if errors.Is(err, ErrGarbled) || !p.ends() {
		p.kill(EndedGarbled)
		if !errors.Is(err, ErrGarbled) {
			err = fmt.Errorf("%w: %w", ErrGarbled, err)
		}
		return &failure{why: EndedGarbled, err: err}
	}
	why, how := p.cause()
	f := &failure{why: why, err: fmt.Errorf("%w: %s%s", ErrCrashed, how, p.said.last()), report: p.total(before)}
	if why == EndedLost || errors.Is(err, errUnsent) {
		f.err = ErrLost
	}
	return f
}

// ends waits a moment for the end of a process that has closed its socket: is it about to end, and will show of what?
func (p *process) ends() bool {
	select {
	case <-p.dead:
		return true
	case <-time.After(3 * time.Second): // which a large one on a busy machine may take
		return false
	}
}

// total is what a process that has ended has used since the time before.
func (p *process) total(before time.Duration) Report {
	state := p.command.ProcessState
	r := Report{CPU: max(0, state.UserTime()+state.SystemTime()-before)}
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		r.Memory = max(0, peak(u)-p.base)
	}
	return r
}

// cause tells why a process has ended that nobody here has killed.
func (p *process) cause() (End, string) {
	state := p.command.ProcessState
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return EndedLost, state.String()
	}
	return EndedCrashed, state.String()
}

// close tells the process to end, which it does when it has nothing to do, and waits for that.
func (p *process) close() {
	p.conn.Close()
	select {
	case <-p.dead:
	case <-time.After(2 * time.Second):
		p.command.Process.Kill()
		<-p.dead
	}
}

// A tail keeps the end of what is written to it.
type tail struct {
	mutex sync.Mutex
	kept  []byte
}

func (t *tail) Write(data []byte) (int, error) {
	const most = 2 << 10
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.kept = append(t.kept, data[max(0, len(data)-most):]...)
	t.kept = t.kept[max(0, len(t.kept)-most):]
	return len(data), nil
}

// last returns what was kept, to stand at the end of a message, on one line.
func (t *tail) last() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.kept) == 0 {
		return ""
	}
	return ": " + strings.Join(strings.Fields(strings.ToValidUTF8(string(t.kept), "?")), " ")
}
