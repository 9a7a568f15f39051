//go:build hostile && linux

package test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A wire is a connection on which requests are sent one after the other. It does so little for each that a thousand in a second
// leave the cores to the server: one Write, and of the answer the few headers that count.
type wire struct {
	address string // host and port
	direct  bool   // each read and write is a system call that waits, without Go's poller
	conn    interface {
		Read([]byte) (int, error)
		Write([]byte) (int, error)
		Close() error
	}
	in  *bufio.Reader
	out []byte
}

func newWire(address string) *wire {
	return &wire{address: strings.TrimPrefix(address, "http://")}
}

// patience is how long an answer may take before it counts as none.
const patience = 2 * deadline

func (w *wire) dial() error {
	conn, err := net.DialTimeout("tcp", w.address, patience)
	if err != nil {
		return err
	}
	w.conn = conn
	if w.direct {
		file, err := conn.(*net.TCPConn).File()
		conn.Close()
		if err != nil {
			return err
		}
		most := syscall.NsecToTimeval(int64(patience))
		if err := syscall.SetsockoptTimeval(int(file.Fd()), syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &most); err != nil {
			return errors.Join(err, file.Close())
		}
		w.conn = file // which Fd has made wait
	}
	w.in = bufio.NewReaderSize(w.conn, 8<<10)
	return nil
}

func (w *wire) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// A reply is what the answer to one request says.
type reply struct {
	status int // 0 if no whole answer came
	retry  bool
	hit    bool // answered from memory
	began  time.Time
	late   time.Duration // by how much it was sent later than it was due, because of the one before
	took   time.Duration
	err    error
}

// ask sends a request and reads the whole answer.
func (w *wire) ask(target string) (r reply) {
	r.began = time.Now()
	if r.err = w.exchange(target, &r); r.err != nil {
		r.status = 0
		w.close()
	}
	r.took = time.Since(r.began)
	return r
}

func (w *wire) exchange(target string, r *reply) error {
	if w.conn == nil {
		if err := w.dial(); err != nil {
			return err
		}
	}
	if conn, ok := w.conn.(net.Conn); ok {
		if err := conn.SetDeadline(r.began.Add(patience)); err != nil {
			return err
		}
	}
	w.out = append(append(append(w.out[:0], "GET "...), target...), " HTTP/1.1\r\nHost: calotype.test\r\n\r\n"...)
	if _, err := w.conn.Write(w.out); err != nil {
		return err
	}
	line, err := w.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < len("HTTP/1.1 200\r\n") {
		return fmt.Errorf("the answer begins with %q", line)
	}
	if r.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return err
	}
	length, last := -1, false
	for {
		if line, err = w.in.ReadSlice('\n'); err != nil {
			return err
		}
		name, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		switch {
		case len(name) == 0:
			if length < 0 {
				return errors.New("the answer does not tell its length")
			}
			_, err = w.in.Discard(length)
			if last {
				w.close()
			}
			return err
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		case bytes.EqualFold(name, []byte("Retry-After")):
			seconds, err := strconv.Atoi(string(value))
			r.retry = err == nil && seconds > 0
		case bytes.EqualFold(name, []byte("Cache-Status")):
			r.hit = bytes.HasSuffix(value, []byte("; hit"))
		case bytes.EqualFold(name, []byte("Connection")):
			last = bytes.EqualFold(value, []byte("close"))
		}
	}
}

// printOrRefusal says what is wrong with an answer to a request for a print, if the server may refuse it while it is busy.
func printOrRefusal(r reply) string {
	if r.err == nil && (r.status == 200 || (r.status == 503 || r.status == 429) && r.retry) {
		return ""
	}
	return r.String()
}

// fromMemory says what is wrong with an answer to a request for a print that is kept.
func fromMemory(r reply) string {
	if r.err == nil && r.status == 200 && r.hit {
		return ""
	}
	return r.String()
}

// fine says what is wrong with an answer that is not 200.
func fine(r reply) string {
	if r.err == nil && r.status == 200 {
		return ""
	}
	return r.String()
}

func (r reply) String() string {
	if r.err != nil {
		return r.err.Error()
	}
	return fmt.Sprintf("%d (Retry-After: %v, from memory: %v)", r.status, r.retry, r.hit)
}

// every asks for something again and again until stop is closed, on a thread of its own that goes before others if it may: what
// is measured is how long the server takes, not when the clients' turn comes.
func (w *wire) every(pause time.Duration, stop <-chan struct{}, target func() string) (all replies) {
	runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, -10)
	w.direct = true
	defer w.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ; due = due.Add(pause) {
		timer.Reset(time.Until(due))
		select {
		case <-stop:
			return all
		case <-timer.C:
		}
		late := time.Duration(0)
		if n := len(all); n > 0 && all[n-1].took > pause {
			late = max(0, time.Since(due))
		}
		r := w.ask(target())
		r.late = late
		all = append(all, r)
	}
}
