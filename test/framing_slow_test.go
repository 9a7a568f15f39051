//go:build cdn

package test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A slowMode is a way to make a server wait.
type slowMode struct {
	name  string
	begin string // sent at once
	drip  string // of which a byte is sent each second, over and over
	// given is the beginning of the answer with which the server gives the client up while the test looks on.
	given string
	later bool // it does so later
}

func slowModes(original string) []slowMode {
	const post = "POST /upload-image HTTP/1.1\r\nHost: h\r\n"
	return []slowMode{
		{"nothing at all", "", "", "", false}, // an answer to that would be taken for the one to the first request
		{"head", "GET / HTTP/1.1\r\nHost: h\r\n", "A: b\r\n", "HTTP/1.1 408 ", false},
		{"request line", "", strings.Repeat("X", 100), "HTTP/1.1 408 ", false},
		{"body", post + "Content-Length: 4194304\r\n\r\n", "x", "HTTP/1.1 408 ", false},
		{"body that stops", post + "Content-Length: 4194304\r\n\r\n" + strings.Repeat("x", 9<<10), "", "HTTP/1.1 400 ", false},
		{"chunk extension", post + "Transfer-Encoding: chunked\r\n\r\n5;", "x", "HTTP/1.1 400 ", false},
		{"reading", "GET " + original + " HTTP/1.1\r\nHost: h\r\n\r\n", "", "", true},
		{"reading, again and again", strings.Repeat("GET "+original+" HTTP/1.1\r\nHost: h\r\n\r\n", 10), "", "", true},
	}
}

// A slowClient is one connection of a mode. It is given up when the server closes it.
type slowClient struct {
	mode   slowMode
	conn   *net.TCPConn
	opened time.Time
	ended  chan time.Time
	answer []byte // valid once it has ended
}

func newSlowClient(t *testing.T, address string, mode slowMode) *slowClient {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, framingPatience)
	if err != nil {
		t.Fatal(err)
	}
	c := &slowClient{mode: mode, conn: conn.(*net.TCPConn), opened: time.Now(), ended: make(chan time.Time, 1)}
	if mode.later {
		if err := c.conn.SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
	} else {
		go func() {
			c.answer, _ = io.ReadAll(c.conn)
			c.ended <- time.Now()
		}()
	}
	if _, err := io.WriteString(c.conn, mode.begin); err != nil {
		t.Errorf("%s: %v", mode.name, err)
	}
	return c
}

// drip sends a byte each second through all connections until stop is closed.
func drip(clients []*slowClient, stop chan struct{}) {
	for second := 0; ; second++ {
		for _, c := range clients {
			if c.mode.drip != "" {
				// One that the server has closed takes no more.
				_, _ = c.conn.Write([]byte{c.mode.drip[second%len(c.mode.drip)]})
			}
		}
		select {
		case <-stop:
			return
		case <-time.After(time.Second):
		}
	}
}

