package servers

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// GCS starts a fake-gcs-server over a folder.
func GCS(t testing.TB) *CloudServer {
	t.Helper()
	program := find(t, "fake-gcs-server")
	host, port, address := freeAddress(t)
	c := &CloudServer{Address: address, Folder: t.TempDir()}
	buckets := 0
	c.newBucket = func() string {
		buckets++
		name := fmt.Sprintf("calotype%d", buckets)
		answer, err := http.Post("http://"+address+"/storage/v1/b?project=calotype", "application/json", strings.NewReader(`{"name":"`+name+`"}`))
		if err != nil {
			c.t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			c.t.Fatalf("to a new bucket it says %s", answer.Status)
		}
		return "gs://" + name
	}
	c.Server = start(t, syscall.SIGTERM, listens(address), func() *exec.Cmd {
		return exec.Command(program, "-scheme", "http", "-host", host, "-port", port, "-public-host", address, "-external-url", "http://"+address,
			"-backend", "filesystem", "-filesystem-root", c.Folder)
	})
	t.Setenv("STORAGE_EMULATOR_HOST", address)
	c.URL = c.newBucket()
	return c
}
