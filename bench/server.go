package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
)

// A server is the program under measurement, started by startServer.
type server struct {
	address string
	command *exec.Cmd
	log     string        // the file that takes its output
	exited  chan struct{} // closed once it has ended and err is set
	err     error
}

// startServer starts program on a free port with its data and its log in dir, and waits until it answers.
func startServer(ctx context.Context, program string, args []string, dir string) (*server, error) {
	return startServerUnder(ctx, nil, program, args, dir)
}

// startServerUnder is startServer for a program that is started by a command, whose process it becomes.
func startServerUnder(ctx context.Context, under []string, program string, args []string, dir string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{address: address, log: filepath.Join(dir, "server.log"), exited: make(chan struct{})}
	// A file: what is written to it costs the server no waiting and this program no work.
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// Nobody asks for metrics here, and two servers may run at once.
	fixed := []string{"serve", "--listen", address, "--admin-listen", "off", "--data", filepath.Join(dir, "data")}
	words := slices.Concat(under, []string{program}, fixed, args)
	s.command = exec.Command(words[0], words[1:]...)
	s.command.Stdout, s.command.Stderr = log, log
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.command.Wait()
		close(s.exited)
	}()
	if err := s.waitReady(ctx); err != nil {
		err = fmt.Errorf("%s: %w\n%s", program, err, s.lastWords())
		select {
		case <-s.exited:
			return nil, err
		default:
			return nil, errors.Join(err, s.stop())
		}
	}
	return s, nil
}

// freeAddress returns a loopback address that nobody listens at just now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *server) pid() int { return s.command.Process.Pid }

func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("does not answer after %v", startTimeout))
	defer cancel()
	for {
		status, _, err := fasthttp.GetTimeout(nil, "http://"+s.address+uploadPath, time.Second)
		if err == nil && status == fasthttp.StatusOK {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("ended at the start: %v", s.err)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop asks the server to end, kills it if it does not, and returns an error if it did not end well.
func (s *server) stop() error {
	select {
	case <-s.exited:
		return fmt.Errorf("the server ended before it was asked to: %v\n%s", s.err, s.lastWords())
	default:
	}
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		err := s.command.Process.Kill()
		<-s.exited
		return errors.Join(fmt.Errorf("the server did not end within %v of SIGTERM", stopTimeout), err)
	}
	if s.err != nil {
		return fmt.Errorf("the server, after SIGTERM: %w\n%s", s.err, s.lastWords())
	}
	return nil
}

// lastWords returns the end of the server's log.
func (s *server) lastWords() []byte {
	log, err := os.ReadFile(s.log)
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(log[max(0, len(log)-2000):])
}
