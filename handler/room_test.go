package handler

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"net/http"
	"testing"

	"calotype/store"
)

// A disk below its mark takes no upload: it says so before the body is sent, and still serves what it has.
func TestNoRoomForUploads(t *testing.T) {
	dir := t.TempDir()
	open := func(t *testing.T, least int64) *site {
		kept, err := store.Open(t.Context(), store.Options{Dir: dir, MinFree: least})
		if err != nil {
			t.Fatal(err)
		}
		return serve(t, func(o *Options) { o.Store = kept })
	}
	data := draws(t, "rg")
	var u uploaded
	t.Run("there is room", func(t *testing.T) { u = open(t, 1).upload(data) })
	s := open(t, math.MaxInt64/2)
	s.wantProblem("a body", s.do("POST", "/upload-image", bytes.NewReader(data)), http.StatusInsufficientStorage, "store-full")
	if a := s.mustGet(u.URL); !bytes.Equal(a.body, data) {
		t.Error("the original is another")
	}
	s.mustGet(u.URL + "/rotate:90.png")
	if !s.handler.snapshot().StoreFull {
		t.Error("the metrics do not tell")
	}

	// Who asks first sends no body, and who announces a large one is answered when little of it has come.
	for expect, sent := range map[string]int{"Expect: 100-continue\r\n": 0, "": 64 << 10} {
		conn := s.dial()
		fmt.Fprintf(conn, "POST /upload-image HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n%s\r\n%s", expect, make([]byte, sent))
		response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "POST"})
		if err != nil {
			t.Fatal(err)
		}
		s.wantProblem(expect, read(t, expect, response), http.StatusInsufficientStorage, "store-full")
	}
	if a := s.do("DELETE", "/images/"+u.ID, nil); a.status != http.StatusNoContent {
		t.Errorf("nothing can be deleted to make room: %d", a.status)
	}
}
