package store

import (
	"bytes"
	"context"
	"fmt"
)

// comparePage is how many blobs and digests are listed at once.
const comparePage = 1000

// compare goes through all blobs and all digests of the index that come after one, side by side, in the order of the digests. It calls
// blob for each blob, with whether an original has it, and missing for each digest that an original has and of which no blob is listed.
// What is put, added or removed meanwhile may be seen in either state: who acts on it must look again.
func (s *Store) compare(ctx context.Context, after Digest, blob func(b Blob, recorded bool) error, missing func(Digest) error) error {
	blobs := pages[Blob]{
		last: Blob{Digest: after},
		next: func(last Blob) ([]Blob, error) { return s.blobs.List(ctx, last.Digest, comparePage) },
	}
	digests := pages[Digest]{
		last: after,
		next: func(last Digest) ([]Digest, error) { return s.index.Digests(ctx, last, comparePage) },
	}
	for {
		b, listed, err := blobs.first()
		if err != nil {
			return fmt.Errorf("list blobs: %w", err)
		}
		d, recorded, err := digests.first()
		if err != nil {
			return fmt.Errorf("list digests: %w", err)
		}
		order := bytes.Compare(b.Digest[:], d[:])
		switch {
		case !listed && !recorded:
			return nil
		case !listed || recorded && order > 0:
			digests.drop()
			err = missing(d)
		default:
			blobs.drop()
			same := recorded && order == 0
			if same {
				digests.drop()
			}
			err = blob(b, same)
		}
		if err != nil {
			return err
		}
	}
}

// pages go through a list that is read page by page.
type pages[T any] struct {
	next func(last T) ([]T, error) // the page after an element; a short one is the last
	page []T
	last T
	end  bool
}

// first returns the first element that was not dropped, if there is one.
func (p *pages[T]) first() (element T, there bool, err error) {
	if len(p.page) == 0 && !p.end {
		if p.page, err = p.next(p.last); err != nil {
			return element, false, err
		}
		p.end = len(p.page) < comparePage
	}
	if len(p.page) == 0 {
		return element, false, nil
	}
	return p.page[0], true, nil
}

// drop drops the first element.
func (p *pages[T]) drop() {
	p.last, p.page = p.page[0], p.page[1:]
}
