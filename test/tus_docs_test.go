//go:build tus

package test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// What docs/uploads.md has a reader type comes to the image that it says.
func TestTusDocumentation(t *testing.T) {
	address := serve(t)
	page, err := os.ReadFile("../docs/uploads.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(page, -1) {
		script.Write(block[1])
	}
	text := strings.Replace(script.String(), "http://127.0.0.1:8080", address, 1)
	if !strings.Contains(text, address) {
		t.Fatal("the page does not say where the server is")
	}
	shell := exec.Command("bash", "-euo", "pipefail", "-c", text)
	shell.Dir = ".."
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	place := regexp.MustCompile(`Content-Location: (/download/\S+)`).FindSubmatch(out)
	if !bytes.Contains(out, []byte(`"name":"landscape.jpg","format":"jpeg","width":480`)) || !bytes.Contains(out, []byte(`"images":[{`)) || place == nil {
		t.Fatalf("the answers are %s", out)
	}
	answer, err := http.Get(address + string(place[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	want, failed := os.ReadFile(sample(t, "landscape.jpg"))
	if err != nil || failed != nil || sha256.Sum256(got) != sha256.Sum256(want) {
		t.Errorf("%s is another image, %v", place[1], err)
	}
}
