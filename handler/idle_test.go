package handler

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

// A connection may rest between two requests for as long as is set, and is closed then.
func TestIdleConnectionsAreClosed(t *testing.T) {
	const rest = 400 * time.Millisecond
	s := serve(t, func(o *Options) { o.IdleTimeout = rest })
	conn := s.dial()
	answers := bufio.NewReader(conn)
	for range 3 {
		if _, err := io.WriteString(conn, "GET /capabilities HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Fatal(response.Status, err)
		}
		time.Sleep(rest / 4)
	}
	start := time.Now()
	if _, err := answers.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection ends with %v", err)
	}
	if rested := time.Since(start); rested < rest/4 || rested > 20*rest {
		t.Errorf("it is closed after %v", rested)
	}
}
