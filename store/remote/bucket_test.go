package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"calotype/store"
)

// A shelfOfObjects is a bucket in memory, for what no real one does when a test wants it. Real ones are in package cloud.
type shelfOfObjects struct {
	mutex   sync.Mutex
	objects map[string]string
	control string
	fails   int // so many times
	heads   int
	reads   int
	slow    time.Duration // between two bytes
	opened  int
}

func (b *shelfOfObjects) open(_ context.Context, address *url.URL) (Bucket, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.opened++
	if address.String() != "s3://photos" {
		return nil, errors.New("no such bucket")
	}
	return b, nil
}

func (b *shelfOfObjects) Head(_ context.Context, key string) (Object, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.heads++
	if b.fails > 0 {
		b.fails--
		return Object{}, fmt.Errorf("%w: try again", store.ErrUnavailable)
	}
	body, found := b.objects[key]
	if !found {
		return Object{}, fs.ErrNotExist
	}
	return Object{Bytes: int64(len(body)), ETag: fmt.Sprintf("%q", body[max(0, len(body)-5):]), Modified: noon, CacheControl: b.control}, nil
}

func (b *shelfOfObjects) Read(ctx context.Context, key string) (io.ReadCloser, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.reads++
	return io.NopCloser(slowly{ctx, strings.NewReader(b.objects[key]), b.slow}), nil
}

func (b *shelfOfObjects) Close() error { return nil }

type slowly struct {
	ctx   context.Context
	from  io.Reader
	pause time.Duration
}

func (s slowly) Read(p []byte) (int, error) {
	if s.pause == 0 {
		return s.from.Read(p)
	}
	select {
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	case <-time.After(s.pause):
		return s.from.Read(p[:1])
	}
}

func TestObjectsOfBuckets(t *testing.T) {
	var clock testClock
	b := &shelfOfObjects{objects: map[string]string{"2026/a b.png": picture("1"), "page": "<html>", "large": picture(strings.Repeat("x", 2<<20))}, control: "max-age=60"}
	options := keeperOptions(t)
	options.Buckets = b.open
	k := open(t, options, &clock)
	w := wanted(t, "s3://photos/2026/a%20b.png", "s3://photos/")
	c := mustGet(t, k, w, picture("1"))
	if c.Name != "a b.png" || !c.Created.Equal(noon) {
		t.Errorf("got %+v", c.Original)
	}
	mustGet(t, k, w, picture("1"))
	clock.pass(2 * time.Minute)
	mustGet(t, k, w, picture("1"))
	if b.heads != 2 || b.reads != 1 || b.opened != 1 {
		t.Errorf("%d heads, %d reads, opened %d times", b.heads, b.reads, b.opened)
	}
	b.objects["2026/a b.png"] = picture("other")
	clock.pass(2 * time.Minute)
	mustGet(t, k, w, picture("other"))
	mustFail(t, k, wanted(t, "s3://photos/none", "s3://photos/"), ErrMissing)
	mustFail(t, k, wanted(t, "s3://photos/page", "s3://photos/"), ErrUnusable)
	mustFail(t, k, wanted(t, "s3://photos/large", "s3://photos/"), ErrTooLarge)
	mustFail(t, k, wanted(t, "s3://photos/page", "s3://photos/2026/"), ErrNotAllowed)
	mustFail(t, k, wanted(t, "gs://photos/a", "gs://photos/"), ErrOrigin)
	// What passes is tried once more.
	b.objects["x"], b.fails, b.heads = picture("x"), 1, 0
	mustGet(t, k, wanted(t, "s3://photos/x", "s3://photos/"), picture("x"))
	b.objects["y"], b.fails, b.heads = picture("y"), 5, 0
	mustFail(t, k, wanted(t, "s3://photos/y", "s3://photos/"), ErrOrigin)
	if b.heads != mostTries {
		t.Errorf("%d tries", b.heads)
	}
	mustFail(t, open(t, keeperOptions(t), &clock), w, ErrNotAllowed)
}

func TestBucketsHaveTheSameBoundsOfTime(t *testing.T) {
	var clock testClock
	b := &shelfOfObjects{objects: map[string]string{"a": picture(strings.Repeat("x", 10000))}, slow: 20 * time.Millisecond}
	options := keeperOptions(t)
	options.Buckets, options.Slowest = b.open, 1000
	began := time.Now()
	mustFail(t, open(t, options, &clock), wanted(t, "s3://photos/a", "s3://photos/"), ErrTimeout)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("too slow a body took %v", took)
	}
	options.Slowest, options.Timeout, options.Dir = 0, 200*time.Millisecond, t.TempDir()
	began = time.Now()
	mustFail(t, open(t, options, &clock), wanted(t, "s3://photos/a", "s3://photos/"), ErrTimeout)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("too long a fetch took %v", took)
	}
}
