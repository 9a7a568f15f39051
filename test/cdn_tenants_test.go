//go:build cdn

package test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A cache in front keeps what is for one tenant from all others, and serves each from memory.
func TestCDNTenants(t *testing.T) {
	t.Parallel()
	const acme, zeta, token = "img.acme.example", "img.zeta.example", "a-token-for-the-tests"
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	text := "acme: {hosts: [" + acme + "], tokens: [" + token + "]}\nzeta: {hosts: [" + zeta + "], tokens: [" + token + "]}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := newOrigin(t, "--tenants", file)
	photo, err := os.ReadFile(filepath.Join("..", "docs", "samples", "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*proxy{
		nginx(t, o.port, "# img.shop.example img.shop.example;", acme+" "+acme+"; "+zeta+" "+zeta+";"),
		varnish(t, o.port, `no-tenant\.invalid`, strings.ReplaceAll(acme+"|"+zeta, ".", `\.`)),
	} {
		t.Run(p.name, func(t *testing.T) {
			r := uploadFor(t, p, acme, token, photo)
			print := r + "/resize:40.webp"
			get(t, p.address, print, "Host", acme).must(t, 200, "MISS")
			get(t, p.address, print, "Host", strings.ToUpper(acme)+":80").must(t, 200, "HIT")
			for _, host := range []string{zeta, "elsewhere.example", "x" + acme} {
				get(t, p.address, print, "Host", host).must(t, 404, "")
				get(t, p.address, r, "Host", host).must(t, 404, "")
			}
			get(t, p.address, print, "Host", acme).must(t, 200, "HIT")
		})
	}
}

// uploadFor uploads an image by way of a proxy for the tenant of a host, and returns the path of its original.
func uploadFor(t *testing.T, p *proxy, host, token string, data []byte) string {
	t.Helper()
	request, err := http.NewRequest("POST", p.address+"/upload-image", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := plainClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var u struct{ URL string }
	if err := json.NewDecoder(response.Body).Decode(&u); err != nil || response.StatusCode != 201 {
		t.Fatalf("an upload at %s is answered %d, %v", host, response.StatusCode, err)
	}
	return u.URL
}
