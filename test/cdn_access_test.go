//go:build cdn

package test

import (
	"bytes"
	"net/http"
	"testing"
)

// Who comes by a proxy is not this machine, though the proxy is on it: prints are for everyone, and nothing else.
func TestCDNIsNotThisMachine(t *testing.T) {
	t.Parallel()
	e := newEdge(t, "--open=false")
	id := e.landscape() // straight from this machine, who may
	for _, p := range e.proxies() {
		get(t, p.address, "/download/"+id+"/resize:100.webp").must(t, 200, "")
		for _, target := range []string{"/upload-image", "/download", "/download?exts=jpeg", "/images", "/images/" + id} {
			for _, host := range []string{"img.example", "localhost", "127.0.0.1"} {
				if got := get(t, p.address, target, "Host", host); got.status != 403 || got.header.Get("Calotype-Error") != "needs-token" {
					t.Errorf("%s: %s at %s is answered %d %s", p.name, target, host, got.status, got.header.Get("Calotype-Error"))
				}
			}
		}
		if got := postTo(t, p, []byte("x"), ""); got != 403 {
			t.Errorf("%s: an upload is answered %d", p.name, got)
		}
		askTarget(t, "DELETE", p.address, "/images/"+id).must(t, 403, "")
	}
	get(t, e.address(), "/images/"+id).must(t, 200, "")
}

// A token passes through a proxy, and what was shown to who has one is shown to nobody else.
func TestCDNTokenPasses(t *testing.T) {
	t.Parallel()
	const token = "a-token-for-the-tests"
	e := newEdge(t, "--token", token, "--trusted", "loopback")
	for _, p := range e.proxies() {
		if got := postTo(t, p, []byte("x"), ""); got != 401 {
			t.Errorf("%s: an upload without a token is answered %d", p.name, got)
		}
		if got := postTo(t, p, []byte("no image"), "Bearer "+token); got != 415 {
			t.Errorf("%s: what is no image is answered %d with a token", p.name, got)
		}
		for _, target := range []string{"/upload-image", "/download", "/download?exts=jpeg", "/images"} {
			for range 2 {
				get(t, p.address, target, "Authorization", "Bearer "+token).must(t, 200, "")
				get(t, p.address, target).must(t, 401, "")
			}
		}
	}
}

// postTo uploads by way of a proxy and returns the status.
func postTo(t *testing.T, p *proxy, body []byte, authorization string) int {
	t.Helper()
	request, err := http.NewRequest("POST", p.address+"/upload-image", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := plainClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
