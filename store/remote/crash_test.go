package remote

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Of a child process that fetches until it is killed: the folder, and the origin.
const (
	crashFolder = "CALOTYPE_REMOTE_CRASH_FOLDER"
	crashOrigin = "CALOTYPE_REMOTE_CRASH_ORIGIN"
)

const crashSources = 20

// changingOrigin serves pictures that become others with each answer, unless it is broken. They say of which source they are.
func changingOrigin(t *testing.T, answers *atomic.Int64, broken *atomic.Bool) *origin {
	return newOriginOf(t, func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		body := picture(fmt.Sprint(r.URL.Path, " ", answers.Add(1), strings.Repeat("x", rand.IntN(400<<10))))
		w.Header().Set("Cache-Control", "max-age=0, stale-if-error=60000")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write([]byte(body))
	})
}

// A process that fetches is killed again and again, at any moment. What the next one finds is whole and of its source, or nothing, and the
// budget is kept.
func TestKilledFetchers(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 10
	}
	dir := t.TempDir()
	var answers atomic.Int64
	var broken atomic.Bool
	o := changingOrigin(t, &answers, &broken)
	found, missing := 0, 0
	for kill := range kills {
		fetchUntilKilled(t, dir, o.URL, time.Duration(rand.IntN(60))*time.Millisecond)
		if kill%5 != 4 {
			continue
		}
		broken.Store(true) // all there is comes from disk
		options := keeperOptionsIn(dir)
		k, err := Open(options)
		if err != nil {
			t.Fatal(err)
		}
		if n, said := diskBytes(t, dir), k.Stats().Bytes; n != said || n > options.Bytes {
			t.Errorf("%d bytes are on disk, and it is said that %d are", n, said)
		}
		for i := range crashSources {
			path := fmt.Sprint("/", i)
			c, body, err := get(t, k, o.want(t, path))
			switch {
			case errors.Is(err, ErrOrigin):
				missing++
			case err != nil:
				t.Fatal(err)
			case !strings.HasPrefix(body, picture(path+" ")) || int64(len(body)) != c.Bytes:
				t.Fatalf("%s has the bytes %.40q", path, body)
			default:
				found++
			}
		}
		if n := k.Stats().Damaged; n > 0 {
			t.Errorf("%d files were damaged", n)
		}
		closeKeeper(t, k)
		broken.Store(false)
	}
	t.Logf("%d kills, %d answers; %d sources found and %d missing afterwards", kills, answers.Load(), found, missing)
	if found == 0 {
		t.Error("nothing was tried")
	}
}

// fetchUntilKilled runs TestFetchForAKill in a child process and kills it a while after it has begun to fetch.
func fetchUntilKilled(t *testing.T, dir, origin string, while time.Duration) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestFetchForAKill$")
	child.Env = append(os.Environ(), crashFolder+"="+dir, crashOrigin+"="+origin)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	if !lines.Scan() || lines.Text() != "fetching" {
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

// TestFetchForAKill is the child's part of TestKilledFetchers.
func TestFetchForAKill(t *testing.T) {
	dir := os.Getenv(crashFolder)
	if dir == "" {
		t.Skip("is run by TestKilledFetchers")
	}
	k, err := Open(keeperOptionsIn(dir)) // a folder of the test's own would outlive the kill
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan struct{}, 1)
	for range 4 {
		go func() {
			for {
				w := wanted(t, fmt.Sprint(os.Getenv(crashOrigin), "/", rand.IntN(crashSources)), os.Getenv(crashOrigin))
				if _, err := k.Get(t.Context(), w); err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				select {
				case first <- struct{}{}:
				default:
				}
			}
		}()
	}
	<-first
	fmt.Println("fetching")
	time.Sleep(time.Minute) // it is killed long before
}
