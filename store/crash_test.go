package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// crashFolder names, in the environment of a child process, the folder whose store it fills until it is killed.
const crashFolder = "CALOTYPE_STORE_CRASH_FOLDER"

func TestAcknowledgedUploadsOutliveAKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes for some seconds")
	}
	dir := t.TempDir()
	acknowledged := map[ID]bool{}
	for _, enough := range []int{1, 2, 7, 30, 100} {
		fillUntilKilled(t, dir, enough, acknowledged)
		checkAfterKill(t, dir, acknowledged)
	}
}

// fillUntilKilled runs TestFillForAKill in a child process and kills it once it has acknowledged enough uploads,
// while others are under way. It notes all that were acknowledged.
func fillUntilKilled(t *testing.T, dir string, enough int, acknowledged map[ID]bool) {
	t.Helper()
	untilKilled(t, "TestFillForAKill", crashFolder+"="+dir, enough, func(line string) (known, counts bool) {
		text, found := strings.CutPrefix(line, "acknowledged ")
		id, err := ParseID(text)
		if !found || err != nil {
			return false, false
		}
		acknowledged[id] = true
		return true, true
	})
}

// untilKilled runs a test in a child process that a variable of its environment tells so, and kills it once enough of the lines that
// it writes count.
func untilKilled(t *testing.T, test, variable string, enough int, said func(line string) (known, counts bool)) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	child.Env = append(os.Environ(), variable)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(output); lines.Scan(); {
		known, counts := said(lines.Text())
		if !known {
			t.Logf("the child says %q", lines.Text())
		}
		if !counts {
			continue
		}
		if n++; n == enough {
			if err := child.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := child.Wait(); err == nil || n < enough {
		t.Fatalf("the child ended by itself after %d of %d: %v", n, enough, err)
	}
}

// checkAfterKill checks that what was acknowledged is there, and what is there is whole.
func checkAfterKill(t *testing.T, dir string, acknowledged map[ID]bool) {
	t.Helper()
	s, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if files := spoolFiles(t, s); len(files) != 0 {
		t.Errorf("spool files left: %v", files)
	}
	there := map[ID]bool{}
	for _, id := range allPages(t, s.index, Query{Limit: 100}) {
		there[id] = true
		o, err := s.Get(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		mustHold(t, s, o, bytes.Repeat([]byte(o.Name), 1000))
	}
	for id := range acknowledged {
		if !there[id] {
			t.Errorf("acknowledged original %s is lost", id)
		}
	}
}

// TestFillForAKill is the child's part of TestAcknowledgedUploadsOutliveAKill.
func TestFillForAKill(t *testing.T) {
	dir := os.Getenv(crashFolder)
	if dir == "" {
		t.Skip("is run by TestAcknowledgedUploadsOutliveAKill")
	}
	s := openTestStore(t, dir)
	for range 4 {
		go func() {
			for {
				name := rand.Text()
				o, err := addBytes(t, s, bytes.Repeat([]byte(name), 1000), Original{Format: "png", Name: name})
				if err != nil {
					fmt.Println(err)
					os.Exit(0)
				}
				fmt.Println("acknowledged " + o.ID.String())
			}
		}()
	}
	time.Sleep(time.Minute) // it is killed long before
}
