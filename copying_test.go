package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"calotype/store"
)

// calotype runs a command line in this process and returns what it says on both outputs.
func calotype(t *testing.T, arguments ...string) (out, told string, err error) {
	t.Helper()
	return calotypeUntil(t.Context(), t, arguments...)
}

// calotypeUntil runs a command line until ctx ends, as it does when somebody stops it.
func calotypeUntil(ctx context.Context, t *testing.T, arguments ...string) (out, told string, err error) {
	t.Helper()
	var c commands
	p, err := newParser(&c)
	if err != nil {
		t.Fatal(err)
	}
	command, err := p.Parse(arguments)
	if err != nil {
		return "", "", err
	}
	var both [2]bytes.Buffer
	command.BindTo(ctx, (*context.Context)(nil))
	command.Bind(outputs{&both[0], &both[1]})
	err = command.Run()
	return both[0].String(), both[1].String(), err
}

// A backup of a server that serves is a folder that can be served from.
func TestBackupAndRestore(t *testing.T) {
	s := start(t, nil)
	photo := read(t, "docs/samples/landscape.jpg")
	_, kept := s.post(photo)
	_, equal := s.post(photo)
	_, deleted := s.post(onePixel(t))
	remove(t, s, deleted)

	backup := filepath.Join(t.TempDir(), "backup")
	out, _, err := calotype(t, "backup", backup, "--data", s.options.Data)
	if want := "2 images copied from " + s.options.Data + " to " + backup + " ("; err != nil || !strings.HasPrefix(out, want) {
		t.Errorf("the first backup says %q, %v; want %q", out, err, want)
	}
	remove(t, s, equal)
	_, late := s.post(onePixel(t))
	out, _, err = calotype(t, "backup", backup, "--data", s.options.Data)
	if err != nil || !strings.HasPrefix(out, "1 image copied") || !strings.Contains(out, "\n1 there already\n") || !strings.Contains(out, "\n1 removed") {
		t.Errorf("the second backup says %q, %v", out, err)
	}
	s.close()

	restored := filepath.Join(t.TempDir(), "deep", "restored")
	if out, _, err := calotype(t, "restore", backup, "--data", restored, "--verify"); err != nil || !strings.HasPrefix(out, "2 images copied") {
		t.Errorf("restore says %q, %v", out, err)
	}
	for _, folder := range []string{backup, restored} {
		s := start(t, func(c *serveCommand) { c.Data = folder })
		for id, want := range map[string]int{kept: http.StatusOK, late: http.StatusOK, equal: http.StatusGone, deleted: http.StatusGone} {
			if status, _, body := s.get("/download/" + id); status != want || id == kept && !bytes.Equal(body, photo) {
				t.Errorf("%s from %s: %d, want %d", id, folder, status, want)
			}
		}
		s.close()
	}
}

func remove(t *testing.T, s *service, id string) {
	t.Helper()
	request, err := http.NewRequest("DELETE", s.url+"/images/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.do(request); status != http.StatusNoContent {
		t.Fatalf("DELETE: %d %s", status, body)
	}
}

// What is damaged in a backup is named, the rest comes, and the command fails.
func TestBackupOfADamagedImage(t *testing.T) {
	s := start(t, nil)
	photo := read(t, "docs/samples/landscape.jpg")
	_, good := s.post(onePixel(t))
	_, bad := s.post(photo)
	s.close()
	spoil(t, s.options.Data, len(photo))
	backup := filepath.Join(t.TempDir(), "backup")
	out, told, err := calotype(t, "backup", backup, "--data", s.options.Data)
	if err == nil || err.Error() != "1 image is damaged in "+s.options.Data+", and could not be copied" {
		t.Errorf("the error is %v", err)
	}
	if !strings.HasPrefix(out, "1 image copied") || !strings.Contains(told, "original "+bad+": ") || !strings.Contains(told, ": damaged: ") {
		t.Errorf("it says %q and %q", out, told)
	}
	s = start(t, func(c *serveCommand) { c.Data = backup })
	if status, _, _ := s.get("/download/" + good); status != http.StatusOK {
		t.Errorf("the good one is %d", status)
	}
}

// A restore beside a running server mends what is damaged there.
func TestRestoreMends(t *testing.T) {
	s := start(t, nil)
	photo := read(t, "docs/samples/landscape.jpg")
	_, id := s.post(photo)
	backup := filepath.Join(t.TempDir(), "backup")
	if _, _, err := calotype(t, "backup", backup, "--data", s.options.Data); err != nil {
		t.Fatal(err)
	}
	_, later := s.post(onePixel(t))
	spoil(t, s.options.Data, len(photo))
	if _, _, err := calotype(t, "restore", backup, "--data", s.options.Data); err == nil || !strings.Contains(err.Error(), later) || !strings.Contains(err.Error(), "--merge") {
		t.Errorf("a store with other images is restored to: %v", err)
	}
	out, _, err := calotype(t, "restore", backup, "--data", s.options.Data, "--merge", "--verify")
	if err != nil || !strings.Contains(out, "\n1 mended") {
		t.Errorf("restore says %q, %v", out, err)
	}
	for id, want := range map[string][]byte{id: photo, later: onePixel(t)} {
		if status, _, body := s.get("/download/" + id); status != http.StatusOK || !bytes.Equal(body, want) {
			t.Errorf("%s is %d, %d bytes", id, status, len(body))
		}
	}
}

