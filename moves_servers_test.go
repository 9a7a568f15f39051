//go:build servers

package main

import (
	"bytes"
	"errors"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"calotype/store"
	"calotype/store/storetest/servers"
)

// Images go from one kind of storage to the next, and all are there at the end, the deleted ones as deleted.
func TestMovesWithServers(t *testing.T) {
	s := start(t, nil)
	want := map[string][]byte{}
	for i := range 30 {
		picture := pixel(t, i)
		_, id := s.post(picture)
		want[id] = picture
	}
	_, deleted := s.post(onePixel(t))
	remove(t, s, deleted)

	s3, database := servers.S3(t), servers.Postgres(t)
	here := storage{Data: s.options.Data}
	for _, to := range []storage{
		{Index: database.URL},              // the index alone, beside the server
		{Data: t.TempDir(), Blobs: s3.URL}, // back to SQLite, and to a bucket
		{Data: t.TempDir(), Blobs: s3.NewBucket(), Index: database.NewDatabase()},
		{Data: t.TempDir(), Blobs: servers.GCS(t).URL},
		{Blobs: servers.Azure(t).URL}, // the bytes alone
		{Data: filepath.Join(t.TempDir(), "last")},
	} {
		line := append([]string{"export"}, flags("--", here)...)
		line = append(line, flags("--to-", to)...)
		there := here.elsewhere(to.Data, to.Blobs, to.Index)
		for _, says := range []string{"30 images copied", "0 images copied"} {
			if out, told, err := calotype(t, line...); err != nil || !strings.HasPrefix(out, says) {
				t.Fatalf("%v says %q and %q, %v", line, out, told, err)
			}
		}
		here = there
	}
	s.close()
	s = start(t, func(c *serveCommand) { c.storage = here })
	for id, picture := range want {
		if status, _, body := s.get("/download/" + id); status != http.StatusOK || !bytes.Equal(body, picture) {
			t.Errorf("%s is %d", id, status)
		}
	}
	if status, _, _ := s.get("/download/" + deleted); status != http.StatusGone {
		t.Errorf("the deleted one is %d", status)
	}
}

// flags are those that name a storage.
func flags(prefix string, s storage) (list []string) {
	for name, value := range map[string]string{"data": s.Data, "blobs": s.Blobs, "index": s.Index} {
		if value != "" {
			list = append(list, prefix+name, value)
		}
	}
	return list
}

// A database and a bucket that are restarted while images are moved to them delay the move, and that is all.
func TestMovesThroughRestartsWithServers(t *testing.T) {
	s3, database := servers.S3(t), servers.Postgres(t)
	data := t.TempDir()
	stock(t, data, 400)
	type answer struct {
		out string
		err error
	}
	done := make(chan answer, 1)
	go func() {
		out, _, err := calotype(t, "export", "--data", data, "--to-blobs", s3.URL, "--to-index", database.URL, "--parallel=1")
		done <- answer{out, err}
	}()
	for _, restart := range []func(){database.Restart, s3.Restart, func() { database.Kill(); database.Start() }} {
		time.Sleep(300 * time.Millisecond)
		if len(done) > 0 {
			t.Error("the move was over before all restarts")
		}
		restart()
	}
	if a := <-done; a.err != nil || !strings.HasPrefix(a.out, "400 images copied") {
		t.Errorf("export says %q, %v", a.out, a.err)
	}
	out, _, err := calotype(t, "import", "--data", filepath.Join(t.TempDir(), "back"), "--from-blobs", s3.URL, "--from-index", database.URL)
	if err != nil || !strings.HasPrefix(out, "400 images copied") {
		t.Errorf("import says %q, %v", out, err)
	}
}

// stock puts n images into a data folder.
func stock(t *testing.T, data string, n int) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	var all errgroup.Group
	all.SetLimit(32)
	for i := range n {
		all.Go(func() error {
			spool, err := s.Spool()
			if err != nil {
				return err
			}
			defer spool.Discard()
			if _, err := spool.Write(bytes.Repeat([]byte(strconv.Itoa(i)), 5000)); err != nil {
				return err
			}
			_, err = s.Add(t.Context(), spool, store.Original{Format: "png"}, store.Usage{})
			return err
		})
	}
	if err := errors.Join(all.Wait(), s.Close()); err != nil {
		t.Fatal(err)
	}
}
