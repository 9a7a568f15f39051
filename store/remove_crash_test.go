package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// removeFolder names, in the environment of a child process, the folder in whose store it adds and removes until it is killed.
const removeFolder = "CALOTYPE_STORE_REMOVE_FOLDER"

// A process that adds and removes images, some of equal bytes, is killed again and again. What it has acknowledged as removed is gone, what it has
// acknowledged as added and never began to remove is there, and after the next start no bytes are left that nobody has.
func TestRemovalsOutliveAKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes for some seconds")
	}
	dir := t.TempDir()
	state := map[string]string{} // by id: added, removing or removed
	for kills, enough := range []int{1, 3, 20, 60, 100} {
		removeUntilKilled(t, dir, enough, state)
		s, err := Open(context.Background(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		digests := map[Digest]bool{}
		for _, id := range allPages(t, s.index, Query{Limit: 100}) {
			o, err := s.Get(context.Background(), id)
			if err != nil {
				t.Fatal(err)
			}
			mustHold(t, s, o, contentOf(o.Name))
			digests[o.Digest] = true
		}
		for text, did := range state {
			id, err := ParseID(text)
			if err != nil {
				t.Fatal(err)
			}
			switch _, err := s.Get(context.Background(), id); {
			case did == "added" && err != nil:
				t.Errorf("acknowledged original %s: %v", id, err)
			case did == "removed" && !errors.Is(err, ErrGone):
				t.Errorf("removed original %s: %v", id, err)
			case err != nil && !errors.Is(err, ErrGone):
				t.Errorf("original %s: %v", id, err)
			}
		}
		for _, task := range []string{"told", freeBlob} {
			n, err := s.CountTasks(context.Background(), task)
			if err != nil || task == freeBlob && n != 0 {
				t.Errorf("%d tasks of %s, %v", n, task, err)
			}
		}
		// Each upload that was cut off by a kill can leave bytes without a record, and none that was removed.
		if blobs := len(blobFiles(t, s)); blobs < len(digests) || blobs > len(digests)+removeWorkers*(kills+1) {
			t.Errorf("%d blobs of %d digests", blobs, len(digests))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

const removeWorkers = 4

func contentOf(name string) []byte { return bytes.Repeat([]byte(name), 1000) }

// removeUntilKilled runs TestRemoveForAKill in a child process and kills it once it has acknowledged enough removals. It notes
// what the child says.
func removeUntilKilled(t *testing.T, dir string, enough int, state map[string]string) {
	t.Helper()
	untilKilled(t, "TestRemoveForAKill", removeFolder+"="+dir, enough, func(line string) (known, counts bool) {
		words := strings.Fields(line)
		if len(words) != 2 {
			return false, false
		}
		state[words[1]] = words[0]
		return true, words[0] == "removed"
	})
}

// TestRemoveForAKill is the child's part of TestRemovalsOutliveAKill.
func TestRemoveForAKill(t *testing.T) {
	dir := os.Getenv(removeFolder)
	if dir == "" {
		t.Skip("is run by TestRemovalsOutliveAKill")
	}
	s := openTestStore(t, dir)
	for range removeWorkers {
		go func() {
			for i := 0; ; i++ {
				name := []string{"a", "b", rand.Text(), rand.Text()}[i%4] // some share their bytes, some do not
				o, err := addBytes(t, s, contentOf(name), Original{Format: "png", Name: name})
				if err == nil {
					fmt.Println("added " + o.ID.String())
					if i%5 == 0 {
						continue
					}
					fmt.Println("removing " + o.ID.String())
					err = s.Remove(context.Background(), o.ID, "told")
				}
				if err != nil {
					fmt.Println(err)
					os.Exit(0)
				}
				fmt.Println("removed " + o.ID.String())
			}
		}()
	}
	time.Sleep(time.Minute) // it is killed long before
}