var backupLoad = flag.Duration("backup-load", 2*time.Second, "how long images are uploaded before a backup begins, and while it is made")

// While 50 images a second are uploaded a backup is made, and restored where there is nothing: all that were acknowledged before it began
// are there, byte for byte.
func TestBackupUnderUploads(t *testing.T) {
	s := start(t, nil)
	var mu sync.Mutex
	uploaded := map[string][]byte{}
	ctx, stop := context.WithCancel(t.Context())
	var uploads sync.WaitGroup
	uploads.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			uploads.Go(func() {
				picture := pixel(t, n)
				if status, id := s.post(picture); status == http.StatusCreated {
					mu.Lock()
					uploaded[id] = picture
					mu.Unlock()
				}
			})
			<-tick.C
		}
	})
	time.Sleep(*backupLoad)
	mu.Lock()
	before := maps.Clone(uploaded)
	mu.Unlock()
	backup, restored := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")
	for end := time.Now().Add(*backupLoad); ; { // more than one where a backup is quick
		out, told, err := calotype(t, "backup", backup, "--data", s.options.Data)
		if err != nil {
			t.Errorf("backup says %q and %q, %v", out, told, err)
		}
		if time.Now().After(end) {
			break
		}
	}
	stop()
	uploads.Wait()
	s.close()
	if len(before) < 20 || len(uploaded) <= len(before) {
		t.Errorf("%d images were uploaded before, %d in all", len(before), len(uploaded))
	}
	if _, _, err := calotype(t, "restore", backup, "--data", restored); err != nil {
		t.Fatal(err)
	}
	s = start(t, func(c *serveCommand) { c.Data = restored })
	for id, picture := range before {
		if status, _, body := s.get("/download/" + id); status != http.StatusOK || !bytes.Equal(body, picture) {
			t.Errorf("%s is %d, %d bytes", id, status, len(body))
		}
	}
	t.Logf("%d images before the backup, %d in all", len(before), len(uploaded))
}

// Who stops a backup is told that nothing is lost by it.
func TestBackupThatIsStopped(t *testing.T) {
	s := start(t, nil)
	s.post(onePixel(t))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	backup := filepath.Join(t.TempDir(), "backup")
	if _, _, err := calotypeUntil(ctx, t, "backup", backup, "--data", s.options.Data); err == nil || err.Error() != "stopped; the same command goes on from there" {
		t.Errorf("it says %v", err)
	}
	if out, _, err := calotype(t, "backup", backup, "--data", s.options.Data); err != nil || !strings.HasPrefix(out, "1 image copied") {
		t.Errorf("and then %q, %v", out, err)
	}
}

// A server on one machine cannot hear of what is removed beside it, and whoever removes it is told so.
func TestRestoreRemovesBesideAServer(t *testing.T) {
	s := start(t, nil)
	_, id := s.post(onePixel(t))
	old, backup := s.options.Data, filepath.Join(t.TempDir(), "backup")
	other := filepath.Join(t.TempDir(), "other")
	for _, folder := range []string{backup, other} {
		if _, _, err := calotype(t, "backup", folder, "--data", old); err != nil {
			t.Fatal(err)
		}
	}
	remove(t, s, id)
	if _, _, err := calotype(t, "backup", backup, "--data", old); err != nil {
		t.Fatal(err)
	}
	s.close()
	s = start(t, func(c *serveCommand) { c.Data = other })
	out, told, err := calotype(t, "restore", backup, "--data", other)
	if err != nil || !strings.Contains(out, "\n1 removed") || !strings.Contains(told, "Restart it") {
		t.Errorf("it says %q and %q, %v", out, told, err)
	}
	s.close()
	s = start(t, func(c *serveCommand) { c.Data = other })
	if status, _, _ := s.get("/download/" + id); status != http.StatusGone {
		t.Errorf("after a restart it is %d", status)
	}
}

// spoil flips a bit of the blob of so many bytes.
func spoil(t *testing.T, data string, length int) {
	t.Helper()
	spoilt := 0
	err := filepath.WalkDir(filepath.Join(data, "blobs"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil || len(content) != length {
			return err
		}
		spoilt++
		content[length/2] ^= 4
		return errors.Join(os.Remove(path), os.WriteFile(path, content, 0o400))
	})
	if err != nil || spoilt != 1 {
		t.Fatalf("%d blobs were spoilt, %v", spoilt, err)
	}
}