// framingUpload uploads an image and returns its address.
func (s *framingServer) upload(data []byte) string {
	s.t.Helper()
	response, err := http.Post("http://"+s.address+"/upload-image", "application/octet-stream", bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var uploaded struct{ URL string }
	if err := json.NewDecoder(response.Body).Decode(&uploaded); err != nil || response.StatusCode != http.StatusCreated {
		s.t.Fatalf("%d, %v", response.StatusCode, err)
	}
	return uploaded.URL
}

// benign asks for a print that is in memory, over and over for a while, and returns the 99th percentile of the times.
func (s *framingServer) benign(print string, long time.Duration) time.Duration {
	s.t.Helper()
	var times []time.Duration
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		begin := time.Now()
		response, err := http.Get("http://" + s.address + print)
		if err != nil {
			s.t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || n == 0 {
			s.t.Fatalf("%s: %d, %d bytes, %v", print, response.StatusCode, n, err)
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	return times[len(times)*99/100]
}

// largePNG is an image of 25 MB, little of which finds room in the buffers of a connection.
func largePNG(t *testing.T) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 2900, 2900))
	for i := range picture.Pix {
		picture.Pix[i] = byte(rand.Uint32()) | byte(i%4/3*255) // alpha is full
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Slow clients keep their own connection busy and nobody else's. Those who send too slowly are given up; those who read too slowly are
// after a minute, which is longer than this test.
func TestSlowClients(t *testing.T) {
	const each = 120
	server := startFramingServer(t)
	picture, err := os.ReadFile(sample(t, "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	print := server.upload(picture) + "/resize:200.jpg"
	original := server.upload(largePNG(t))
	server.benign(print, time.Second)
	before, idle := server.level(), server.benign(print, 3*time.Second)

	var clients []*slowClient
	for _, mode := range slowModes(original) {
		for range each {
			clients = append(clients, newSlowClient(t, server.address, mode))
		}
	}
	stop := make(chan struct{})
	var dripping sync.WaitGroup
	dripping.Go(func() { drip(clients, stop) })
	busy := server.benign(print, 5*time.Second)
	t.Logf("p99 of hits: %v alone, %v beside %d slow clients", idle, busy, len(clients))
	if busy > 2*idle+100*time.Millisecond {
		t.Errorf("p99 of hits: %v alone, %v beside %d slow clients", idle, busy, len(clients))
	}

	t.Run("memory", testSlowMemory)

	longest := map[string]time.Duration{}
	for _, c := range clients {
		if c.mode.later {
			c.conn.Close()
			continue
		}
		var ended time.Time
		select {
		case ended = <-c.ended:
		case <-time.After(max(time.Second, time.Until(c.opened.Add(50*time.Second)))):
		}
		if !ended.IsZero() {
			longest[c.mode.name] = max(longest[c.mode.name], ended.Sub(c.opened))
			said := string(c.answer)
			if !strings.HasPrefix(said, c.mode.given) || strings.Contains(said, "Connection: close") != (c.mode.given != "") || (said == "") != (c.mode.given == "") {
				t.Errorf("%s: given up with %.300q", c.mode.name, c.answer)
			}
		} else {
			t.Errorf("%s: not given up within %v", c.mode.name, time.Since(c.opened))
		}
		c.conn.Close()
	}
	t.Logf("given up after at most %v", longest)
	close(stop)
	dripping.Wait()
	server.wantBack(before, 30*time.Second)
}

// testSlowMemory opens a thousand connections of each kind on which a large body is announced and does not come.
func testSlowMemory(t *testing.T) {
	const connections, most = 1000, 64 << 10
	const own = 20 // descriptors that the program may have closed meanwhile, of workers that it had started
	const post = "POST /upload-image HTTP/1.1\r\nHost: h\r\n"
	for name, request := range map[string]string{
		"4 MiB":                    post + "Content-Length: 4194304\r\n\r\n",
		"10 GiB":                   post + "Content-Length: 10737418240\r\n\r\n",
		"10 GiB, waits for a word": post + "Content-Length: 10737418240\r\nExpect: 100-continue\r\n\r\n",
		"10 GiB in a form":         post + "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 10737418240\r\n\r\n",
		"a chunk of 4 GiB":         post + "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
		"no request":               "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startFramingServer(t, "--memory=4GiB")
			for range 20 {
				server.text("/livez")
			}
			level, before := server.level(), server.resident()
			conns := make([]net.Conn, connections)
			var opened sync.WaitGroup
			var failed atomic.Int32
			for part := range 10 {
				opened.Go(func() {
					for i := part; i < connections; i += 10 {
						conn, err := net.DialTimeout("tcp", server.address, framingPatience)
						if err != nil {
							failed.Add(1)
							return
						}
						conns[i] = conn
						if _, err := io.WriteString(conn, request); err != nil {
							failed.Add(1)
						}
					}
				})
			}
			opened.Wait()
			if n := failed.Load(); n > 0 {
				t.Fatalf("%d connections fail", n)
			}
			var after int64
			for range 10 { // until all have been read
				time.Sleep(100 * time.Millisecond)
				after = max(after, server.resident())
			}
			if now := server.level(); now.descriptors < level.descriptors+connections-own {
				t.Errorf("%d descriptors of %d connections", now.descriptors-level.descriptors, connections)
			}
			each := (after - before) / connections
			t.Logf("%d connections: %d KiB each", connections, each>>10)
			if each > most {
				t.Errorf("a connection takes %d bytes, want at most %d", each, most)
			}
			for _, conn := range conns {
				conn.Close()
			}
			server.wantBack(level, 30*time.Second)
		})
	}
}
