package cloud

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"gocloud.dev/gcerrors"

	"calotype/store"
)

// checked is what the last check has found.
type checked struct {
	sync.Mutex
	when time.Time
	err  error
}

// Check implements store.Blobs. It asks for one object of the bucket, and not more often than every other second.
func (b *bucket) Check(ctx context.Context) error {
	const believed = 2 * time.Second
	b.checked.Lock()
	defer b.checked.Unlock()
	if time.Since(b.checked.when) > believed {
		// Who asks may leave before the next one does.
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), checkTime, errSlow)
		defer cancel()
		b.checked.err = b.reach(ctx)
		b.checked.when = time.Now()
	}
	return b.checked.err
}

// reach reports whether the bucket is there and lets itself be listed.
func (b *bucket) reach(ctx context.Context) error {
	there, err := b.bucket.IsAccessible(ctx)
	if err == nil && !there {
		return fmt.Errorf("%w: there is no such bucket", store.ErrUnavailable)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, plain(err))
	}
	return nil
}

// probe makes sure, before the first upload, that objects can be listed, looked for, written and deleted, or says what cannot.
func (b *bucket) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, requestTime, errSlow)
	defer cancel()
	key := b.place.prefix + "probe/" + rand.Text()
	steps := []struct {
		refused string
		do      func() error
	}{
		{"the bucket cannot be listed", func() error { return b.reach(ctx) }},
		{"what is missing cannot be told from what is forbidden, for which clouds want the permission to list", func() error {
			_, err := b.bucket.Attributes(ctx, key)
			if gcerrors.Code(err) == gcerrors.NotFound {
				return nil
			}
			return err
		}},
		{"objects cannot be written", func() error { return b.bucket.WriteAll(ctx, key, []byte("calotype"), nil) }},
		{"objects cannot be read", func() error {
			_, err := b.bucket.ReadAll(ctx, key)
			return err
		}},
		{"objects cannot be deleted", func() error { return b.bucket.Delete(ctx, key) }},
	}
	for _, step := range steps {
		if err := b.retry(ctx, step.do); err != nil {
			return fmt.Errorf("%s: %w", step.refused, err)
		}
	}
	return nil
}
