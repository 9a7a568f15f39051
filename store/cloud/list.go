package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"gocloud.dev/blob"

	"calotype/store"
)

// List implements store.Blobs. The keys of objects have the order of their digests.
func (b *bucket) List(ctx context.Context, after store.Digest, limit int) ([]store.Blob, error) {
	prefixes := []string{b.place.prefix}
	if b.service.after == nil {
		// By their first byte not more than a 256th of the objects is skipped.
		prefixes = nil
		for first := int(after[0]); first < 256; first++ {
			prefixes = append(prefixes, fmt.Sprintf("%s%02x/", b.place.prefix, first))
		}
	}
	var list []store.Blob
	for _, prefix := range prefixes {
		if len(list) == limit {
			break
		}
		var part []store.Blob
		err := b.retry(ctx, func() (err error) {
			part, err = b.list(ctx, prefix, after, limit-len(list))
			return err
		})
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	return list, nil
}

// list returns at most limit of the blobs under a prefix of keys that come after one.
func (b *bucket) list(ctx context.Context, prefix string, after store.Digest, limit int) ([]store.Blob, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, transferTime(0), errSlow)
	defer cancel()
	options := &blob.ListOptions{Prefix: prefix}
	if b.service.after != nil {
		options.BeforeList = func(as func(any) bool) error { return b.service.after(b.key(after), as) }
	}
	end := b.place.prefix + "g" // behind all digests
	var list []store.Blob
	for objects := b.bucket.List(options); len(list) < limit; {
		object, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) || err == nil && object.Key >= end {
			break
		}
		if err != nil {
			return nil, err
		}
		d, err := store.ParseDigest(path.Base(object.Key))
		if err == nil && object.Key == b.key(d) && bytes.Compare(d[:], after[:]) > 0 {
			list = append(list, store.Blob{Digest: d, Bytes: object.Size, Modified: object.ModTime})
		}
	}
	return list, nil
}
