//go:build deploy

package test

import (
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// serveOptions are the variables of the options of serve, with their defaults: from the table that is made from the program's declaration.
func serveOptions(t *testing.T) map[string]string {
	t.Helper()
	options := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `--[a-z-]+` \\| `(CALOTYPE_[A-Z_]+)` \\| `([^`]*)` \\|").FindAllStringSubmatch(read(t, "../README.md"), -1) {
		options[row[1]] = row[2]
	}
	if options["CALOTYPE_LISTEN"] == "" {
		t.Fatal("the README has no table of options")
	}
	return options
}

// knows tells whether a command of the program has an option of that variable.
func knows(t *testing.T, command, variable string) bool {
	t.Helper()
	help, err := exec.Command(binary(t), command, "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("there is no calotype %s: %v", command, err)
	}
	return strings.Contains(string(help), "$"+variable+")") || strings.Contains(string(help), "$"+variable+",")
}

// imageOption is what the Dockerfile sets a variable to.
func imageOption(t *testing.T, variable string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^(?:ENV)?\s+` + variable + `=(\S+)`).FindStringSubmatch(read(t, "../Dockerfile"))
	if found == nil {
		t.Fatalf("the Dockerfile does not set %s", variable)
	}
	return found[1]
}

// settle lays what a container's environment sets over the defaults, and finds options that there are not.
func settle(t *testing.T, usual, environment map[string]string) map[string]string {
	t.Helper()
	options := map[string]string{}
	for variable, preset := range usual {
		options[variable] = preset
	}
	for variable, value := range environment {
		if _, known := usual[variable]; strings.HasPrefix(variable, "CALOTYPE_") && !known {
			t.Errorf("there is no option for %s", variable)
		}
		options[variable] = value
	}
	return options
}

func seconds(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// userOfImage is the user that the Dockerfile names.
func userOfImage(t *testing.T) int64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^USER (\d+):\d+$`).FindStringSubmatch(read(t, "../Dockerfile"))
	if found == nil {
		t.Fatal("the Dockerfile names no user by number")
	}
	id, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// status asks for an address and returns the status of the answer. A server that has much else to do is asked again for a while, if it says
// that it is not ready.
func status(t *testing.T, address string) int {
	t.Helper()
	for tries := 1; ; tries++ {
		answer, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable || tries == 120 {
			return answer.StatusCode
		}
		time.Sleep(500 * time.Millisecond)
	}
}
