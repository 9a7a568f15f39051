package handler

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"testing"
)

// A host that fails is left alone after a while, and clients are told when it is worth to come back.
func TestHostsThatFailRest(t *testing.T) {
	o := newOrigin(t, draws(t, "r"), http.Header{})
	s := serveElsewhere(t, o.URL)
	o.Close()
	for n := range 20 {
		source := fmt.Sprint(o.URL, "/", n, ".png")
		a := s.get("/proxy/_/" + base64.RawURLEncoding.EncodeToString([]byte(source)) + "/rotate:90.png")
		if a.status == http.StatusBadGateway && n < 19 {
			continue
		}
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if a.status != http.StatusServiceUnavailable || err != nil || seconds < 1 || seconds > 5 || a.header.Get("Calotype-Error") != "source-resting" {
			t.Errorf("request %d: %d, Retry-After %q, %s", n, a.status, a.header.Get("Retry-After"), a.body)
		}
		if n < 4 {
			t.Errorf("it rests after %d failures", n)
		}
		return
	}
}
