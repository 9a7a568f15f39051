//go:build servers

package main

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

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
