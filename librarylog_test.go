package main

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"testing"
)

func TestWhatLibrariesSayIsShort(t *testing.T) {
	var out bytes.Buffer
	l := log.New(libraryLog{slog.New(slog.NewTextHandler(&out, nil))}, "", 0)
	l.Printf("Unsolicited response\n%s", strings.Repeat("ü", 4096))
	said := out.String()
	if !strings.Contains(said, `text="Unsolicited response\nüü`) || strings.Count(said, "\n") != 1 || len(said) > 300 || strings.Contains(said, "\uFFFD") {
		t.Errorf("it is told as %q", said)
	}
}
