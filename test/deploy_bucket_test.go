//go:build deploy

package test

import (
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"calotype/store/storetest/servers"
)

// The bucket of the compose file is made on the S3 server that it starts, with the secrets that its script makes, once and again; and a Calotype
// of it takes uploads.
func TestDeployComposeRuns(t *testing.T) {
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
	t.Run("Calotype", func(t *testing.T) { composeCalotype(t, project, folder, address) })
	// Without the right key there is no bucket.
	keys := filepath.Join(folder, "secrets", "s3")
	if err := os.WriteFile(keys, []byte("[default]\naws_access_key_id = calotype\naws_secret_access_key = wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := here("bucket", "/usr/local/bin/versitygw", server).CombinedOutput(); err == nil {
		t.Errorf("with a wrong key: %s", out)
	}
}

// composeCalotype starts one of the compose file's Calotypes as it is set there, but for where the others listen, and uploads an image to it.
func composeCalotype(t *testing.T, project *types.Project, folder, s3 string) {
	database := servers.Postgres(t)
	for name, value := range project.Services["calotype-1"].Environment {
		setting := strings.NewReplacer("http://s3:7070", "http://"+s3, "/run/secrets", filepath.Join(folder, "secrets")).Replace(*value)
		if name == "CALOTYPE_INDEX" {
			setting = database.URL
		}
		t.Setenv(name, setting)
	}
	t.Setenv("HOME", t.TempDir()) // there are no other keys
	running := start(t)
	upload := func(token string) (int, string) {
		photo, err := os.Open(sample(t, "landscape.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		defer photo.Close()
		request, err := http.NewRequest(http.MethodPost, "http://"+running.address+"/upload-image", photo)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
	if status, _ := upload("another-token-of-its-own"); status != http.StatusUnauthorized {
		t.Errorf("another token: %d", status)
	}
	if status, body := upload(strings.TrimSpace(read(t, filepath.Join(folder, "secrets", "token")))); status != http.StatusCreated {
		t.Errorf("an upload is answered %d: %s", status, body)
	}
	kept := 0
	filepath.WalkDir(filepath.Join(folder, "objects", "calotype"), func(_ string, entry fs.DirEntry, err error) error {
		if info, _ := entry.Info(); err == nil && info != nil && info.Mode().IsRegular() && info.Size() > 20_000 {
			kept++
		}
		return nil
	})
	if kept != 1 {
		t.Errorf("%d originals are in the bucket", kept)
	}
}
