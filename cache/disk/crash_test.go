package disk

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// crashFolder names, in the environment of a child process, the folder that it writes to until it is killed.
const crashFolder = "CALOTYPE_DISK_CRASH_FOLDER"

// crashBody is what a child writes for the n-th entry: the same length for all, so that none can be taken for another's rest.
func crashBody(n int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%08d", n)), 4000) }

const crashEntries = 600 // some more than there is room for

// A process that writes is killed again and again, at any moment. What the next one finds is what was written, or nothing, and the
// budget is kept.
func TestKilledWriters(t *testing.T) {
	kills := 60
	if testing.Short() {
		kills = 20
	}
	dir := t.TempDir()
	found, misses, begun := 0, 0, 0
	for kill := range kills {
		writeUntilKilled(t, dir, time.Duration(rand.IntN(8000))*time.Microsecond)
		if _, err := os.Lstat(filepath.Join(dir, newFile)); err == nil {
			begun++
		}
		if kill%10 != 9 {
			continue
		}
		c := open(t, dir)
		for n := range crashEntries {
			k := key(fmt.Sprint(n))
			e, ok := c.Get(t.Context(), k)
			switch {
			case !ok:
				misses++
			case !bytes.Equal(e.Body, crashBody(n)):
				t.Fatalf("entry %d has other bytes", n)
			default:
				found++
			}
		}
		if n := taken(t, dir); n > LeastBytes {
			t.Errorf("%d bytes are taken", n)
		}
		if s := c.Stats(); s.Damaged > 0 {
			t.Logf("%d files were damaged", s.Damaged)
		}
		c.Close()
	}
	t.Logf("%d kills, %d of them in the middle of a file; %d hits and %d misses afterwards", kills, begun, found, misses)
	if found == 0 || misses == 0 {
		t.Error("nothing was tried")
	}
}

// writeUntilKilled runs TestWriteForAKill in a child process and kills it a while after it has begun to write.
func writeUntilKilled(t *testing.T, dir string, while time.Duration) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestWriteForAKill$")
	child.Env = append(os.Environ(), crashFolder+"="+dir)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "writing") {
		t.Errorf("the child says %q", lines.Text())
	}
	time.Sleep(while)
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
}

// TestWriteForAKill is the child's part of TestKilledWriters.
func TestWriteForAKill(t *testing.T) {
	dir := os.Getenv(crashFolder)
	if dir == "" {
		t.Skip("is run by TestKilledWriters")
	}
	c := open(t, dir)
	fmt.Println("writing")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); { // it is killed long before
		n := rand.IntN(crashEntries)
		c.Put(key(fmt.Sprint(n)), nil, crashBody(n), nil)
		if n%50 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
