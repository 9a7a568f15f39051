package cloud

import (
	"context"
	"fmt"
	"io"
	"io/fs"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"calotype/store"
	"calotype/store/remote"
)

// objects is a remote.Bucket. Tries are the caller's to count.
type objects struct {
	service *service
	place   place
	bucket  *blob.Bucket
}

// OpenObjects returns the objects of the bucket at a URL as Open takes it, for reading: of the permissions that Open wants it needs that to read, and that to
// list where the cloud else calls what is missing forbidden. It asks nothing of the cloud yet.
func OpenObjects(ctx context.Context, address string) (remote.Bucket, error) {
	s, p, err := parse(address)
	if err != nil {
		return nil, err
	}
	opened, err := s.open(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", p.bucket, err)
	}
	return &objects{service: s, place: p, bucket: opened}, nil
}

// Head implements remote.Bucket.
func (o *objects) Head(ctx context.Context, key string) (remote.Object, error) {
	a, err := o.bucket.Attributes(ctx, o.place.prefix+key)
	if err != nil {
		return remote.Object{}, o.judge(err)
	}
	return remote.Object{Bytes: a.Size, ETag: a.ETag, Modified: a.ModTime, CacheControl: a.CacheControl}, nil
}

// Read implements remote.Bucket.
func (o *objects) Read(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := o.bucket.NewReader(ctx, o.place.prefix+key, nil)
	if err != nil {
		return nil, o.judge(err)
	}
	return r, nil
}

// judge says what an error means to those who know no clouds.
func (o *objects) judge(err error) error {
	switch code := gcerrors.Code(err); {
	case code == gcerrors.NotFound && (o.service.forbids == nil || !o.service.forbids(err)):
		return fmt.Errorf("%w: %w", fs.ErrNotExist, plain(err))
	case code == gcerrors.NotFound, code == gcerrors.PermissionDenied, code == gcerrors.InvalidArgument, code == gcerrors.Unimplemented:
		return plain(err)
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, plain(err))
}

// Close implements remote.Bucket.
func (o *objects) Close() error { return o.bucket.Close() }
