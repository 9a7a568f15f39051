//go:build cdn

package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// framingPatience is how long an answer may take on a busy machine.
const framingPatience = 20 * time.Second

// A framingAnswer is one answer as it came.
type framingAnswer struct {
	status int
	closes bool
	body   string
}

// readFramingAnswers reads answers until there are no more. It leaves out those that say to go on.
func readFramingAnswers(r io.Reader, head bool) (answers []framingAnswer, err error) {
	in := bufio.NewReader(r)
	for {
		if _, err := in.Peek(1); err != nil {
			return answers, err
		}
		method := http.MethodGet
		if head && len(answers) == 0 {
			method = http.MethodHead
		}
		response, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return answers, fmt.Errorf("what comes is no answer: %w", err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return answers, fmt.Errorf("an answer is cut off: %w", err)
		}
		if response.StatusCode >= 200 {
			answers = append(answers, framingAnswer{response.StatusCode, response.Close, string(body)})
		}
	}
}

// framingMarker is a request whose answer can be told from all others.
func framingMarker(name string) string {
	return "GET " + framingImage + name + " HTTP/1.1\r\nHost: h\r\n\r\n"
}

// isRefusal tells whether a status says that a request is not read or not served because of how it is written.
func isRefusal(status int) bool {
	switch status {
	case 400, 408, 411, 413, 414, 417, 431, 501, 505:
		return true
	}
	return false
}

// check sends a case and the next request straight to the server, and compares what comes with its verdict.
func (c framingCase) check(t *testing.T, address string) {
	conn, err := net.DialTimeout("tcp", address, framingPatience)
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(framingPatience))
	if _, err := io.WriteString(conn, c.sent+framingMarker("marker")); err == nil {
		// A server that waits for the rest of a request sees that there is none.
		conn.(*net.TCPConn).CloseWrite()
	}
	answers, err := readFramingAnswers(conn, c.head)
	if err != io.EOF && !strings.Contains(err.Error(), "reset by peer") { // there was more than the server wanted to read
		t.Errorf("%s: %v", c.name, err)
	}
	marked := 0
	for i, a := range answers {
		switch {
		case strings.Contains(a.body, "smuggled"):
			t.Errorf("%s: a part of it is answered as a request", c.name)
		case strings.Contains(a.body, "marker"):
			marked++
		}
		if a.status == http.StatusInternalServerError || a.closes != (i == len(answers)-1) && a.closes {
			t.Errorf("%s: answer %d is %d, closes %v", c.name, i, a.status, a.closes)
		}
	}
	if c.verdict == framingTaken {
		if len(answers) != c.requests+1 || marked != 1 {
			t.Errorf("%s: %d answers and %d to the next request, want %d and 1: %+v", c.name, len(answers), marked, c.requests+1, answers)
		}
		return
	}
	if len(answers) != 1 || marked != 0 || !answers[0].closes {
		t.Errorf("%s: want one answer that closes the connection, got %+v", c.name, answers)
	} else if c.verdict == framingRefused && !isRefusal(answers[0].status) {
		t.Errorf("%s: want a refusal, got %+v", c.name, answers[0])
	}
}

func TestFramingStraight(t *testing.T) {
	t.Parallel()
	server := startFramingServer(t)
	before := server.level()
	cases := framingCases()
	names, refused := map[string]bool{}, 0
	for _, c := range cases {
		if names[c.name] {
			t.Errorf("there are two cases %s", c.name)
		}
		names[c.name] = true
		if c.verdict != framingTaken {
			refused++
		}
	}
	t.Logf("%d cases, %d of which end the connection", len(cases), refused)
	if refused < 200 {
		t.Errorf("%d malformed or ambiguous requests", refused)
	}
	framingEach(4, cases, func(c framingCase) { c.check(t, server.address) })
	if n := server.failures(); n > 0 {
		t.Errorf("%d answers with status 500", n)
	}
	server.wantBack(before, 20*time.Second)
}

// framingEach runs f for all cases, so many at a time.
func framingEach(atOnce int, cases []framingCase, f func(framingCase)) {
	var all sync.WaitGroup
	work := make(chan framingCase)
	for range atOnce {
		all.Go(func() {
			for c := range work {
				f(c)
			}
		})
	}
	for _, c := range cases {
		work <- c
	}
	close(work)
	all.Wait()
}

// The same bytes in pieces are the same requests.
func TestFramingInPieces(t *testing.T) {
	t.Parallel()
	server := startFramingServer(t)
	var cases []framingCase
	for i, c := range framingCases() {
		if i%7 == 0 && len(c.sent) < 1000 && !strings.Contains(c.sent, framingSmuggled) {
			cases = append(cases, c)
		}
	}
	framingEach(8, cases, func(c framingCase) {
		conn, err := net.DialTimeout("tcp", server.address, framingPatience)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(framingPatience))
		var received bytes.Buffer
		done := make(chan struct{})
		go func() {
			io.Copy(&received, conn)
			close(done)
		}()
		for _, b := range []byte(c.sent + framingMarker("marker")) {
			if _, err := conn.Write([]byte{b}); err != nil {
				break // it has been refused
			}
			time.Sleep(100 * time.Microsecond)
		}
		conn.(*net.TCPConn).CloseWrite()
		<-done
		answers, err := readFramingAnswers(&received, c.head)
		if err != io.EOF {
			t.Errorf("%s: %v", c.name, err)
		}
		marked := len(answers) > 0 && strings.Contains(answers[len(answers)-1].body, "marker")
		want := 1
		if c.verdict == framingTaken {
			want = c.requests + 1
		}
		if marked != (c.verdict == framingTaken) || len(answers) != want {
			t.Errorf("%s: %d answers, the next request answered: %v; %+v", c.name, len(answers), marked, answers)
		}
	})
}
