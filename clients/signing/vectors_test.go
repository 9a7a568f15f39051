package signing

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const vectorsFile = "../../docs/signing/vectors.json"

type vector struct {
	Name, Key, Path, Grant, Signed string
	Expires, Now, Life             int64
}

func readVectors(t *testing.T) (v struct{ Sign, Refused, Expiry []vector }) {
	t.Helper()
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Sign) == 0 || len(v.Refused) == 0 || len(v.Expiry) == 0 {
		t.Fatalf("%s has %d, %d and %d vectors", vectorsFile, len(v.Sign), len(v.Refused), len(v.Expiry))
	}
	return v
}

func TestGo(t *testing.T) {
	vectors := readVectors(t)
	for _, v := range vectors.Sign {
		if got, err := Sign(v.Key, v.Path, v.Expires, v.Grant); got != v.Signed {
			t.Errorf("%s: %s %v, want %s", v.Name, got, err, v.Signed)
		}
	}
	for _, v := range vectors.Refused {
		if got, err := Sign(v.Key, v.Path, 0, ""); err == nil {
			t.Errorf("%s: %s", v.Name, got)
		}
	}
	for _, v := range vectors.Expiry {
		if got := Expiry(time.Unix(v.Now, 0), time.Duration(v.Life)*time.Second); got != v.Expires {
			t.Errorf("%s: %d, want %d", v.Name, got, v.Expires)
		}
	}
}

// The libraries in other languages sign as this one does.
func TestOtherLanguages(t *testing.T) {
	vectors := readVectors(t)
	all := fmt.Sprintf("%d vectors", len(vectors.Sign)+len(vectors.Refused)+len(vectors.Expiry))
	for _, l := range []struct{ name, interpreter, script string }{
		{"JavaScript", "node", "testdata/vectors.mjs"},
		{"Python", "python3", "testdata/vectors.py"},
		{"PHP", "php", "testdata/vectors.php"},
		{"Ruby", "ruby", "testdata/vectors.rb"},
	} {
		t.Run(l.name, func(t *testing.T) {
			for _, pattern := range []string{l.script, "calotype_signing.*"} { // which tells go test when its cached result is out of date
				files, _ := filepath.Glob(pattern)
				for _, file := range files {
					if _, err := os.ReadFile(file); err != nil {
						t.Fatal(err)
					}
				}
			}
			path, err := exec.LookPath(l.interpreter)
			if err != nil {
				t.Skipf("NOTICE: %s is not installed; make interpreters installs it", l.interpreter)
			}
			out, err := exec.Command(path, l.script, vectorsFile).CombinedOutput()
			if got := strings.TrimSpace(string(out)); err != nil || got != all {
				t.Errorf("%v, want %s:\n%s", err, all, got)
			}
		})
	}
}
