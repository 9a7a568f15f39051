package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

const secret = "a-secret-of-the-tests"

// The program does not start with options that cannot be meant, and says which, without telling a token.
func TestAccessOptions(t *testing.T) {
	f := func(want string, arguments ...string) {
		t.Helper()
		var said bytes.Buffer
		p, err := newParser(&commands{}, kong.Writers(&said, &said), kong.Exit(func(int) {}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Parse(arguments)
		if slices.Contains(arguments, "--help") {
			err = nil // the program has ended before
			if !strings.Contains(said.String(), "CALOTYPE_TOKEN") {
				t.Errorf("the help is %s", said.String())
			}
		}
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", arguments, err, want)
		}
		if err != nil {
			p.FatalIfErrorf(err)
		}
		for _, told := range []string{said.String(), errorText(err)} {
			for _, word := range []string{secret, "short-one", "ümläüte"} {
				if strings.Contains(told, word) {
					t.Errorf("%q is told: %s", arguments, told)
				}
			}
		}
	}
	f("", "--token", secret)
	f("", "--token="+secret+",another-token-of-the-tests", "--token", "0123456789abcdef")
	f("--token: token 1 has less than 16 characters", "--token", "short-one")
	f("--token: token 2 has less than 16 characters", "--token", secret+",short-one")
	f("", "--token=")
	f("--token: token 1 has other characters", "--token", "ümläüte sind keine zeichen")
	f("", "--open")
	f("--open lets everyone", "--open", "--token", secret)
	f("--open lets everyone", "--open", "--token-file", "x")
	f("", "--trusted=10.0.0.0/8,::1", "--trusted", "loopback", "--proxy-protocol")
	f(`--trusted: "10.0.0.0/8x" is neither`, "--trusted=10.0.0.0/8x")
	f("--proxy-protocol needs --trusted", "--proxy-protocol")
	f("", "serve", "--token", secret, "--help")
	t.Setenv("CALOTYPE_TOKEN", secret)
	f("")
	f("", "serve", "--help")
	f("--open lets everyone", "--open")
	f("--deadline", "--deadline=0s")
	t.Setenv("CALOTYPE_TOKEN", secret+",short-one")
	f("--token: token 2 has less than 16 characters")
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// At the start it is said what is open to whom.
func TestWhoMayIsSaid(t *testing.T) {
	f := func(listen string, c serveCommand, want ...string) {
		t.Helper()
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		a, err := c.access(t.Context(), listener, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		c.tellAccess(&out, a)
		for _, w := range append(want, "prints and originals:  everyone who reaches this address") {
			if !strings.Contains(out.String(), w) {
				t.Errorf("on %s it says\n%swithout %q", listen, out.String(), w)
			}
		}
		if strings.Contains(out.String(), secret) || strings.Contains(out.String(), "http://") {
			t.Errorf("on %s it says\n%s", listen, out.String())
		}
	}
	f("127.0.0.1:0", serveCommand{}, "delete:   this machine alone")
	f("[::1]:0", serveCommand{}, "delete:   this machine alone")
	f("127.0.0.1:0", serveCommand{Trusted: []string{"loopback"}}, "delete:   nobody; set --token")
	f("0.0.0.0:0", serveCommand{}, "delete:   nobody; set --token")
	f(":0", serveCommand{}, "delete:   nobody; set --token")
	f("127.0.0.1:0", serveCommand{Open: true}, "delete:   everyone")
	f("0.0.0.0:0", serveCommand{Open: true}, "delete:   everyone")
	f("127.0.0.1:0", serveCommand{Token: []string{secret}}, "delete:   whoever has a token (1 is good)")
	f("0.0.0.0:0", serveCommand{Token: []string{secret, secret + "2"}}, "delete:   whoever has a token (2 are good)")
	f("0.0.0.0:0", serveCommand{Trusted: []string{"10.0.0.0/8", "loopback"}}, "proxies in 10.0.0.0/8, loopback, by Forwarded or X-Forwarded-For")
	f("0.0.0.0:0", serveCommand{Trusted: []string{"10.0.0.0/8"}, ProxyProtocol: true}, "proxies in 10.0.0.0/8, by the PROXY protocol, Forwarded")
}

// Prints are limited where others may ask for them: by an address that they reach, or through a proxy.
func TestWhoIsLimited(t *testing.T) {
	f := func(listen string, limited bool, trusted ...string) {
		t.Helper()
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		c := serveCommand{PrintsPerHour: 10, Trusted: trusted}
		if got := c.printsPerHour(listener) > 0; got != limited {
			t.Errorf("%s with %q: limited %v", listen, trusted, got)
		}
	}
	f("127.0.0.1:0", false)
	f("127.0.0.1:0", true, "loopback")
	f("0.0.0.0:0", true)
}

// Tokens change while the program runs, and are nowhere in what it says.
func TestTokensOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("short-one\n")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c := serveCommand{TokenFile: file}
	if _, err := c.access(t.Context(), listener, nil); err == nil || strings.Contains(err.Error(), "short-one") {
		t.Errorf("it starts with a short token: %v", err)
	}
	c.TokenFile = file + "-that-is-none"
	if _, err := c.access(t.Context(), listener, nil); err == nil {
		t.Error("it starts without its file")
	}

	write(secret)
	s := start(t, func(c *serveCommand) { c.TokenFile = file })
	f := func(token string) int {
		t.Helper()
		status, _, _ := s.get("/download", "Authorization", "Bearer "+token)
		return status
	}
	if f(secret) != 200 || f(secret+"2") != 401 {
		t.Fatal("the token of the file is not the one that is good")
	}
	write(secret + "2")
	for end := time.Now().Add(10 * tokenFileEvery); f(secret+"2") != 200 || f(secret) != 401; time.Sleep(tokenFileEvery / 10) {
		if time.Now().After(end) {
			t.Fatal("the token has not changed with its file")
		}
	}
}

// The built program with a token: what it says, what a worker knows, what the private listener tells.
func TestTokenIsNowhere(t *testing.T) {
	binary, public, private := program(t), freePort(t), freePort(t)
	command := exec.Command(binary, "--listen", public, "--admin-listen", private, "--data", t.TempDir(), "--token", secret)
	command.Env = append(os.Environ(), "CALOTYPE_TOKEN="+secret)
	var said, answered bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Process.Kill()
	s := &service{t: t, url: "http://" + public}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get("http://" + private + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatal("it does not start")
		}
	}
	for _, authorization := range []string{"", "Bearer " + secret, "Bearer wrong-" + secret, secret} {
		request, err := http.NewRequest("POST", s.url+"/upload-image", bytes.NewReader(onePixel(t)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", authorization)
		status, _, body := s.do(request)
		if want := map[bool]int{true: 201, false: 401}[authorization == "Bearer "+secret]; status != want {
			t.Errorf("%q is answered %d", authorization, status)
		}
		answered.Write(body)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2", "/"} {
		answer, err := http.Get("http://" + private + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || bytes.Contains(body, []byte(secret)) {
			t.Errorf("%s: %v, %.300q", path, err, body)
		}
	}
	workers := 0
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range environments {
		folder := filepath.Dir(file)
		id, _ := strconv.Atoi(filepath.Base(folder))
		if program, _ := os.Readlink(folder + "/exe"); program != binary || id == command.Process.Pid || id == os.Getpid() {
			continue
		}
		workers++
		for _, what := range []string{"environ", "cmdline"} {
			if text, _ := os.ReadFile(filepath.Join(folder, what)); bytes.Contains(text, []byte(secret)) {
				t.Errorf("a worker has it in its %s", what)
			}
		}
	}
	if _, err := os.Stat("/proc/self/exe"); err == nil && workers == 0 {
		t.Error("no worker was looked at")
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if strings.Contains(said.String()+answered.String(), secret) || !strings.Contains(said.String(), "whoever has a token") {
		t.Errorf("it says %s", said.String())
	}
}
