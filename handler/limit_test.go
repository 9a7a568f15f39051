package handler

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// Who comes when all connections are taken is told so, and to come back; who comes when one is free again is served.
func TestMoreConnectionsThanThereMayBe(t *testing.T) {
	s := serve(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	const most = 3
	host := listenOn(t, s.handler, Limit(listener, s.handler, most))
	ask := func(conn net.Conn) *http.Response {
		t.Helper()
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET /capabilities HTTP/1.1\r\nHost: a\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	var open []net.Conn
	for range most {
		conn := dial()
		if answer := ask(conn); answer.StatusCode != http.StatusOK {
			t.Fatal(answer.Status)
		}
		open = append(open, conn)
	}
	for range 5 {
		answer := ask(dial())
		head := answer.Header
		if answer.StatusCode != http.StatusServiceUnavailable || head.Get("Retry-After") == "" || !answer.Close ||
			head.Get("Content-Type") != "application/problem+json" || head.Get("Calotype-Error") != "busy" {
			t.Errorf("%s %v", answer.Status, head)
		}
	}
	open[0].Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if ask(dial()).StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a connection that was closed still counts")
		}
	}
	if answer := ask(open[1]); answer.StatusCode != http.StatusOK {
		t.Errorf("those that are open are answered %s", answer.Status)
	}
}
