//go:build deploy

package test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose reads deploy/compose.yaml as docker compose does: by its schema, with what is merged and what depends on what.
func compose(t *testing.T) *types.Project {
	t.Helper()
	ctx := context.Background()
	options, err := cli.NewProjectOptions([]string{filepath.Join("..", "deploy", "compose.yaml")}, cli.WithoutEnvironmentResolution)
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// The Calotypes of the compose file are set by options that there are, listen where the others look for them, and write to their volume alone.
func TestDeployCompose(t *testing.T) {
	project := compose(t)
	usual := serveOptions(t)
	var calotypes []types.ServiceConfig
	for _, s := range project.Services {
		if strings.HasPrefix(s.Name, "calotype-") {
			calotypes = append(calotypes, s)
		}
	}
	if len(calotypes) != 3 {
		t.Fatalf("there are %d Calotypes", len(calotypes))
	}
	addresses := map[string]bool{}
	for _, s := range calotypes {
		environment := map[string]string{}
		for name, value := range s.Environment {
			environment[name] = *value
		}
		options := settle(t, usual, environment)
		for _, must := range []string{"CALOTYPE_BLOBS", "CALOTYPE_INDEX", "CALOTYPE_TOKEN_FILE", "CALOTYPE_TRUSTED"} {
			if environment[must] == "" {
				t.Errorf("%s: %s is not set", s.Name, must)
			}
		}
		if wait := seconds(t, options["CALOTYPE_DRAIN_WAIT"]) + seconds(t, options["CALOTYPE_SHUTDOWN_WAIT"]); time.Duration(*s.StopGracePeriod) <= wait {
			t.Errorf("%s is killed after %v and may take %v to stop", s.Name, s.StopGracePeriod, wait)
		}
		if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") || len(s.Volumes) != 1 || s.Volumes[0].Target != imageOption(t, "CALOTYPE_DATA") {
			t.Errorf("%s may write to more than its volume: %v", s.Name, s.Volumes)
		}
		for _, file := range []string{"CALOTYPE_TOKEN_FILE", "PGPASSFILE", "AWS_SHARED_CREDENTIALS_FILE"} {
			if name := strings.TrimPrefix(environment[file], "/run/secrets/"); !slices.ContainsFunc(s.Secrets, func(c types.ServiceSecretConfig) bool { return c.Source == name }) {
				t.Errorf("%s: %s names %s, which is no secret of it", s.Name, file, environment[file])
			}
		}
		addresses[s.Networks["default"].Ipv4Address] = true
	}
	// nginx and the Calotypes know each other by address.
	conf := read(t, "../deploy/nginx/many.conf")
	for address := range addresses {
		if _, port, _ := strings.Cut(imageOption(t, "CALOTYPE_LISTEN"), ":"); !strings.Contains(conf, "server "+address+":"+port) {
			t.Errorf("nginx's file has no server %s", address)
		}
	}
	nginx := project.Services["nginx"]
	if trusted := *calotypes[0].Environment["CALOTYPE_TRUSTED"]; trusted != nginx.Networks["default"].Ipv4Address+"/32" {
		t.Errorf("%s is trusted, and nginx is %s", trusted, nginx.Networks["default"].Ipv4Address)
	}
	if len(nginx.Ports) != 1 || !strings.Contains(conf, "listen "+"8081") || nginx.Ports[0].Target != 8081 {
		t.Errorf("nginx's file listens elsewhere than at %v", nginx.Ports)
	}
	// What a secret is read from is made by the script.
	made := read(t, "../deploy/secrets.sh")
	for name, secret := range project.Secrets {
		if file := "secrets/" + filepath.Base(secret.File); !strings.Contains(made, ">"+file) || !strings.HasSuffix(secret.File, file) {
			t.Errorf("nothing makes the secret %s in %s", name, secret.File)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