func TestBackupsThatCannotBeMeant(t *testing.T) {
	s := start(t, nil)
	s.post(onePixel(t))
	data := s.options.Data
	empty := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	held, err := store.Open(t.Context(), store.Options{Dir: filepath.Join(empty, "held")})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for _, f := range []struct {
		line []string
		want string
	}{
		{[]string{"backup", data, "--data", data}, "would be copied to itself"},
		{[]string{"backup", link, "--data", data}, "would be copied to itself"},
		{[]string{"restore", link + "/.", "--data", data}, "would be copied to itself"},
		{[]string{"backup", data + "/backup", "--data", data}, "one is within the other"},
		{[]string{"backup", link + "/a/b", "--data", data}, "one is within the other"},
		{[]string{"backup", filepath.Dir(data), "--data", data}, "one is within the other"},
		{[]string{"backup", empty + "/b", "--data", empty + "/none"}, "there are no images in " + empty + "/none"},
		{[]string{"restore", empty + "/none", "--data", empty + "/b"}, "there are no images in " + empty + "/none"},
		{[]string{"backup", empty + "/held", "--data", data}, "in use by another process"},
		{[]string{"backup", empty + "/b", "--data", data, "--parallel=0"}, "--parallel must be at least 1"},
		{[]string{"backup", "--data", data}, "expected \"<dir>\""},
	} {
		_, _, err := calotype(t, f.line...)
		if err == nil || !strings.Contains(err.Error(), f.want) {
			t.Errorf("%v: %v; want %q", f.line, err, f.want)
		}
	}
	if _, err := os.Stat(empty + "/none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that was not there is made: %v", err)
	}
}

// Without a terminal how far it is is told in lines, and the outcome alone where little is to do.
func TestProgressInLines(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	p.show(store.CopyResult{Total: 2000, Done: 7})
	p.said = p.said.Add(-sayEvery)
	p.show(store.CopyResult{Total: 2000, Done: 1007, Bytes: 3_000_000})
	p.show(store.CopyResult{Total: 2000, Done: 1008, Bytes: 3_000_000})
	p.end()
	if want := "1,007 of 2,000 images, 3.0 MB copied\n"; out.String() != want {
		t.Errorf("it says %q, want %q", out.String(), want)
	}
}

// An export while a server serves, and one after it, lead to another place that has everything; an import is the same from there.
func TestExportAndImport(t *testing.T) {
	s := start(t, nil)
	_, first := s.post(onePixel(t))
	moved := filepath.Join(t.TempDir(), "moved")
	if out, _, err := calotype(t, "export", "--data", s.options.Data, "--to-data", moved); err != nil || !strings.HasPrefix(out, "1 image copied") {
		t.Errorf("export says %q, %v", out, err)
	}
	_, second := s.post(read(t, "docs/samples/landscape.jpg"))
	old := s.options.Data
	s.close()
	// The new place serves already while the rest is imported.
	s = start(t, func(c *serveCommand) { c.Data = moved })
	if status, _, _ := s.get("/download/" + second); status != http.StatusNotFound {
		t.Errorf("what came after the export is %d", status)
	}
	if out, _, err := calotype(t, "import", "--data", moved, "--from-data", old); err != nil || out != "1 image copied from "+old+" to "+moved+" (29 kB)\n1 there already\n" {
		t.Errorf("import says %q, %v", out, err)
	}
	for _, id := range []string{first, second} {
		if status, _, _ := s.get("/download/" + id); status != http.StatusOK {
			t.Errorf("%s is %d", id, status)
		}
	}
	if _, _, err := calotype(t, "export", "--data", moved, "--to-data", moved); err == nil {
		t.Error("a folder is copied to itself")
	}
}

func TestElsewhere(t *testing.T) {
	here := storage{Data: "here", Blobs: "s3://here?region=r", Index: "postgres://u:secret@db/here?sslmode=disable"}
	for _, f := range []struct {
		data, blobs, index string
		want               storage
		said               string
	}{
		{"there", "", "", storage{Data: "there"}, "there"},
		{"there", "", "postgres://db/there", storage{Data: "there", Index: "postgres://db/there"}, "there and postgres://db/there"},
		{"there", "gs://b", "", storage{Data: "there", Blobs: "gs://b"}, "gs://b and there"},
		{"", "gs://b", "", storage{Data: "here", Blobs: "gs://b", Index: here.Index}, "gs://b and postgres://u:xxxxx@db/here"},
		{"", "", "postgres://db/there", storage{Data: "here", Blobs: here.Blobs, Index: "postgres://db/there"}, "s3://here and postgres://db/there"},
	} {
		if got := here.elsewhere(f.data, f.blobs, f.index); got != f.want || got.String() != f.said {
			t.Errorf("%s, %s, %s: %+v, %s", f.data, f.blobs, f.index, got, got)
		}
	}
	for _, line := range [][]string{{"export"}, {"import"}, {"export", "--to-data=a", "--parallel=0"}} {
		if _, _, err := calotype(t, line...); err == nil {
			t.Errorf("%v is taken", line)
		}
	}
}

// pixel returns an image of one pixel, which differs from others with another n.
func pixel(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	picture := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	picture.Set(0, 0, color.NRGBA{uint8(n), uint8(n >> 8), uint8(n >> 16), 255})
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
