//go:build servers

package cloud_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"calotype/store"
	"calotype/store/cloud"
	"calotype/store/remote"
	"calotype/store/storetest/servers"
)

func TestSourcesInS3(t *testing.T)    { areSources(t, servers.S3(t)) }
func TestSourcesInGCS(t *testing.T)   { areSources(t, servers.GCS(t)) }
func TestSourcesInAzure(t *testing.T) { areSources(t, servers.Azure(t)) }

// areSources tests that what is in a bucket can be had by its address.
func areSources(t *testing.T, s *servers.CloudServer) {
	address := s.NewBucket()
	content := bytes.Repeat([]byte("negative"), 100000)
	d := put(t, open(t, address, 0), content)
	name := d.String()
	key := name[:2] + "/" + name[2:4] + "/" + name
	bucket, _, _ := strings.Cut(address, "?")

	keeper, err := remote.Open(remote.Options{
		Dir: t.TempDir(), Bytes: remote.LeastBytes, MaxBytes: 1 << 20, Timeout: 20 * time.Second,
		Inspect: func(context.Context, *os.File) (store.Original, error) { return store.Original{Format: "png"}, nil },
		Buckets: func(ctx context.Context, u *url.URL) (remote.Bucket, error) {
			if u.String() != bucket {
				t.Errorf("bucket %s is opened, not %s", u, bucket)
			}
			return cloud.OpenObjects(ctx, address)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer keeper.Close()
	get := func(key string) (*remote.Copy, error) {
		source, err := remote.ParseSource(bucket + "/" + key)
		if err != nil {
			t.Fatal(err)
		}
		allowed, err := remote.ParseAllowed([]string{bucket + "/"})
		if err != nil {
			t.Fatal(err)
		}
		return keeper.Get(t.Context(), remote.Wanted{Source: source, Allowed: allowed})
	}
	c, err := get(key)
	if err != nil {
		t.Fatalf("%v: %v", err, remote.Cause(err))
	}
	if c.Digest != d || c.Bytes != int64(len(content)) || time.Since(c.Created) > time.Hour {
		t.Errorf("got %+v", c.Original)
	}
	f, err := keeper.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes and error %v", len(got), err)
	}
	if _, err := get("none"); !errors.Is(err, remote.ErrMissing) {
		t.Errorf("of a missing one: %v, %v", err, remote.Cause(err))
	}

	// It is asked about by its tag, and not sent again.
	objects, err := cloud.OpenObjects(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	first, err := objects.Head(t.Context(), key)
	if err != nil || first.ETag == "" || first.Modified.IsZero() {
		t.Fatalf("got %+v, %v", first, err)
	}
	if second, err := objects.Head(t.Context(), key); err != nil || second.ETag != first.ETag || !second.Modified.Equal(first.Modified) {
		t.Errorf("got %+v and then %+v, %v", first, second, err)
	}

	s.Stop()
	if _, err := get("another"); !errors.Is(err, remote.ErrOrigin) && !errors.Is(err, remote.ErrTimeout) {
		t.Errorf("when it is gone: %v", err)
	}
	s.Start()
}
