package servers

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// S3 starts a Versity S3 Gateway over a folder: what is in a bucket are files.
func S3(t testing.TB) *CloudServer {
	t.Helper()
	const key, secret, region = "calotype", "negative-and-print", "us-east-1"
	program := find(t, "versitygw")
	_, _, address := freeAddress(t)
	c := &CloudServer{Address: address, Folder: t.TempDir()}
	buckets := 0
	c.newBucket = func() string {
		buckets++
		name := fmt.Sprintf("calotype%d", buckets)
		if err := os.Mkdir(filepath.Join(c.Folder, name), 0o700); err != nil {
			c.t.Fatal(err)
		}
		return "s3://" + name + "?" + url.Values{"endpoint": {"http://" + address}, "region": {region}}.Encode()
	}
	c.Server = start(t, syscall.SIGTERM, listens(address), func() *exec.Cmd {
		command := exec.Command(program, "--port", address, "--region", region, "posix", c.Folder)
		command.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+key, "ROOT_SECRET_KEY="+secret)
		return command
	})
	t.Setenv("AWS_ACCESS_KEY_ID", key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	c.URL = c.newBucket()
	return c
}
