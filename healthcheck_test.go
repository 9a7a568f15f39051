package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// healthcheck runs the command with its options and returns what it says.
func healthcheck(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var c commands
	p, err := newParser(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse(append([]string{"healthcheck"}, arguments...)); err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = c.Healthcheck.ask(context.Background(), &out)
	return out.String(), err
}

// A server that is well is asked where the environment says that it listens, and one that has ended is not well.
func TestHealthcheck(t *testing.T) {
	address := freePort(t)
	s := start(t, func(c *serveCommand) { c.AdminListen = address })
	t.Setenv("CALOTYPE_ADMIN_LISTEN", address)
	if said, err := healthcheck(t); err != nil || !strings.Contains(said, "store: ok") || !strings.Contains(said, "worker: ok") {
		t.Errorf("a server that is well: %q, %v", said, err)
	}
	if said, err := healthcheck(t, "--live"); err != nil || said != "ok\n" {
		t.Errorf("--live: %q, %v", said, err)
	}
	_, port, _ := net.SplitHostPort(address)
	if said, err := healthcheck(t, "--admin-listen", "0.0.0.0:"+port); err != nil || said == "" {
		t.Errorf("all interfaces: %q, %v", said, err)
	}
	s.close()
	if said, err := healthcheck(t); err == nil || said != "" {
		t.Errorf("a server that has ended: %q, %v", said, err)
	}
}

// What is amiss is said in one line; whoever else listens there does not pass for a server that is well.
func TestHealthcheckSaysWhatIsAmiss(t *testing.T) {
	release := make(chan struct{})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/readyz":
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, "store: read-only file system\nworker: ok\n")
		case "/livez":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	}))
	defer other.Close()
	defer close(release)
	at := "--admin-listen=" + strings.TrimPrefix(other.URL, "http://")
	if _, err := healthcheck(t, at); err == nil || !strings.Contains(err.Error(), "503 Service Unavailable: store: read-only file system; worker: ok") {
		t.Errorf("a server that cannot write: %v", err)
	}
	began := time.Now()
	if _, err := healthcheck(t, at, "--live", "--timeout=100ms"); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("a server that does not answer: %v after %v", err, time.Since(began))
	}
	elsewhere := httptest.NewServer(http.RedirectHandler("http://"+freePort(t)+"/", http.StatusFound))
	defer elsewhere.Close()
	if _, err := healthcheck(t, "--admin-listen="+strings.TrimPrefix(elsewhere.URL, "http://")); err == nil || !strings.Contains(err.Error(), "302 Found") {
		t.Errorf("a program that sends elsewhere: %v", err)
	}
	for _, wrong := range []string{"--admin-listen=off", "--admin-listen=9090", "--timeout=0s"} {
		if _, err := healthcheck(t, wrong); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

func TestOnThisMachine(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9090":     "127.0.0.1:9090",
		"0.0.0.0:9090":       "127.0.0.1:9090",
		":9090":              "127.0.0.1:9090",
		"[::]:9090":          "127.0.0.1:9090",
		"10.0.0.7:80":        "10.0.0.7:80",
		"calotype.test:9090": "calotype.test:9090",
	} {
		if got, err := onThisMachine(listen); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", listen, got, err, want)
		}
	}
}

// Without any option the question goes where serve listens without any option.
func TestHealthcheckKnowsTheUsualAddress(t *testing.T) {
	p, err := newParser(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, node := range p.Model.Children {
		for _, f := range node.Flags {
			if f.Name == "admin-listen" {
				found[node.Name] = f.Default + " " + strings.Join(f.Envs, " ")
			}
		}
	}
	if want := usualAdminListen + " CALOTYPE_ADMIN_LISTEN"; found["serve"] != want || found["healthcheck"] != want {
		t.Errorf("admin-listen is %v", found)
	}
}
