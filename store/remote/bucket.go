package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"sync"
	"time"

	"calotype/store"
)

// A Bucket gives the objects of a bucket. Its methods may be called concurrently. A missing object is fs.ErrNotExist, and what may pass
// is store.ErrUnavailable.
type Bucket interface {
	// Head tells of an object.
	Head(ctx context.Context, key string) (Object, error)
	// Read returns the bytes of an object, which end with ctx. The caller closes the reader.
	Read(ctx context.Context, key string) (io.ReadCloser, error)
	Close() error
}

// An Object is what a bucket tells of one of its objects.
type Object struct {
	Bytes        int64
	ETag         string // in quotes; changes with the bytes
	Modified     time.Time
	CacheControl string
}

// buckets are the buckets of sources, each opened when it is wanted first. There are as many as the lists of what is allowed name.
type buckets struct {
	open func(ctx context.Context, address *url.URL) (Bucket, error)

	mutex  sync.Mutex
	opened map[string]Bucket
}

func newBuckets(open func(ctx context.Context, address *url.URL) (Bucket, error)) *buckets {
	return &buckets{open: open, opened: map[string]Bucket{}}
}

// get returns the bucket of a source.
func (b *buckets) get(ctx context.Context, s Source) (Bucket, error) {
	if b.open == nil {
		return nil, &failure{kind: ErrNotAllowed, what: "there are no buckets"}
	}
	address := &url.URL{Scheme: s.Scheme(), Host: s.Host()}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if opened := b.opened[address.String()]; opened != nil {
		return opened, nil
	}
	opened, err := b.open(ctx, address)
	if err != nil {
		return nil, &failure{kind: ErrOrigin, what: "its bucket cannot be opened", cause: err}
	}
	b.opened[address.String()] = opened
	return opened, nil
}

func (b *buckets) Close() (err error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, opened := range b.opened {
		err = errors.Join(err, opened.Close())
	}
	return err
}

// fetchObject is Fetcher.Fetch for an object of a bucket. It first asks what there is: the bytes may be newer than the ETag then,
// never older.
func (k *Keeper) fetchObject(ctx context.Context, r Request, w io.Writer) (Response, error) {
	answer := Response{Final: r.Source, Asked: time.Now()}
	if !r.Allowed.Allows(r.Source) {
		return answer, &failure{kind: ErrNotAllowed}
	}
	bucket, err := k.buckets.get(ctx, r.Source)
	if err != nil {
		return answer, err
	}
	o, err := bucket.Head(ctx, r.Source.Key())
	answer.At = time.Now()
	if err != nil {
		return answer, bucketError(ctx, err)
	}
	answer.Header = o.header()
	if r.ETag != "" && r.ETag == o.ETag {
		answer.Status = http.StatusNotModified
		return answer, nil
	}
	answer.Status = http.StatusOK
	if o.Bytes > k.options.MaxBytes {
		return answer, k.fetcher.tooLarge()
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	body, err := bucket.Read(ctx, r.Source.Key())
	if err != nil {
		return answer, bucketError(ctx, err)
	}
	defer body.Close()
	answer.Bytes, err = k.fetcher.carry(ctx, abort, unavailable{ctx, body}, w)
	if err == nil && answer.Bytes != o.Bytes {
		err = &failure{kind: ErrOrigin, what: "it has changed while it was read", passing: true}
	}
	return answer, err
}

// header is what a server would have said of the object.
func (o Object) header() http.Header {
	h := http.Header{}
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	set("Etag", o.ETag)
	set("Cache-Control", o.CacheControl)
	if !o.Modified.IsZero() {
		set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	}
	return h
}

// bucketError makes the error of a bucket one of this package.
func bucketError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ended(ctx, ctx.Err())
	case errors.Is(err, fs.ErrNotExist):
		return &failure{kind: ErrMissing, cause: err}
	}
	return &failure{kind: ErrOrigin, cause: err, passing: errors.Is(err, store.ErrUnavailable)}
}

// unavailable reads from a bucket, whose errors become those of this package.
type unavailable struct {
	ctx  context.Context
	body io.Reader
}

func (u unavailable) Read(p []byte) (int, error) {
	n, err := u.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = bucketError(u.ctx, fmt.Errorf("read: %w", err))
	}
	return n, err
}
