//go:build browser

package test

import (
	"bufio"
	"crypto/sha256"
	endian "encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var largeUpload = flag.Bool("large", false, "upload a file of 2 GB where one of 200 MB does otherwise")

// largeTIFF makes a TIFF of at least so many bytes, most of them zeros that take no room on the disk. Each MiB says where it is, so that no two are the
// same.
func largeTIFF(t *testing.T, bytes int64) string {
	t.Helper()
	const width, rowsPerStrip, data = 16_000, 16, 1 << 20
	const rowBytes = width * 4 * 2 // four samples of 16 bits
	strips := uint32((bytes + rowBytes*rowsPerStrip - 1) / (rowBytes * rowsPerStrip))
	var offsets, counts []byte
	for i := range strips {
		offsets = endian.LittleEndian.AppendUint32(offsets, data+i*rowBytes*rowsPerStrip)
		counts = endian.LittleEndian.AppendUint32(counts, rowBytes*rowsPerStrip)
	}
	const directory, bits, lists = 8, 200, 256
	head := []byte{'I', 'I', 42, 0, directory, 0, 0, 0}
	fields := [][4]uint32{ // tag, type, count, value or offset
		{256, 4, 1, width},
		{257, 4, 1, strips * rowsPerStrip},
		{258, 3, 4, bits},
		{259, 3, 1, 1}, // not compressed
		{262, 3, 1, 2}, // RGB
		{273, 4, strips, lists},
		{277, 3, 1, 4},
		{278, 4, 1, rowsPerStrip},
		{279, 4, strips, lists + uint32(len(offsets))},
		{284, 3, 1, 1}, // the samples of a pixel stand together
		{338, 3, 1, 2}, // the fourth is alpha
	}
	head = endian.LittleEndian.AppendUint16(head, uint16(len(fields)))
	for _, f := range fields {
		head = endian.LittleEndian.AppendUint16(head, uint16(f[0]))
		head = endian.LittleEndian.AppendUint16(head, uint16(f[1]))
		head = endian.LittleEndian.AppendUint32(head, f[2])
		head = endian.LittleEndian.AppendUint32(head, f[3])
	}
	head = append(head, make([]byte, bits-len(head))...)
	for range 4 {
		head = endian.LittleEndian.AppendUint16(head, 16)
	}
	head = append(head, make([]byte, lists-len(head))...)
	head = append(append(head, offsets...), counts...)
	if len(head) > data {
		t.Fatal("the lists of strips do not fit")
	}
	path := filepath.Join(t.TempDir(), "large.tif")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	end := data + int64(strips)*rowBytes*rowsPerStrip
	_, err = file.WriteAt(head, 0)
	err = errors.Join(err, file.Truncate(end))
	for at := int64(data); at < end-8; at += 1 << 20 {
		_, failed := file.WriteAt(endian.LittleEndian.AppendUint64(nil, uint64(at)), at)
		err = errors.Join(err, failed)
	}
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// A line is a way to a server that can be slow, and be cut. Its address stays the same, also when the server gets another.
type line struct {
	address string
	sent    atomic.Int64 // bytes that went to the server

	mutex  sync.Mutex
	server string // "" is nobody
	rate   int64  // bytes in a second to the server, of all connections; 0 is no bound
	due    time.Time
	open   map[net.Conn]bool
}

func newLine(t *testing.T, server string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{address: listener.Addr().String(), server: server, open: map[net.Conn]bool{}}
	t.Cleanup(func() {
		listener.Close()
		l.lead("")
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(client)
		}
	}()
	return l
}

// lead cuts all connections, and has new ones lead to another server, or to nobody.
func (l *line) lead(server string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.server = server
	for c := range l.open {
		c.Close()
	}
}

// pace bounds how fast bytes go to the server.
func (l *line) pace(rate int64) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.rate = rate
}

func (l *line) carry(client net.Conn) {
	defer client.Close()
	l.mutex.Lock()
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		l.mutex.Unlock()
		return
	}
	l.open[client], l.open[server] = true, true
	l.mutex.Unlock()
	defer func() {
		server.Close()
		l.mutex.Lock()
		defer l.mutex.Unlock()
		delete(l.open, client)
		delete(l.open, server)
	}()
	go func() {
		io.Copy(client, server)
		client.Close()
	}()
	io.Copy(slowly{server, l}, bufio.NewReaderSize(client, 64<<10))
}

