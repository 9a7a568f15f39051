package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"calotype/store"
)

// On a terminal how far it is is told by a bar, which leaves its line when it ends.
func TestProgressOnATerminal(t *testing.T) {
	screen, terminal := openTerminal(t)
	p := newProgress(terminal)
	for done := range 4 {
		p.show(store.CopyResult{Total: 2000, Done: 500 * (done + 1), Bytes: 3_000_000})
		time.Sleep(150 * time.Millisecond) // it is not drawn more often than ten times a second
	}
	p.end()
	fmt.Fprintln(terminal, "2,000 images copied")
	var said strings.Builder
	for buffer := make([]byte, 4096); !strings.Contains(said.String(), "images copied\r\n"); {
		n, err := screen.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		said.Write(buffer[:n])
	}
	for _, want := range []string{"50% |██████████          |", "1,000 of 2,000 images, 3.0 MB copied", "\r2,000 images copied"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it shows %q, not %q", said.String(), want)
		}
	}
}

// openTerminal returns both ends of a terminal: what is written to the one is shown at the other.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 25, Col: 100}); err != nil {
		t.Fatal(err)
	}
	return screen, terminal
}
