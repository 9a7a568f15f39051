//go:build durability && linux

package test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

type fingerprint = [sha256.Size]byte

// A deposit is a picture that its seed makes again: grey noise, in a file of about so many bytes.
type deposit struct {
	seed  uint64
	bytes int
}

func (d deposit) file() []byte {
	side := max(1, int(math.Sqrt(float64(d.bytes-100)))) // what PNG adds is about as much
	picture := image.NewGray(image.Rect(0, 0, side, side))
	var seed [32]byte
	for i := range 8 {
		seed[i] = byte(d.seed >> (8 * i))
	}
	rand.NewChaCha8(seed).Read(picture.Pix)
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	if err := encoder.Encode(&file, picture); err != nil {
		panic(err) // nothing that is written to memory fails
	}
	return file.Bytes()
}

// A ledger is what the clients know of their uploads, whatever becomes of the server.
type ledger struct {
	largest int // size of an upload, in bytes; the least is 1 KB

	mu      sync.Mutex
	random  *rand.Rand
	sent    []deposit              // everything that was ever sent, answered or not
	sums    map[fingerprint]bool   // of that
	kept    map[string]fingerprint // by id: acknowledged, and nobody has asked to delete it
	doubted map[string]fingerprint // its deletion was asked for and not answered
	removed map[string]bool        // its deletion was acknowledged
	begun   map[string]begun       // uploads in parts that have not ended, by their path
	refused map[int]int            // uploads that were answered otherwise than by 201, by status

	acknowledged int // uploads
	deletions    int // that were acknowledged
	resumed      int // uploads in parts that a crash had ended

	checked string // the newest id that was there at the last check
	deaf    bool   // power is lost: no answer that comes from now on would come
}

func newLedger(t testing.TB, largest int) *ledger {
	seed := cmp.Or(*diceSeed, uint64(time.Now().UnixNano()))
	t.Logf("-dice %d", seed)
	return &ledger{
		largest: largest, random: rand.New(rand.NewPCG(seed, 0)),
		sums: map[fingerprint]bool{}, kept: map[string]fingerprint{}, doubted: map[string]fingerprint{}, removed: map[string]bool{}, begun: map[string]begun{}, refused: map[int]int{},
	}
}

// counted returns how many uploads were acknowledged so far.
func (l *ledger) counted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acknowledged
}

// draw returns a random number below n.
func (l *ledger) draw(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.IntN(n)
}

// next chooses what to send: mostly new bytes, now and then those of an earlier upload.
func (l *ledger) next() deposit {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sent) > 0 && l.random.IntN(10) == 0 {
		return l.sent[l.random.IntN(len(l.sent))]
	}
	// Small ones are as frequent as large ones: sizes are spread evenly by their logarithm.
	d := deposit{l.random.Uint64(), int(1000 * math.Pow(float64(l.largest)/1000, l.random.Float64()))}
	l.sent = append(l.sent, d)
	return d
}

// connection returns a client for one goroutine.
func connection() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: time.Minute}
}

// upload sends a picture, as the body or in a form, and notes what is answered. The status is 0 if no answer came.
func (l *ledger) upload(c *http.Client, address string, d deposit, inForm bool) (id string, status int, answer string) {
	file := d.file()
	l.mu.Lock()
	l.sums[sha256.Sum256(file)] = true
	l.mu.Unlock()
	body, kind := file, "application/octet-stream"
	if inForm {
		var form bytes.Buffer
		writer := multipart.NewWriter(&form)
		part, _ := writer.CreateFormFile("image", "noise.png") // nothing that is written to memory fails
		part.Write(file)
		writer.Close()
		body, kind = form.Bytes(), writer.FormDataContentType()
	}
	response, err := c.Post("http://"+address+"/upload-image", kind, bytes.NewReader(body))
	if err != nil {
		return "", 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil && response.StatusCode != http.StatusCreated {
		return "", 0, err.Error()
	}
	var uploaded struct{ ID string }
	json.Unmarshal(text, &uploaded) // a refusal has no id
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaf {
		return "", 0, "power is lost"
	}
	if response.StatusCode != http.StatusCreated {
		l.refused[response.StatusCode]++
		return "", response.StatusCode, string(text)
	}
	if uploaded.ID == "" { // the answer was cut off after its head: acknowledged under a name that nobody knows
		return "", 0, "the answer ends early"
	}
	l.acknowledged++
	l.kept[uploaded.ID] = sha256.Sum256(file)
	return uploaded.ID, response.StatusCode, string(text)
}

// remove deletes an image that is kept, if there is any, and notes what is answered.
func (l *ledger) remove(c *http.Client, address string) (status int) {
	l.mu.Lock()
	var id string
	for id = range l.kept { // the order is random enough
		break
	}
	if id == "" {
		l.mu.Unlock()
		return http.StatusNoContent
	}
	l.doubted[id] = l.kept[id]
	delete(l.kept, id)
	l.mu.Unlock()
	request, err := http.NewRequest(http.MethodDelete, "http://"+address+"/images/"+id, nil)
	if err != nil {
		panic(err) // the address is well formed
	}
	response, err := c.Do(request)
	if err != nil {
		return 0
	}
	response.Body.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deaf {
		return 0
	}
	if response.StatusCode == http.StatusNoContent {
		delete(l.doubted, id)
		l.removed[id] = true
		l.deletions++
	}
	return response.StatusCode
}

// work has clients upload, and delete now and then, until enough more uploads are acknowledged and then, while they go on, calls end, which
// is to end the server. No client goes on after an answer that is no success; such answers are faults. If it is power that is lost, nothing that
// is answered after that counts: it would not leave the machine, and file systems that are shut down may tell a sync that is under way then
// that it has succeeded.
func (l *ledger) work(t testing.TB, address string, clients, enough int, power bool, end func()) {
	t.Helper()
	l.deaf = false
	goal := l.counted() + enough
	var ending, idle sync.WaitGroup
	ended := make(chan struct{})
	gone := make(chan struct{})
	over := func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	}
	for range clients {
		idle.Go(func() {
			c := connection()
			defer c.CloseIdleConnections()
			for {
				status := http.StatusNoContent
				switch l.draw(6) {
				case 0:
					status = l.remove(c, address)
				case 1:
					_, status, _ = l.uploadInParts(c, address, l.next(), 1+l.draw(4))
				default:
					_, status, _ = l.upload(c, address, l.next(), l.draw(2) == 0)
				}
				if status == http.StatusCreated || status == http.StatusNoContent {
					continue
				}
				if !over() || status != 0 {
					t.Errorf("a request is answered %d", status)
				}
				return
			}
		})
	}
	ending.Go(func() {
		for l.counted() < goal {
			select {
			case <-gone:
				return // all clients have seen something else than success
			case <-time.After(time.Millisecond):
			}
		}
		time.Sleep(time.Duration(l.draw(10_000)) * time.Microsecond) // anywhere in what is under way
		close(ended)
		l.mu.Lock()
		l.deaf = power
		l.mu.Unlock()
		end()
	})
	idle.Wait()
	close(gone)
	ending.Wait()
	if !over() {
		t.Fatal("the clients have come to nothing")
	}
}

