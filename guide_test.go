package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

const guide = "docs/operations-guide.md"

// A block is a piece of the guide between two fences.
type block struct {
	language string
	text     string
	answer   string // the block of text behind it, which tells what it writes
	line     int
	servers  bool // it needs a bucket and a database
}

// guideBlocks reads the guide. What needs servers begins and ends with a comment.
func guideBlocks(t *testing.T) []block {
	t.Helper()
	var list []block
	inside, servers := false, false
	for i, line := range strings.Split(string(read(t, guide)), "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case line == "<!-- with servers -->" || line == "<!-- without servers -->":
			servers = line == "<!-- with servers -->"
		case fence && inside:
			inside = false
			if last := len(list) - 1; list[last].language == "text" && last > 0 {
				list[last-1].answer = list[last].text
				list = list[:last]
			}
		case fence:
			inside = true
			list = append(list, block{language: language, line: i + 2, servers: servers})
		case inside:
			list[len(list)-1].text += line + "\n"
		}
	}
	if inside {
		t.Fatal("a fence is open")
	}
	return list
}

// Every command of the guide works, in the order in which they stand, and writes what the guide says.
func TestGuide(t *testing.T) {
	runGuide(t, false)
}

// runGuide has a shell run the guide. Variables that the guide takes from its reader are NAME=VALUE in settings.
func runGuide(t *testing.T, servers bool, settings ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts and stops servers for some seconds")
	}
	home := t.TempDir()
	bin := filepath.Join(home, "bin")
	if err := errors.Join(os.Mkdir(bin, 0o700), os.Symlink(program(t), filepath.Join(bin, "calotype"))); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	var blocks []block
	for _, b := range guideBlocks(t) {
		if b.language == "sh" && (servers || !b.servers) {
			fmt.Fprintf(&script, "echo '%s%d'\n%s", startOfBlock, len(blocks), b.text)
			blocks = append(blocks, b)
		}
	}
	shell := exec.Command("bash", "-eu", "-o", "pipefail", "-c", script.String())
	shell.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CALOTYPE_") }),
		append(settings, "HOME="+home, "PATH="+bin+":"+os.Getenv("PATH"))...)
	for _, name := range []string{"LISTEN", "ADMIN", "LISTEN2", "ADMIN2"} {
		shell.Env = append(shell.Env, name+"="+freeAddress(t))
	}
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	shell.Stdout, shell.Stderr = &said, &said
	shell.WaitDelay = 5 * time.Second
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) // what it has started and not stopped
	err := shell.Wait()
	parts := strings.Split(said.String(), startOfBlock)[1:]
	for i, part := range parts {
		_, out, _ := strings.Cut(part, "\n")
		if i == len(parts)-1 && err != nil {
			t.Fatalf("%s:%d: %v\n%s\n%s", guide, blocks[i].line, err, blocks[i].text, out)
		}
		if !answers(out, blocks[i].answer) {
			t.Errorf("%s:%d: it writes\n%s\nwhere the guide says\n%s", guide, blocks[i].line, out, blocks[i].answer)
		}
	}
	if len(parts) != len(blocks) || len(blocks) < 10 {
		t.Errorf("%d of %d blocks ran", len(parts), len(blocks))
	}
}

const startOfBlock = "@@@ block "

// answers tells whether a text is as a pattern says, in which … stands for anything. Ids, sizes of time and bytes are of the day.
func answers(text, pattern string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(pattern)), "…", ".*?")
	return regexp.MustCompile("(?s)" + quoted).MatchString(text)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Commands in the files for systemd and cron, which no test starts, have options that there are.
func TestGuideTimers(t *testing.T) {
	lines := 0
	for _, b := range guideBlocks(t) {
		if b.language == "sh" {
			continue
		}
		for _, line := range strings.Split(b.text, "\n") {
			_, command, found := strings.Cut(line, "bin/calotype ")
			if !found {
				continue
			}
			lines++
			var c commands
			p, err := newParser(&c, kong.Exit(func(int) {}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Parse(strings.Fields(command)); err != nil {
				t.Errorf("%s: %q: %v", guide, line, err)
			}
		}
	}
	if lines < 3 {
		t.Errorf("%d commands were found", lines)
	}
}

// Every metric that the guide names is there.
func TestGuideMetrics(t *testing.T) {
	s := start(t, func(c *serveCommand) {
		c.AdminListen = freeAddress(t)
		c.CacheDir, c.Purge = t.TempDir(), []string{"varnish+http://127.0.0.1:9"}
	})
	answer, err := http.Get("http://" + s.options.AdminListen + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\b(calotype|process)_[a-z_]+`).FindAllString(string(read(t, guide)), -1)
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^(# HELP )?` + name + `\b`).Match(body) {
			t.Errorf("%s is no metric", name)
		}
	}
	if len(names) < 8 {
		t.Errorf("%d metrics are named", len(names))
	}
}
