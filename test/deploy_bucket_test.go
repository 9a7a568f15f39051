//go:build deploy

package test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The bucket of the compose file is made on the S3 server that it starts, with the secrets that its script makes, once and again.
func TestDeployComposeBucket(t *testing.T) {
	server, err := filepath.Abs("../.build/servers/versitygw")
	if _, missing := os.Stat(server); err != nil || missing != nil {
		if server, err = exec.LookPath("versitygw"); err != nil {
			t.Skip("versitygw is not installed")
		}
	}
	folder := t.TempDir()
	for _, file := range []string{"secrets.sh", "compose.yaml"} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(read(t, "../deploy/"+file)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(filepath.Join(folder, "secrets.sh")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command(filepath.Join(folder, "secrets.sh")).CombinedOutput(); err == nil {
		t.Errorf("secrets that are there are made anew: %s", out)
	}
	objects := filepath.Join(folder, "objects")
	if err := os.Mkdir(objects, 0o700); err != nil {
		t.Fatal(err)
	}

	// here has a service of the compose file run on this machine.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	project := compose(t)
	here := func(service string, replace ...string) *exec.Cmd {
		s := project.Services[service]
		words := append([]string(s.Entrypoint), s.Command...)
		for i, word := range words {
			words[i] = strings.NewReplacer(append(replace, "/run/secrets", filepath.Join(folder, "secrets"))...).Replace(word)
		}
		command := exec.Command(words[0], words[1:]...)
		command.Env = os.Environ()
		for name, value := range s.Environment {
			command.Env = append(command.Env, name+"="+*value)
		}
		command.Env = append(command.Env, "VGW_PORT="+address, "ADMIN_ENDPOINT_URL=http://"+address)
		return command
	}
	gateway := here("s3", "/usr/local/bin/docker-entrypoint.sh", server+" posix "+objects)
	gateway.Stderr = t.Output()
	if err := gateway.Start(); err != nil {
		t.Fatal(err)
	}
	defer gateway.Wait()
	defer gateway.Process.Kill()
	health := "http://" + address + *project.Services["s3"].Environment["VGW_HEALTH"]
	for range 300 {
		if answer, err := http.Get(health); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, which := range []string{"first", "second"} {
		if out, err := here("bucket", "/usr/local/bin/versitygw", server).CombinedOutput(); err != nil {
			t.Errorf("the %s time: %v: %s", which, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(objects, "calotype")); err != nil {
		t.Error(err)
	}
	// Without the right key there is no bucket.
	keys := filepath.Join(folder, "secrets", "s3")
	if err := os.WriteFile(keys, []byte("[default]\naws_access_key_id = calotype\naws_secret_access_key = wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := here("bucket", "/usr/local/bin/versitygw", server).CombinedOutput(); err == nil {
		t.Errorf("with a wrong key: %s", out)
	}
}
