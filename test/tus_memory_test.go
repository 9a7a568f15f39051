//go:build tus && linux

package test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var largeFiles = flag.Int64("large", 64, "MiB of each of the files that are sent at once")

// A server takes large files in parallel, in one request each, and holds none of them: its memory grows by a bound that does not depend on their size.
func TestTusMemory(t *testing.T) {
	const files = 8
	const most = 32 << 20
	length := *largeFiles << 20
	s := start(t, "--max-upload-bytes", "20GB", "--min-free", "0")
	path, data := noisePicture(t, 1)
	wantImage(t, s.address, told{Endpoint: "http://" + s.address + "/files/", File: path}.send(t, nil), data) // what is made at the first one is there
	before := residentBytes(t, s.process.Pid)

	peak, stopped := before, make(chan struct{})
	var watching, sending sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-stopped:
				return
			case <-time.After(10 * time.Millisecond):
				peak = max(peak, residentBytes(t, s.process.Pid))
			}
		}
	})
	began := time.Now()
	for range files {
		sending.Go(func() {
			place, last, err := sendLarge("http://"+s.address, data, length)
			if err != nil {
				t.Error(err)
				return
			}
			t.Logf("%s: the last byte was answered after %v", place, last.Round(time.Millisecond))
		})
	}
	sending.Wait()
	close(stopped)
	watching.Wait()
	t.Logf("%d files of %d MiB in %v: from %d MiB to at most %d MiB", files, *largeFiles, time.Since(began).Round(time.Millisecond), before>>20, peak>>20)
	if peak-before > most {
		t.Errorf("memory has grown by %d MiB, want at most %d MiB", (peak-before)>>20, most>>20)
	}
}

// residentBytes is the memory of a process.
func residentBytes(t testing.TB, pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if err != nil || found == nil {
		t.Error("the memory of the program cannot be read")
		return 0
	}
	kilobytes, _ := strconv.ParseInt(string(found[1]), 10, 64) // digits
	return kilobytes << 10
}

// sendLarge uploads an image with so many zeros behind it that it has a length. It returns where the image is, and how long the answer took behind the last byte.
func sendLarge(site string, image []byte, length int64) (place string, last time.Duration, err error) {
	request := func(method, address string, body io.Reader, bytes int64, headers ...string) (http.Header, error) {
		r, err := http.NewRequest(method, address, body)
		if err != nil {
			return nil, err
		}
		r.ContentLength = bytes
		r.Header.Set("Tus-Resumable", "1.0.0")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil && answer.StatusCode/100 != 2 {
			err = fmt.Errorf("%s %s: %d %s", method, address, answer.StatusCode, text)
		}
		return answer.Header, err
	}
	header, err := request("POST", site+"/files/", nil, 0, "Upload-Length", fmt.Sprint(length))
	if err != nil {
		return "", 0, err
	}
	body := &timedReader{Reader: io.MultiReader(strings.NewReader(string(image)), io.LimitReader(zeros{}, length-int64(len(image))))}
	header, err = request("PATCH", site+header.Get("Location"), body, length, "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	if err != nil {
		return "", 0, err
	}
	if place = header.Get("Content-Location"); place == "" {
		err = fmt.Errorf("no image has come of an upload: %v", header)
	}
	return place, time.Since(body.last), err
}

// A timedReader knows when it was read last.
type timedReader struct {
	io.Reader
	last time.Time
}

func (r *timedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.last = time.Now()
	return n, err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
