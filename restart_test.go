package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// A process is the built program, with folders of the test's own.
type process struct {
	service
	command *exec.Cmd
	log     bytes.Buffer
}

// begin starts the program and waits until it says where it listens, or has ended.
func begin(t *testing.T, binary string, arguments ...string) *process {
	t.Helper()
	p := &process{service: service{t: t}}
	p.command = exec.Command(binary, append([]string{"--listen", "127.0.0.1:0", "--admin-listen", "off"}, arguments...)...)
	p.command.Stderr = &p.log
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.command.Process.Kill()
		p.command.Wait()
	})
	var text []byte
	for buffer := make([]byte, 1024); !bytes.Contains(text, []byte("/download\n")); {
		n, err := out.Read(buffer)
		text = append(text, buffer[:n]...)
		if err != nil {
			return p
		}
	}
	_, address, _ := strings.Cut(string(text), "http://")
	address, _, _ = strings.Cut(address, "/")
	p.url = "http://" + address
	return p
}

// A server is killed while it makes prints and writes them. The next one knows many of them, and none with other bytes.
func TestKilledServerStartsWarm(t *testing.T) {
	binary, data, prints := program(t), t.TempDir(), t.TempDir()
	arguments := []string{"--data", data, "--cache-dir", prints, "--cache-dir-bytes", "16MiB"}
	p := begin(t, binary, arguments...)
	_, id := p.post(read(t, "docs/samples/landscape.jpg"))

	// Another process must not have the same folder.
	other := begin(t, binary, "--data", t.TempDir(), "--cache-dir", prints)
	if err := other.command.Wait(); err == nil || !strings.Contains(other.log.String(), "in use by another process") {
		t.Errorf("a second process with the same --cache-dir says %s", other.log.String())
	}

	known := map[string][]byte{}
	var mutex sync.Mutex
	fromDisk := 0
	for kill := range 4 {
		var clients sync.WaitGroup
		for client := range 4 {
			clients.Go(func() {
				random := rand.New(rand.NewPCG(uint64(kill), uint64(client)))
				for {
					path := fmt.Sprintf("/download/%s/resize:%d.png", id, 1+random.IntN(200))
					answer, err := http.Get(p.url + path)
					if err != nil {
						return // it was killed
					}
					body, err := io.ReadAll(answer.Body)
					answer.Body.Close()
					if err != nil {
						return
					}
					mutex.Lock()
					if before, again := known[path]; answer.StatusCode != http.StatusOK || again && !bytes.Equal(before, body) {
						t.Errorf("%s: %d, %d bytes, and %d before", path, answer.StatusCode, len(body), len(before))
					}
					known[path] = body
					if answer.Header.Get("Cache-Status") == "calotype; hit; detail=disk" {
						fromDisk++
					}
					mutex.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(300+rand.IntN(300)) * time.Millisecond)
		if err := p.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.command.Wait()
		clients.Wait()
		p = begin(t, binary, arguments...)
	}
	if fromDisk == 0 {
		t.Error("nothing was found on disk")
	}
	t.Logf("%d prints, %d answers from disk", len(known), fromDisk)
}
