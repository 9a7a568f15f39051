package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
)

// bringBytes makes the target have the blob of an original, and holds it there if the record is still to be written.
// It is ErrGone if the source has removed the original meanwhile, and ErrDamaged if its bytes are not whole there.
func (c *copying) bringBytes(ctx context.Context, one *copied) error {
	there, err := c.findBytes(ctx, one)
	if err != nil {
		return fmt.Errorf("original %s: %w", one.ID, err)
	}
	if !there {
		sp, err := c.read(ctx, one.Original)
		if err != nil {
			return err
		}
		defer sp.Discard()
		if err := c.put(ctx, one, sp); err != nil {
			return fmt.Errorf("original %s: %w", one.ID, err)
		}
		c.note(func(r *CopyResult) { r.Bytes += one.Bytes })
	}
	one.count = func(r *CopyResult) {
		switch {
		case !one.known:
			r.Copied++
		case there:
			r.There++
		default:
			r.Mended++
		}
	}
	return nil
}

// findBytes reports whether the target has the blob of an original. If it has, and no record of it, the blob is held.
func (c *copying) findBytes(ctx context.Context, one *copied) (bool, error) {
	if one.known {
		// Its record keeps the blob: what was listed is still there.
		at, listed := slices.BinarySearchFunc(c.blobs, one.Digest, func(b Blob, d Digest) int { return bytes.Compare(b.Digest[:], d[:]) })
		if !listed || c.blobs[at].Bytes != one.Bytes {
			return false, nil
		}
		return c.isWhole(ctx, one.Original)
	}
	release, err := c.to.index.Hold(ctx, one.Digest, false)
	if err != nil {
		return false, err
	}
	found, err := c.to.blobs.List(ctx, before(one.Digest), 1)
	there := len(found) == 1 && found[0].Digest == one.Digest && found[0].Bytes == one.Bytes
	if err == nil && there {
		there, err = c.isWhole(ctx, one.Original)
	}
	if err != nil || !there {
		release()
		return false, err
	}
	one.release = release
	return true, nil
}

// before returns the digest before d, after which d is the first.
func before(d Digest) Digest {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i]--; d[i] != 0xff {
			break
		}
	}
	return d
}

// read spools the bytes of an original of the source for the target.
func (c *copying) read(ctx context.Context, o Original) (_ *Spool, err error) {
	f, err := c.from.Open(ctx, o)
	if errors.Is(err, syscall.EIO) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sp, err := c.to.Spool()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			sp.Discard()
		}
	}()
	if _, err := io.Copy(sp, whileNot(ctx, f)); err != nil {
		if sp.err == nil && errors.Is(err, syscall.EIO) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return nil, fmt.Errorf("original %s: %w", o.ID, err)
	}
	if sp.Digest() != o.Digest {
		return nil, fmt.Errorf("original %s: %w: its bytes have the SHA-256 %s", o.ID, ErrDamaged, sp.Digest())
	}
	return sp, nil
}

// put keeps a spool in the target. If the record is still to be written, the blob is held.
func (c *copying) put(ctx context.Context, one *copied, sp *Spool) (err error) {
	if err := sp.seal(); err != nil {
		return err
	}
	release, err := c.to.index.Hold(ctx, one.Digest, false)
	if err != nil {
		return err
	}
	if one.known {
		defer release()
	} else {
		one.release = release
	}
	if err := c.to.blobs.Put(ctx, one.Digest, sp.file); err != nil {
		return wrap("keep blob "+one.Digest.String(), err)
	}
	whole, err := c.isWhole(ctx, one.Original)
	if err == nil && !whole {
		err = fmt.Errorf("blob %s of the target reads otherwise than it was written", one.Digest)
	}
	return err
}

// isWhole reads back a blob of the target, if that is wanted.
func (c *copying) isWhole(ctx context.Context, o Original) (bool, error) {
	if !c.options.Verify {
		return true, nil
	}
	err := c.to.checkBlob(ctx, o.Digest, nil)
	switch {
	case err == nil:
		return true, nil
	case isDamage(err), errors.Is(err, syscall.EIO):
		return false, nil
	}
	return false, fmt.Errorf("read back: %w", err)
}

// whileNot returns a reader of r that fails once ctx has ended.
func whileNot(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(p)
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
