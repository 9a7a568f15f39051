package remote

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// localKeeper opens a keeper with a root, which has a folder photos in it.
func localKeeper(t *testing.T, clock *testClock) (*Keeper, string) {
	t.Helper()
	options := keeperOptions(t)
	options.Root = t.TempDir()
	if err := os.Mkdir(filepath.Join(options.Root, "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	return open(t, options, clock), options.Root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFilesBelowTheRoot(t *testing.T) {
	var clock testClock
	k, root := localKeeper(t, &clock)
	path := filepath.Join(root, "photos", "a b.png")
	write(t, path, picture("1"))
	w := wanted(t, "local:///photos/a%20b.png", "local:///photos/")
	first := mustGet(t, k, w, picture("1"))
	if first.Name != "a b.png" {
		t.Errorf("it is named %q", first.Name)
	}
	if second := mustGet(t, k, w, picture("1")); second.Digest != first.Digest {
		t.Error("it has become another")
	}
	write(t, path, picture("22"))
	mustGet(t, k, w, picture("22"))
	// The same length, soon after.
	write(t, path, picture("33"))
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	mustGet(t, k, w, picture("33"))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustFail(t, k, w, ErrMissing)
}

func TestFilesThatAreNotForEveryone(t *testing.T) {
	var clock testClock
	k, root := localKeeper(t, &clock)
	outside := filepath.Join(t.TempDir(), "secret.png")
	write(t, outside, picture("secret"))
	write(t, filepath.Join(root, "top.png"), picture("top"))
	for name, make := range map[string]func(path string) error{
		"link-out.png": func(path string) error { return os.Symlink(outside, path) },
		"link-relative.png": func(path string) error {
			return os.Symlink("../../"+filepath.Base(filepath.Dir(outside))+"/secret.png", path)
		},
		"link-folder": func(path string) error { return os.Symlink(filepath.Dir(outside), path) },
		"pipe.png":    func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder.png":  func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		if err := make(filepath.Join(root, "photos", name)); err != nil {
			t.Fatal(err)
		}
		address := "local:///photos/" + name
		if name == "link-folder" {
			address += "/secret.png"
		}
		mustFail(t, k, wanted(t, address, "local:///"), ErrNotAllowed)
	}
	// A link that stays inside is one.
	if err := os.Symlink("../top.png", filepath.Join(root, "photos", "inside.png")); err != nil {
		t.Fatal(err)
	}
	mustGet(t, k, wanted(t, "local:///photos/inside.png", "local:///"), picture("top"))
	mustFail(t, k, wanted(t, "local:///top.png", "local:///photos/"), ErrNotAllowed)
	mustFail(t, k, wanted(t, "local:///photos/none.png", "local:///photos/"), ErrMissing)
	mustFail(t, k, wanted(t, "local:///top.png/below.png", "local:///"), ErrMissing)
	mustFail(t, k, wanted(t, "local:///"+strings.Repeat("a", 300), "local:///"), ErrMissing)
	if _, err := ParseSource("local:///photos/../../etc/passwd"); !errors.Is(err, ErrSource) {
		t.Errorf("got error %v", err)
	}
}

func TestFilesHaveTheSameBounds(t *testing.T) {
	var clock testClock
	k, root := localKeeper(t, &clock)
	write(t, filepath.Join(root, "large.png"), picture(strings.Repeat("x", 2<<20)))
	mustFail(t, k, wanted(t, "local:///large.png", "local:///"), ErrTooLarge)
	write(t, filepath.Join(root, "page.png"), "<html>")
	mustFail(t, k, wanted(t, "local:///page.png", "local:///"), ErrUnusable)
	none := open(t, keeperOptions(t), &clock)
	mustFail(t, none, wanted(t, "local:///a.png", "local:///"), ErrNotAllowed)
}
