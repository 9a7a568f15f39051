//go:build durability && linux

package test

import (
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Single bits flip on the disk. Each damaged original is found, by the one who reads it or by a pass of calotype scrub while the program serves;
// none is served, and no print is made of it. All others are as they were.
func TestDurabilityFlippedBits(t *testing.T) {
	k := newKeeper(t, t.TempDir())
	l := newLedger(t, 20_000)
	k.start(t)
	deposits := l.fill(t, k.address, *flipFiles)
	k.stop(t) // nothing is trusted because it was read a moment ago

	ids := slices.Sorted(maps.Keys(deposits))
	l.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	damaged, sound := ids[:*flipCount], ids[*flipCount:]
	for _, id := range damaged {
		l.flip(t, k.data, l.kept[id])
	}
	k.start(t)
	c := connection()
	defer c.CloseIdleConnections()

	// Some are read, in several ways, and the rest are scrubbed.
	ways := []struct{ after, part string }{{"", ""}, {"", "bytes=0-99"}, {"/resize:20.png", ""}, {".json", ""}, {"/crop:0,0,5,5.webp", ""}}
	read := damaged[:len(damaged)/2]
	for i, id := range read {
		way := ways[i%len(ways)]
		if status := statusOf(t, c, k, id+way.after, way.part); status != http.StatusBadGateway {
			t.Errorf("%s of a damaged original, %s: status %d", way.after, way.part, status)
		}
	}
	said, err := exec.Command(binary(t), "scrub", "--data", k.data).CombinedOutput()
	if err == nil {
		t.Errorf("calotype scrub ends well, and %d originals were damaged", len(damaged))
	}
	for _, id := range damaged[len(read):] {
		if !strings.Contains(string(said), id) {
			t.Errorf("calotype scrub does not name damaged original %s", id)
		}
	}
	for _, id := range sound {
		if strings.Contains(string(said), id) {
			t.Errorf("calotype scrub names original %s, which is sound", id)
		}
	}
	if t.Failed() {
		t.Logf("calotype scrub says %.2000s", said)
	}
	for _, id := range damaged {
		for _, way := range ways {
			if status := statusOf(t, c, k, id+way.after, way.part); status != http.StatusBadGateway {
				t.Errorf("after the scrub %s of a damaged original, %s: status %d", way.after, way.part, status)
			}
		}
		delete(l.kept, id)
	}
	for _, id := range sound {
		if status, digest, err := download(c, k.address, id); status != http.StatusOK || err != nil || digest != l.kept[id] {
			t.Errorf("original %s, which is sound: status %d, %v", id, status, err)
		}
	}
	t.Logf("%d bits flipped in %d originals: %d found by reading, %d by scrubbing, none served", len(damaged), len(ids), len(read), len(damaged)-len(read))

	// The same bytes, uploaded again, make good what was damaged.
	again := damaged[0]
	if _, status, answer := l.upload(c, k.address, deposits[again], false); status != http.StatusCreated {
		t.Errorf("what was damaged is uploaded again, and answered %d: %s", status, answer)
	}
	if status := statusOf(t, c, k, again, ""); status != http.StatusOK {
		t.Errorf("an original whose bytes were uploaded again: status %d", status)
	}
	k.stop(t)
}

// fill uploads so many different pictures, by several clients, and returns what they are by their ids.
func (l *ledger) fill(t testing.TB, address string, count int) map[string]deposit {
	t.Helper()
	const clients = 8
	deposits := map[string]deposit{}
	work := make(chan deposit)
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			c := connection()
			defer c.CloseIdleConnections()
			for d := range work {
				id, status, answer := l.upload(c, address, d, false)
				if status != http.StatusCreated {
					t.Errorf("an upload is answered %d: %s", status, answer)
				}
				mu.Lock()
				deposits[id] = d
				mu.Unlock()
			}
		})
	}
	for i := range count {
		work <- deposit{uint64(i), 1000 + l.draw(l.largest)}
	}
	close(work)
	wait.Wait()
	if len(deposits) != count {
		t.Fatalf("%d uploads have %d ids", count, len(deposits))
	}
	return deposits
}

// statusOf returns the status of what is asked for below /download/, whole or in part. It must be small.
func statusOf(t testing.TB, c *http.Client, k *keeper, target, part string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://"+k.address+"/download/"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if part != "" {
		request.Header.Set("Range", part)
	}
	response, err := c.Do(request)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	return response.StatusCode
}

// flip turns a bit of a blob.
func (l *ledger) flip(t *testing.T, data string, digest fingerprint) {
	t.Helper()
	name := hex.EncodeToString(digest[:])
	path := filepath.Join(data, "blobs", name[:2], name[2:4], name)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	bit := l.draw(int(8 * before.Size()))
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	one := make([]byte, 1)
	if _, err := file.ReadAt(one, int64(bit/8)); err != nil {
		t.Fatal(err)
	}
	one[0] ^= 1 << (bit % 8)
	if _, err := file.WriteAt(one, int64(bit/8)); err != nil {
		t.Fatal(err)
	}
	// The disk tells nobody that it has changed.
	if err := os.Chmod(path, before.Mode()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
}