// slowly is a writer to a server at the pace of a line.
type slowly struct {
	io.Writer
	line *line
}

func (s slowly) Write(p []byte) (int, error) {
	l := s.line
	l.mutex.Lock()
	var wait time.Duration
	if now := time.Now(); l.rate > 0 {
		if l.due.Before(now) {
			l.due = now
		}
		l.due = l.due.Add(time.Duration(int64(len(p)) * int64(time.Second) / l.rate))
		wait = l.due.Sub(now)
	}
	l.mutex.Unlock()
	time.Sleep(wait)
	l.sent.Add(int64(len(p)))
	return s.Writer.Write(p)
}

func digestOf(t *testing.T, r io.Reader) [sha256.Size]byte {
	t.Helper()
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(sum.Sum(nil))
}

// A large file arrives whole though the connection is cut, the server is killed and comes again, and the page is loaded anew, after which the file is
// chosen again. What has come is not sent a second time.
func TestBrowserUploadOutlivesInterruptions(t *testing.T) {
	length := int64(200_000_000)
	if *largeUpload {
		length = 2_000_000_000
	}
	file := largeTIFF(t, length)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	var command *exec.Cmd
	run := func() string {
		var s instance
		s, command = startIn(t, data, io.Discard, "--max-upload-bytes=3GB", "--max-pixels=500000000", "--deadline=1m", "--queue-wait=1m")
		return s.address
	}
	server := run()
	t.Cleanup(func() { stop(t, command) })
	l := newLine(t, server)
	l.pace(length / 8)

	root := "http://" + l.address
	v := visitFor(t, 5*time.Minute, root, 1280, 900)
	v.expects = func(complaint string) bool {
		return strings.Contains(complaint, "net::ERR_") && strings.Contains(complaint, "/files/")
	}
	asked := make(chan bool, 8)
	err = chromedp.Listen(v.ctx, func(event any) {
		if dialog, ok := event.(*page.EventJavascriptDialogOpening); ok {
			asked <- dialog.Type == page.DialogTypeBeforeunload
			go chromedp.Call(v.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	beyond := func(percent int) string {
		return fmt.Sprintf(`document.querySelector('%s')?.value > %d`, inRow("large.tif", "progress"), info.Size()*int64(percent)/100)
	}
	v.do(
		chromedp.Navigate(root+"/"), chromedp.WaitVisible(`.zone`),
		chromedp.MouseClickXY(640, 700), // a page that nobody has touched may not warn
		chromedp.SetUploadFiles(`#image`, []string{file}),
	)

	v.holds(beyond(15))
	l.lead("")
	v.holds(count("held"))
	v.lookAround("cut")
	l.lead(server)
	v.holds(count("sending"))

	v.holds(beyond(35))
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	command.Wait()
	v.holds(count("held"))
	l.lead(run())
	v.holds(count("sending"))

	v.holds(beyond(55))
	v.do(chromedp.Reload())
	select {
	case isWarning := <-asked:
		if !isWarning {
			t.Error("the page asks something else")
		}
	default:
		t.Error("the page is left without a warning")
	}
	v.holds(count("missing"))
	v.lookAround("missing")
	v.do(chromedp.SetUploadFiles(`#image`, []string{file}))
	v.holds(count("sending"))
	v.holds(`document.querySelector("progress").value > 0`)
	if !ask(v, chromedp.Evaluate[bool](beyond(50))) {
		t.Errorf("after it was chosen again it says %q", v.text(inRow("large.tif", ".text p")))
	}
	l.pace(0)
	v.holds(count("done"))
	v.lookAround("whole")

	if sent, most := l.sent.Load(), info.Size()*6/5; sent > most {
		t.Errorf("%d bytes were sent for a file of %d", sent, info.Size())
	}
	id := ask(v, chromedp.Evaluate[string](`document.querySelector(".upload img").src.match(/[0-9a-f-]{36}/)[0]`))
	answer, err := http.Get(root + "/download/" + id)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	original, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer original.Close()
	if got, want := digestOf(t, answer.Body), digestOf(t, original); got != want || answer.StatusCode != http.StatusOK {
		t.Errorf("status %d, and SHA-256 %x, want %x", answer.StatusCode, got, want)
	}
}
