package cloud

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"gocloud.dev/blob"

	"calotype/store"
)

// bucket is a store.Blobs.
type bucket struct {
	service *service
	place   place
	bucket  *blob.Bucket
	copies  *copies

	unconditional atomic.Bool // the cloud has said that it knows no conditions
	checked       checked
}

// content is what an object must have.
type content struct {
	digest store.Digest
	md5    []byte // nil for a service that takes the digest
	bytes  int64
}

// describe returns the content of a file whose digest is known.
func (b *bucket) describe(d store.Digest, f *os.File) (content, error) {
	info, err := f.Stat()
	if err != nil {
		return content{}, err
	}
	c := content{digest: d, bytes: info.Size()}
	if b.service.md5 {
		hash := md5.New() // against accidents, which is all that it is good for
		if _, err := io.Copy(hash, io.NewSectionReader(f, 0, c.bytes)); err != nil {
			return content{}, err
		}
		c.md5 = hash.Sum(nil)
	}
	return c, nil
}

func (b *bucket) key(d store.Digest) string {
	name := d.String()
	return b.place.prefix + name[:2] + "/" + name[2:4] + "/" + name
}

// Put implements store.Blobs. It returns when the cloud has said twice that it has the bytes: when they were put, and when it was asked.
func (b *bucket) Put(ctx context.Context, d store.Digest, f *os.File) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c, err := b.describe(d, f)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, transferTime(c.bytes), errSlow)
	defer cancel()
	if err := b.retry(ctx, func() error { return b.put(ctx, f, c) }); err != nil {
		return err
	}
	b.copies.keep(d, f)
	return nil
}

// put makes one try.
func (b *bucket) put(ctx context.Context, f *os.File, c content) error {
	key := b.key(c.digest)
	err := b.service.put(ctx, b, key, f, c, !b.unconditional.Load())
	if errors.Is(err, errUnable) {
		b.unconditional.Store(true) // an object is only ever replaced by its equal
		err = b.service.put(ctx, b, key, f, c, false)
	}
	exists := errors.Is(err, errExists)
	if err != nil && !exists {
		return err
	}
	whole, err := b.has(ctx, key, c)
	if err == nil && !whole && exists {
		// What is there is damaged.
		if err = b.service.put(ctx, b, key, f, c, false); err == nil {
			whole, err = b.has(ctx, key, c)
		}
	}
	if err == nil && !whole {
		err = errors.New("the object is not what was put")
	}
	return err
}

// has asks the cloud whether it has the content, as far as it can tell without sending it.
func (b *bucket) has(ctx context.Context, key string, c content) (bool, error) {
	if b.service.kept != nil {
		return b.service.kept(ctx, b, key, c)
	}
	attributes, err := b.bucket.Attributes(ctx, key)
	if err != nil {
		return false, err
	}
	return attributes.Size == c.bytes && bytes.Equal(attributes.MD5, c.md5), nil
}

// Open implements store.Blobs. The file is a copy on the local disk.
func (b *bucket) Open(ctx context.Context, d store.Digest) (*os.File, error) {
	return b.copies.open(ctx, d)
}

// download copies a blob and verifies it.
func (b *bucket) download(ctx context.Context, d store.Digest, to *os.File) error {
	const tries = 2 // the first may have been damaged on the way
	for try := 1; ; try++ {
		got, err := b.fetch(ctx, d, to)
		if err != nil || got == d {
			return err
		}
		if try == tries {
			return fmt.Errorf("%w: blob %s has the SHA-256 %s", store.ErrDamaged, d, got)
		}
		if err := to.Truncate(0); err != nil {
			return err
		}
		if _, err := to.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}

// fetch writes the bytes of an object and returns their digest. What breaks is resumed where it broke, as long as bytes come.
func (b *bucket) fetch(ctx context.Context, d store.Digest, to *os.File) (store.Digest, error) {
	hash := sha256.New()
	var have int64
	for {
		before := have
		err := b.retry(ctx, func() error {
			r, err := b.bucket.NewRangeReader(ctx, b.key(d), have, -1, nil)
			if err != nil {
				return err
			}
			defer r.Close()
			n, err := io.Copy(io.MultiWriter(local{to}, hash), &steady{reader: r, began: time.Now()})
			if have += n; err == nil && have < r.Size() {
				err = io.ErrUnexpectedEOF
			}
			return err
		})
		if err == nil {
			return store.Digest(hash.Sum(nil)), nil
		}
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, errSlow) || have == before {
			return store.Digest{}, err
		}
	}
}

// Delete implements store.Blobs.
func (b *bucket) Delete(ctx context.Context, d store.Digest) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, requestTime, errSlow)
	defer cancel()
	b.copies.forget(d)
	return b.retry(ctx, func() error { return b.bucket.Delete(ctx, b.key(d)) })
}

// Quarantine implements store.Blobs.
func (b *bucket) Quarantine(ctx context.Context, d store.Digest) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, requestTime, errSlow)
	defer cancel()
	b.copies.forget(d)
	aside := b.place.prefix + "quarantine/" + d.String()
	if err := b.retry(ctx, func() error { return b.bucket.Copy(ctx, aside, b.key(d), nil) }); err != nil {
		return err
	}
	err := b.retry(ctx, func() error { return b.bucket.Delete(ctx, b.key(d)) })
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // a try before had deleted it and was not told
	}
	return err
}

// Forget drops the local copy of a blob: the next Open asks the cloud.
func (b *bucket) Forget(d store.Digest) { b.copies.forget(d) }

// Close implements store.Blobs.
func (b *bucket) Close() error {
	return errors.Join(b.copies.close(), b.bucket.Close())
}
