package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"calotype/handler/signing"
)

// calotype sign prints what a server with the same keys takes, and says what is wrong without telling a key.
func TestSignCommand(t *testing.T) {
	const key = "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	const path = "/download/01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f/resize:640.webp"
	keys, err := signing.ParseKeys([]string{key})
	if err != nil {
		t.Fatal(err)
	}
	run := func(arguments ...string) (string, string, error) {
		command := exec.Command(program(t), append([]string{"sign"}, arguments...)...)
		command.Env = append(os.Environ(), "CALOTYPE_SIGN_KEYS="+key)
		var out, told bytes.Buffer
		command.Stdout, command.Stderr = &out, &told
		err := command.Run()
		return out.String(), told.String(), err
	}
	good := func(after string, life time.Duration, arguments ...string) {
		t.Helper()
		out, told, err := run(arguments...)
		if err != nil {
			t.Errorf("%v: %v %s", arguments, err, told)
			return
		}
		for line := range strings.Lines(out) {
			permit, err := keys.Verify(nil, []byte(strings.TrimSpace(line)+after), time.Now())
			if err != nil {
				t.Errorf("%v: %s: %v", arguments, line, err)
			}
			if left := permit.Expires - time.Now().Unix(); life == 0 && permit.Expires != 0 || life > 0 && (left < int64(life/time.Second)-60 || left > 2*int64(life/time.Second)) {
				t.Errorf("%v: ends in %d s", arguments, left)
			}
		}
		if lines := strings.Count(out, "\n"); lines != strings.Count(strings.Join(arguments, " "), "/download/") {
			t.Errorf("%v: %d lines", arguments, lines)
		}
	}
	good("", 0, path)
	good("", 0, path, path)
	good("", 25*time.Hour, "--life", "25h", path)
	good("", time.Hour, "--life=1h", path)
	good("/resize:640.webp", 0, "--grant", "w1600s80_webp", strings.TrimSuffix(path, "/resize:640.webp"))
	bad := func(want string, arguments ...string) {
		t.Helper()
		out, told, err := run(arguments...)
		if err == nil || strings.Contains(out, "/~") || !strings.Contains(told, want) || strings.Contains(told, "1a1b1c") {
			t.Errorf("%v: %v, %q, want %q\n%s", arguments, err, out, want, told)
		}
	}
	bad("only addresses below", "/images/x")
	bad("a grant is written as", "--grant", "1600", "/download/x")
	bad("--life must be", "--life=-1s", path)
	bad("--sign-keys: key 1", "--sign-keys", key[:20], path)
	bad("expected", "--life=1h")
}

// The server asks for what its options say, and does not start where nobody could have a print.
func TestSignOptions(t *testing.T) {
	const key = "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	refused := func(want string, arguments ...string) {
		t.Helper()
		var c commands
		p, err := newParser(&c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Parse(append([]string{"serve"}, arguments...)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "1a1b1c") {
			t.Errorf("%v: %v, want %s", arguments, err, want)
		}
	}
	refused("--sign=all needs --sign-keys", "--sign=all")
	refused("--sign=transforms needs --sign-keys", "--sign=transforms")
	refused("--sign-keys: key 1", "--sign=all", "--sign-keys", key[:20])
	refused("--sign-keys: key 2", "--sign-keys", key+","+key)
	refused("must be one of", "--sign=some", "--sign-keys", key)

	s := start(t, func(c *serveCommand) { c.Sign, c.SignKeys = "transforms", []string{key} })
	_, id := s.post(read(t, "docs/samples/landscape.jpg"))
	path := "/download/" + id + "/resize:40.webp"
	var signed bytes.Buffer
	command := signCommand{SignKeys: []string{key}, Path: []string{path}}
	if err := command.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := command.sign(time.Now(), &signed); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]int{"/download/" + id: 200, path: 403, strings.TrimSpace(signed.String()): 200} {
		if status, _, _ := s.get(target); status != want {
			t.Errorf("%s: %d, want %d", target, status, want)
		}
	}
}