// check compares what a server shows with what the clients know: of what was there at the last check a sample, or everything.
func (l *ledger) check(t testing.TB, address string, everything bool) {
	t.Helper()
	const sample = 20
	l.resume(t, address)
	if everything {
		l.checked = ""
	}
	c := connection()
	defer c.CloseIdleConnections()
	holds := func(id string, want fingerprint) bool {
		status, got, err := download(c, address, id)
		switch {
		case err != nil || status != http.StatusOK:
			t.Errorf("image %s, which was acknowledged: status %d, %v", id, status, err)
		case got != want:
			t.Errorf("image %s, which was acknowledged, has other bytes", id)
		default:
			return true
		}
		return false
	}

	listed := list(t, c, address, l.checked)
	there := map[string]bool{}
	for _, image := range listed {
		there[image.ID] = true
		want, known := l.kept[image.ID]
		switch {
		case l.removed[image.ID]:
			t.Errorf("image %s is listed, and was deleted", image.ID)
		case known:
			holds(image.ID, want)
		case l.doubted[image.ID] != fingerprint{}: // below
		case l.crowd(image.ID):
		default: // its upload was cut off before the answer came
			status, got, err := download(c, address, image.ID)
			if err != nil || status != http.StatusOK || !l.sums[got] {
				t.Errorf("image %s, which was not acknowledged, is there by halves: status %d, %v", image.ID, status, err)
			}
			l.kept[image.ID] = got
		}
	}
	old := 0
	for id, want := range l.kept {
		switch {
		case there[id]:
		case id > l.checked:
			t.Errorf("image %s, which was acknowledged, is lost", id)
			delete(l.kept, id)
		case old < sample:
			old++
			if !holds(id, want) {
				delete(l.kept, id)
			}
		}
	}
	for id, want := range l.doubted {
		switch status, got, err := download(c, address, id); {
		case status == http.StatusGone:
			l.removed[id] = true
		case err == nil && status == http.StatusOK && got == want:
			l.kept[id] = want
		default:
			t.Errorf("image %s, whose deletion was not answered, is there by halves: status %d, %v", id, status, err)
		}
		delete(l.doubted, id)
	}
	gone := 0
	for id := range l.removed {
		if gone++; gone > sample && !everything {
			break
		}
		if status, _, err := download(c, address, id); err != nil || status != http.StatusGone {
			t.Errorf("image %s, which was deleted: status %d, %v", id, status, err)
		}
	}
	for _, image := range listed {
		l.checked = max(l.checked, image.ID)
	}
}

// crowd tells whether an image is one of those that crowded has made: a sample of those is looked at elsewhere.
func (l *ledger) crowd(id string) bool { return id < crowdEnd }

// download returns the status and the SHA-256 of the whole body, which must be as long as the header says.
func download(c *http.Client, address, id string) (status int, digest fingerprint, err error) {
	response, err := c.Get("http://" + address + "/download/" + id)
	if err != nil {
		return 0, fingerprint{}, err
	}
	defer response.Body.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, response.Body)
	if err == nil && n != response.ContentLength {
		err = fmt.Errorf("%d of %d bytes came", n, response.ContentLength)
	}
	return response.StatusCode, fingerprint(hash.Sum(nil)), err
}

type listedImage struct {
	ID    string
	Bytes int64
}

// list returns the images that a server shows, from the newest down to the one before the id after, "" for all.
func list(t testing.TB, c *http.Client, address, after string) (images []listedImage) {
	t.Helper()
	for target := "/download?limit=500"; target != ""; {
		request, err := http.NewRequest(http.MethodGet, "http://"+address+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", "application/json")
		response, err := c.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Images []listedImage
			Next   string
		}
		err = json.NewDecoder(response.Body).Decode(&page)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d, %v", target, response.StatusCode, err)
		}
		end := slices.IndexFunc(page.Images, func(image listedImage) bool { return image.ID <= after })
		if end >= 0 {
			return append(images, page.Images[:end]...)
		}
		images, target = append(images, page.Images...), page.Next
	}
	return images
}
