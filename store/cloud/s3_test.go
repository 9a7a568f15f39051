//go:build servers

package cloud_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calotype/store"
	"calotype/store/cloud"
	"calotype/store/storetest/servers"
)

func TestS3ObjectThatIsDamaged(t *testing.T) {
	s3 := servers.S3(t)
	blobs := open(t, s3.URL, 0)
	content := bytes.Repeat([]byte("negative"), 1000)
	d := put(t, blobs, content)
	object := objectOf(t, s3, d)

	content[4000] ^= 1
	write(t, object, content)
	if _, err := blobs.Open(t.Context(), d); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("with a flipped bit: got %v, want ErrDamaged", err)
	}
	if err := blobs.Quarantine(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Open(t.Context(), d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in quarantine: got %v, want fs.ErrNotExist", err)
	}
	content[4000] ^= 1
	put(t, blobs, content)
	get(t, blobs, d, content)

	// One that is there but cut off is not taken for what is put.
	write(t, object, content[:100])
	put(t, blobs, content)
	get(t, blobs, d, content)
}

func TestS3CopiesAreUsed(t *testing.T) {
	s3 := servers.S3(t)
	content := bytes.Repeat([]byte("negative"), 1000)
	blobs := open(t, s3.URL, 1<<20)
	d := put(t, blobs, content)
	other := open(t, s3.URL, 1<<20)
	get(t, other, d, content)
	s3.Stop()
	get(t, blobs, d, content) // what was put
	get(t, other, d, content) // what was read
	other.(store.Copying).Forget(d)
	if _, err := other.Open(t.Context(), d); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("without its copy: got %v, want ErrUnavailable", err)
	}
	if err := other.Check(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("check: got %v, want ErrUnavailable", err)
	}
	s3.Start()
	get(t, other, d, content)
	time.Sleep(2500 * time.Millisecond) // which is how long a check is believed, and more
	if err := other.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestS3WithoutItsBucketHasNoMissingBlobs(t *testing.T) {
	s3 := servers.S3(t)
	blobs := open(t, s3.URL, 0)
	d := put(t, blobs, []byte("negative"))
	bucket := filepath.Join(s3.Folder, "calotype1")
	if err := os.Rename(bucket, bucket+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Open(t.Context(), d); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: got %v, want ErrUnavailable", err)
	}
	if err := blobs.Delete(t.Context(), d); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("delete: got %v, want ErrUnavailable", err)
	}
}

func TestS3RefusesAtTheStart(t *testing.T) {
	s3 := servers.S3(t)
	f := func(url, want string) {
		t.Helper()
		blobs, err := cloud.Open(t.Context(), url, cloud.Options{Copies: t.TempDir()})
		if err == nil {
			blobs.Close()
		}
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error that says %q", url, err, want)
		}
	}
	f(strings.Replace(s3.URL, "calotype1", "another", 1), "there is no such bucket")
	f(s3.Through("127.0.0.1:1", s3.URL), "refused")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "of somebody else")
	f(s3.URL, "the bucket cannot be listed")
}

func TestS3PrefixesKeepStoresApart(t *testing.T) {
	s3 := servers.S3(t)
	one, two := open(t, s3.URL+"&prefix=one", 0), open(t, s3.URL+"&prefix=two/deep", 0)
	d := put(t, one, []byte("negative"))
	if _, err := two.Open(t.Context(), d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if list, err := two.List(t.Context(), store.Digest{}, 10); err != nil || len(list) != 0 {
		t.Errorf("lists %v, %v", list, err)
	}
	if list, err := one.List(t.Context(), store.Digest{}, 10); err != nil || len(list) != 1 {
		t.Errorf("lists %v, %v", list, err)
	}
}

// Some of those who speak S3 answer a condition with 501.
func TestS3WithoutConditions(t *testing.T) {
	s3 := servers.S3(t)
	behind := httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: s3.Address})
		r.Out.Host = r.In.Host // which is signed
	}}
	refused := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			refused++
			w.WriteHeader(http.StatusNotImplemented)
			io.WriteString(w, `<?xml version="1.0"?><Error><Code>NotImplemented</Code></Error>`)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	defer server.Close()
	blobs := open(t, s3.Through(strings.TrimPrefix(server.URL, "http://"), s3.URL), 0)
	for range 3 {
		d := put(t, blobs, []byte("negative"))
		get(t, blobs, d, []byte("negative"))
	}
	if refused != 1 {
		t.Errorf("it was asked %d times for what it does not know, want once", refused)
	}
}

// A slow server costs no more than the time that a caller has.
func TestS3ThatIsSilent(t *testing.T) {
	s3 := servers.S3(t)
	blobs := open(t, s3.URL, 0)
	d := put(t, blobs, []byte("negative"))
	s3.Pause()
	defer s3.Resume()
	brief := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	if _, err := blobs.Open(brief(), d); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("open: got %v, want ErrUnavailable", err)
	}
	if err := blobs.Delete(brief(), d); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("delete: got %v, want ErrUnavailable", err)
	}
}

func put(t *testing.T, blobs store.Blobs, content []byte) store.Digest {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	d := store.Digest(sha256.Sum256(content))
	if err := blobs.Put(t.Context(), d, f); err != nil {
		t.Fatal(err)
	}
	return d
}

func get(t *testing.T, blobs store.Blobs, d store.Digest, want []byte) {
	t.Helper()
	f, err := blobs.Open(t.Context(), d)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// objectOf returns the file in which the server keeps a blob of its first bucket.
func objectOf(t *testing.T, s3 *servers.CloudServer, d store.Digest) string {
	t.Helper()
	name := d.String()
	return filepath.Join(s3.Folder, "calotype1", name[:2], name[2:4], name)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // an object that is there, with all that the server has noted of it
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
}
