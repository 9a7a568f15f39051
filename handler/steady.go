package handler

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// An allowance is how long a client is waited for.
type allowance struct {
	stall   time.Duration // without a byte, and at the beginning
	slowest int64         // bytes a second, on average, after that
}

// usual serves clients that are slow as long as they are steady: 1 KiB a second is a tenth of what a phone at the edge of its network has.
var usual = allowance{stall: time.Minute, slowest: 1 << 10}

// whole is how long a client may take for so many bytes.
func (a allowance) whole(bytes int64) time.Duration {
	return a.stall + time.Duration(float64(bytes)/float64(a.slowest)*float64(time.Second))
}

// A steadyConn is a TCP connection that gives a client up which reads nothing for a while, or almost nothing. A deadline for the whole
// of an answer, which is all that fasthttp has, must either cut off those who are slow or bear with those who have stopped.
type steadyConn struct {
	*net.TCPConn
	allowance allowance
	begun     bool // the client has sent something
	ended     bool // it will send no more
}

// Begun tells whether anything has come.
func (c *steadyConn) Begun() bool { return c.begun }

// Ended tells whether a read has met the end of what the client sends.
func (c *steadyConn) Ended() bool { return c.ended }

func (c *steadyConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.begun = c.begun || n > 0
	c.ended = err == io.EOF
	return n, err
}

// Write sets write deadlines of its own.
func (c *steadyConn) Write(p []byte) (int, error) {
	s := sending{c: c, begin: time.Now()}
	return s.Write(p)
}

// ReadFrom sends a file without reading it, where the system can do that, and all else by Write.
func (c *steadyConn) ReadFrom(r io.Reader) (int64, error) {
	s := sending{c: c, begin: time.Now()}
	if limited, ok := r.(*io.LimitedReader); ok {
		if _, ok := limited.R.(*os.File); ok {
			return s.sendFile(limited)
		}
	}
	return io.Copy(&s, r)
}

// A sending is an answer, or a part of one, on its way.
type sending struct {
	c     *steadyConn
	begin time.Time
	sent  int64
}

func (s *sending) Write(p []byte) (n int, err error) {
	for {
		if err := s.wait(); err != nil {
			return n, err
		}
		more, err := s.c.TCPConn.Write(p[n:])
		n += more
		if s.over(int64(more), err) {
			return n, err
		}
	}
}

func (s *sending) sendFile(file *io.LimitedReader) (int64, error) {
	for {
		if err := s.wait(); err != nil {
			return s.sent, err
		}
		before := file.N
		more, err := s.c.TCPConn.ReadFrom(file)
		if s.over(more, err) || before-file.N != more { // what was read and not sent is lost
			return s.sent, err
		}
	}
}

// wait sets the deadline for what is sent next.
func (s *sending) wait() error {
	now := time.Now()
	left := s.c.allowance.whole(s.sent) - now.Sub(s.begin)
	return s.c.SetWriteDeadline(now.Add(min(s.c.allowance.stall, left)))
}

// over counts what was sent, and tells whether that is all or the client is given up: it is not if a deadline ended a sending of which
// some came through.
func (s *sending) over(sent int64, err error) bool {
	s.sent += sent
	return sent == 0 || !errors.Is(err, os.ErrDeadlineExceeded)
}
