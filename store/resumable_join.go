package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Join is an upload that is made of others, all of which are held until Release.
type Join struct {
	ID   ID
	File *Held // the whole, complete; nil if it was made before and is no upload any more

	parts []*Held
}

// JoinResumables makes an upload of parts, which are complete, each named once: the bytes of all, in this order. Of r it is told what the whole is, as
// CreateResumable. What is no such part is ErrNotParts, and more than most bytes are ErrTooLong.
//
// The first part knows what is made of it, so that there is only ever one whole of the same parts: whoever asks again, also after a crash, goes on where
// the one before has ended.
func (s *Store) JoinResumables(ctx context.Context, r Resumable, parts []ID, mostBytes int64, most MostResumables) (_ *Join, err error) {
	j := &Join{}
	defer func() {
		if err != nil {
			j.Release()
		}
	}()
	if err := j.hold(ctx, s, parts); err != nil {
		return nil, err
	}
	first := j.parts[0]
	if first.Whole != (ID{}) && slices.Equal(first.Parts, parts) {
		j.ID = first.Whole
		j.File, err = s.HoldResumable(ctx, j.ID, false)
		if err == nil && !j.File.Complete() && j.File.Refused == "" {
			err = j.copy(ctx)
		}
		if errors.Is(err, ErrNotFound) && first.Joined {
			return j, nil
		}
		if !errors.Is(err, ErrNotFound) {
			return j, err
		}
		// It has expired, or has come to the index without the parts hearing of it.
		if _, err := s.Get(ctx, j.ID); !errors.Is(err, ErrNotFound) {
			return j, err
		}
	}
	r.Length, r.Parts = 0, parts
	for _, p := range j.parts {
		if p.Joined {
			return nil, fmt.Errorf("upload %s: %w", p.ID, ErrNotParts)
		}
		r.Length += p.Length
	}
	if r.Length > mostBytes {
		return nil, fmt.Errorf("%d bytes: %w", r.Length, ErrTooLong)
	}
	if r, err = s.CreateResumable(r, most); err != nil {
		return nil, err
	}
	j.ID = r.ID
	if j.File, err = s.HoldResumable(ctx, j.ID, false); err != nil {
		return nil, err
	}
	next := first.Resumable
	next.Whole, next.Parts = j.ID, parts
	if err = first.change(next); err == nil {
		err = j.copy(ctx)
	}
	return j, wrapIf("join uploads", err)
}

// hold holds the parts.
func (j *Join) hold(ctx context.Context, s *Store, parts []ID) error {
	for i, id := range parts {
		if slices.Contains(parts[:i], id) {
			return fmt.Errorf("upload %s comes twice: %w", id, ErrNotParts)
		}
		p, err := s.HoldResumable(ctx, id, false)
		if err != nil {
			return err
		}
		j.parts = append(j.parts, p)
		if !p.Part || !p.Complete() || p.Refused != "" {
			return fmt.Errorf("upload %s: %w", id, ErrNotParts)
		}
	}
	return nil
}

// markJoined is after how many bytes that were copied a join need not do it again after a crash.
const markJoined = 64 << 20

// copy appends the bytes of the parts to the whole, but those that it has.
func (j *Join) copy(ctx context.Context) error {
	begin := int64(0)
	for _, p := range j.parts {
		if err := j.copyPart(ctx, p, j.File.Offset-begin); err != nil {
			return err
		}
		begin += p.Length
	}
	return j.File.Mark()
}

// copyPart appends a part from an offset on, if it is not behind its end.
func (j *Join) copyPart(ctx context.Context, p *Held, offset int64) error {
	offset = max(0, offset)
	if offset >= p.Length {
		return nil
	}
	f, err := p.File()
	if err != nil {
		return err
	}
	defer f.Close()
	for offset < p.Length {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := io.Copy(j.File, io.NewSectionReader(f, offset, min(markJoined, p.Length-offset)))
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		offset += n
		if err := j.File.Mark(); err != nil {
			return err
		}
	}
	return nil
}

// Done says that the whole is kept, or refused: the bytes of the parts are removed, and that they came is known until they expire.
func (j *Join) Done() error {
	for i, p := range j.parts {
		if p.Joined {
			continue
		}
		next := p.Resumable
		next.Joined, next.Whole, next.Hash = true, j.ID, nil
		if i > 0 {
			next.Parts = nil
		}
		if err := p.change(next); err != nil {
			return wrap("end parts of upload", err)
		}
		p.removeBytes()
	}
	return nil
}

// Release lets go of all.
func (j *Join) Release() {
	for _, p := range j.parts {
		p.Release()
	}
	if j.File != nil {
		j.File.Release()
	}
}
