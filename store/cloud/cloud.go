// Package cloud keeps blobs in a bucket of S3, Google Cloud Storage or Azure, by the libraries of gocloud.dev.
//
// The blob of digest abcdef… is the object ab/cd/abcdef… under the prefix that the bucket's URL has; what is in quarantine is
// quarantine/abcdef… there. Each cloud is a file of its own, which the build tags nos3, nogcs and noazure leave out.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"calotype/store"
)

// Options say how a bucket is used.
type Options struct {
	Copies    string // folder for local copies of blobs, of which this process takes a part; it is made if it is missing
	CopyBytes int64  // what the copies of this process may take, beside those that are open
}

// A service is a kind of cloud, and what it has that the others have not.
type service struct {
	scheme     string   // of its URLs
	parameters []string // that they may have, beside prefix
	open       func(ctx context.Context, p place) (*blob.Bucket, error)

	// md5 is whether it takes no better checksum.
	md5 bool

	// put sends an object in one request, which the cloud takes whole or not at all, with a checksum by which it refuses other bytes. If
	// there is an object and the request is conditional, it returns errExists.
	put func(ctx context.Context, b *bucket, key string, f *os.File, c content, conditional bool) error

	// kept returns whether the cloud, by its checksum, has the content under key; nil if the MD5 among the attributes is its own.
	kept func(ctx context.Context, b *bucket, key string, c content) (bool, error)

	// after lets a listing begin behind a key; nil if the cloud cannot.
	after func(key string, as func(any) bool) error

	// forbids tells an answer that the library takes for a missing object from one; nil if it takes none for that.
	forbids func(error) bool
}

// mediaType of all objects. What they are is for the index to know.
const mediaType = "application/octet-stream"

// What a put may return beside the errors of its cloud.
var (
	errExists = errors.New("there is an object of the name")
	errUnable = errors.New("the cloud knows no conditions")
)

// place is where blobs are, as a URL tells.
type place struct {
	bucket, prefix string // the prefix is empty or ends in a slash
	endpoint       string // URL of the service, if it is not the cloud's own
	region         string
}

// Schemes are those of the URLs that Open takes in this build.
func Schemes() []string {
	var list []string
	for _, s := range services() {
		list = append(list, s.scheme)
	}
	return list
}

// services are the clouds that this build has.
func services() []*service {
	return slices.DeleteFunc([]*service{s3, gcs, azure}, func(s *service) bool { return s == nil })
}

// Open returns the blobs in the bucket at a URL, after it has made sure that it can list, write and delete there:
//
//	s3://BUCKET?region=…&endpoint=…&prefix=…    S3 and what speaks its protocol, at an endpoint of its own
//	gs://BUCKET?prefix=…                        Google Cloud Storage
//	azblob://CONTAINER?endpoint=…&prefix=…      Azure Blob Storage
//
// Credentials come from where each cloud's own tools look for them. A service that does not answer, or not as it should, is
// store.ErrUnavailable, here and in every method.
func Open(ctx context.Context, address string, o Options) (store.Blobs, error) {
	s, p, err := parse(address)
	if err != nil {
		return nil, err
	}
	opened, err := s.open(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", p.bucket, err)
	}
	b := &bucket{service: s, place: p, bucket: opened}
	if err := b.probe(ctx); err != nil {
		opened.Close()
		return nil, fmt.Errorf("bucket %s: %w", p.bucket, err)
	}
	if b.copies, err = openCopies(o.Copies, o.CopyBytes, b.download); err != nil {
		opened.Close()
		return nil, fmt.Errorf("copies of blobs: %w", err)
	}
	return b, nil
}

// parse reads a bucket's URL.
func parse(address string) (*service, place, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, place{}, fmt.Errorf("%q is not a URL", address)
	}
	known := services()
	i := slices.IndexFunc(known, func(s *service) bool { return s.scheme == u.Scheme })
	if i < 0 {
		return nil, place{}, fmt.Errorf("%q does not begin as a URL of blobs does, which this build takes: %s", address, strings.Join(Schemes(), "://, ")+"://")
	}
	s := known[i]
	switch {
	case u.User != nil:
		return nil, place{}, fmt.Errorf("%s://%s: secrets do not belong into the URL, but where the cloud's own tools look for them", u.Scheme, u.Host)
	case u.Host == "":
		return nil, place{}, fmt.Errorf("%q names no bucket: %s://BUCKET", address, s.scheme)
	case strings.Trim(u.Path, "/") != "":
		return nil, place{}, fmt.Errorf("%q: a folder in a bucket is written ?prefix=%s", address, strings.Trim(u.Path, "/"))
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, place{}, fmt.Errorf("%q: its query cannot be read", address)
	}
	allowed := append([]string{"prefix"}, s.parameters...)
	for name, values := range query {
		if !slices.Contains(allowed, name) {
			return nil, place{}, fmt.Errorf("%q: it may have %s, not %s", address, strings.Join(allowed, " and "), name)
		}
		if len(values) > 1 {
			return nil, place{}, fmt.Errorf("%q: it has %s twice", address, name)
		}
	}
	p := place{bucket: u.Host, prefix: query.Get("prefix"), endpoint: query.Get("endpoint"), region: query.Get("region")}
	if p.prefix = strings.Trim(p.prefix, "/"); p.prefix != "" {
		p.prefix += "/"
	}
	if p.endpoint != "" {
		e, err := url.Parse(p.endpoint)
		if err != nil || e.Host == "" || e.Scheme != "http" && e.Scheme != "https" {
			return nil, place{}, fmt.Errorf("%q: its endpoint must be a URL, as https://s3.example.org", address)
		}
	}
	return s, p, nil
}
