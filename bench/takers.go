package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// A start is that of a taker. open returns what one client sends files with, one after the other.
type start = func(ctx context.Context, dir string) (open func() (send func(file []byte) error), stop func() error, err error)

// uploadTakers are what is compared, Calotype first. Those that are made to wait for each sync are these two alone.
func uploadTakers(o options) []taker {
	takers := []taker{{"calotype", takeByCalotype(o)}, {"one by one", takeOneByOne(o.syncTime)}}
	if o.syncTime == 0 {
		takers = append(takers, taker{"cp && sync", takeByCopy})
		if o.tusd != "" {
			takers = append(takers, taker{"tusd", takeByTusd(o.tusd)})
		}
	}
	return takers
}

// takeByCalotype starts the server. With -sync-time, strace holds up each of its calls of fsync, by that time and what strace itself takes.
func takeByCalotype(o options) start {
	return func(ctx context.Context, dir string) (func() func([]byte) error, func() error, error) {
		var under []string
		if o.syncTime > 0 {
			const calls = "fsync,fdatasync"
			// With -D the process that is started becomes the server, and is asked to end as such; strace ends with it.
			under = []string{
				"strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", os.DevNull, "-e", "trace=" + calls,
				"-e", fmt.Sprintf("inject=%s:delay_exit=%d", calls, o.syncTime.Microseconds()),
			}
		}
		s, err := startServerUnder(ctx, under, o.server, strings.Fields(o.serverArgs), dir)
		if err != nil {
			return nil, nil, err
		}
		return func() func([]byte) error {
			return post(s.address, uploadPath, func(*fasthttp.RequestHeader, int) {})
		}, s.stop, nil
	}
}

// takeByTusd starts tusd with its filestore. It syncs nothing.
func takeByTusd(program string) start {
	return func(ctx context.Context, dir string) (func() func([]byte) error, func() error, error) {
		address, err := freeAddress()
		if err != nil {
			return nil, nil, err
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, nil, err
		}
		command := exec.Command(program, "-host", "127.0.0.1", "-port", port, "-upload-dir", filepath.Join(dir, "data"), "-verbose=false", "-show-greeting=false")
		if err := command.Start(); err != nil {
			return nil, nil, err
		}
		stop := func() error {
			err := command.Process.Signal(syscall.SIGTERM)
			_ = command.Wait() // it was asked to end; with what status it does is its own affair
			return err
		}
		if err := waitForListener(ctx, address); err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		return func() func([]byte) error {
			return post(address, "/files/", func(header *fasthttp.RequestHeader, length int) {
				header.Set("Tus-Resumable", "1.0.0")
				header.Set("Upload-Length", strconv.Itoa(length))
				header.SetContentType("application/offset+octet-stream") // creation with upload
			})
		}, stop, nil
	}
}

func waitForListener(ctx context.Context, address string) error {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
		if time.Since(began) > startTimeout || ctx.Err() != nil {
			return errors.Join(fmt.Errorf("nobody listens at %s", address), ctx.Err())
		}
	}
}

// post returns what sends files in requests of one connection. Each must be answered 201.
func post(address, path string, prepare func(header *fasthttp.RequestHeader, length int)) func([]byte) error {
	client := newClient(address)
	var request fasthttp.Request
	var response fasthttp.Response
	return func(file []byte) error {
		request.Reset()
		request.SetRequestURI("http://" + address + path)
		request.Header.SetMethod(fasthttp.MethodPost)
		request.Header.SetContentType(anyType)
		prepare(&request.Header, len(file))
		request.SetBodyRaw(file)
		if err := client.Do(&request, &response); err != nil {
			return err
		}
		if response.StatusCode() != fasthttp.StatusCreated {
			return fmt.Errorf("status %d, %.300q", response.StatusCode(), response.Body())
		}
		return nil
	}
}

// takeByCopy has the tools of the system keep each file.
func takeByCopy(_ context.Context, dir string) (func() func([]byte) error, func() error, error) {
	return func() func([]byte) error {
		return func(file []byte) error {
			command := exec.Command("sh", "-c", `cp /dev/stdin "$0" && sync "$0"`, filepath.Join(dir, rand.Text()))
			command.Stdin = bytes.NewReader(file)
			if said, err := command.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, said)
			}
			return nil
		}
	}, func() error { return nil }, nil
}

// takeOneByOne keeps each file as surely as Calotype does, and nothing else: no HTTP, no look at what it is, no database. It syncs for each
// file, one after the other: the file, its folder, and a line in a log. What Calotype is faster by, it gains by syncing for many at once.
func takeOneByOne(syncTime time.Duration) start {
	return func(_ context.Context, dir string) (func() func([]byte) error, func() error, error) {
		log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, nil, err
		}
		flush := func(file *os.File) error {
			defer time.Sleep(syncTime)
			return file.Sync()
		}
		var one sync.Mutex
		return func() func([]byte) error {
			return func(content []byte) error {
				one.Lock()
				defer one.Unlock()
				digest := sha256.Sum256(content)
				if err := keepFile(filepath.Join(dir, fmt.Sprintf("%x", digest)), content, flush); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(log, "%x\n", digest); err != nil {
					return err
				}
				return flush(log)
			}
		}, log.Close, nil
	}
}

// keepFile writes a file durably under its name.
func keepFile(path string, content []byte, flush func(*os.File) error) error {
	file, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil {
		err = flush(file)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return flush(folder)
}
