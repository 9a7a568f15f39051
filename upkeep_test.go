package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"calotype/store"
)

// fillFolder returns a folder with originals, and the store of a server that has it open.
func fillFolder(t *testing.T, contents ...string) (storage, *store.Store, []store.Original) {
	t.Helper()
	data := storage{Data: t.TempDir()}
	s, err := data.open(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var all []store.Original
	for _, c := range contents {
		sp, err := s.Spool()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sp.Write([]byte(c)); err != nil {
			t.Fatal(err)
		}
		o, err := s.Add(context.Background(), sp, store.Original{Format: "png"}, store.Usage{})
		if err != nil {
			t.Fatal(err)
		}
		sp.Discard()
		all = append(all, o)
	}
	return data, s, all
}

func (s storage) blob(o store.Original) string {
	name := o.Digest.String()
	return filepath.Join(s.Data, "blobs", name[:2], name[2:4], name)
}

func TestScrubBesideAServer(t *testing.T) {
	data, _, all := fillFolder(t, "one", "two", "three", "two")
	scrub := func(want ...string) error {
		t.Helper()
		var out, told bytes.Buffer
		err := (&scrubCommand{storage: data}).Run(t.Context(), outputs{&out, &told})
		if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != len(want) {
			t.Errorf("it says\n%s", out.String())
		} else {
			for i, w := range want {
				if !strings.Contains(lines[i], w) {
					t.Errorf("it says %q, want %q", lines[i], w)
				}
			}
		}
		return err
	}
	if err := scrub("3 files read (11 B), 0 damaged"); err != nil {
		t.Error(err)
	}
	path := data.blob(all[1])
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("tvo"), 0); err != nil {
		t.Fatal(err)
	}
	ids := all[1].ID.String() + " " + all[3].ID.String()
	if err := scrub("damaged ["+ids+"]", "3 files read (11 B), 1 damaged"); err == nil || !strings.Contains(err.Error(), "1 file is damaged") {
		t.Errorf("got %v", err)
	}
	if err := scrub("damaged ["+ids+"]", "2 files read (8 B), 1 damaged"); err == nil {
		t.Error("what is missing is no error")
	}
}

func TestGCBesideAServer(t *testing.T) {
	data, s, all := fillFolder(t, "one", "two", "three")
	orphan := data.blob(store.Original{Digest: store.Digest{0xab, 0xcd}})
	if err := os.MkdirAll(filepath.Dir(orphan), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(orphan, []byte("left"), 0o400); err != nil {
		t.Fatal(err)
	}
	gc := func(c gcCommand, want string, left bool) {
		t.Helper()
		c.storage = data
		var out, told bytes.Buffer
		if err := c.Run(t.Context(), outputs{&out, &told}); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("it says %q, %v, want %q", out.String(), err, want)
		}
		if _, err := os.Stat(orphan); (err == nil) != left {
			t.Errorf("the orphan: %v", err)
		}
	}
	gc(gcCommand{Grace: 1 << 50}, "0 files deleted (0 B)\n1 file left alone", true)
	gc(gcCommand{DryRun: true}, "abcd0000", true)
	gc(gcCommand{DryRun: true}, "1 file to be deleted (4 B)", true)
	gc(gcCommand{}, "1 file deleted (4 B)", false)
	gc(gcCommand{}, "0 files deleted", false)
	for _, o := range all {
		f, err := s.Open(t.Context(), o)
		if err != nil {
			t.Error(err)
			continue
		}
		f.Close()
	}
}
