package main

import (
	"bytes"
	"log/slog"
	"strings"
)

// libraryLog takes what libraries say by the package log, and tells it as all else is told. net/http repeats there what a host has sent after its
// answer, up to 4 KiB and by each connection: it is cut short.
type libraryLog struct{ log *slog.Logger }

// Write takes one message.
func (l libraryLog) Write(message []byte) (int, error) {
	const most = 200
	text := bytes.TrimSpace(message[:min(len(message), most)])
	l.log.Info("a library says", "text", strings.ToValidUTF8(string(text), "")) // no half of a character at its end
	return len(message), nil
}
