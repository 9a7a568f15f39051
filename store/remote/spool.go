package remote

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path"
	"syscall"

	"calotype/store"
)

// spoolStep is for how many bytes more room is made at a time.
const spoolStep = 64 * blockBytes

// A spool takes the bytes of one fetch. What it takes of the disk counts from its first byte. It is for one goroutine at a time, which
// discards it in the end, also after it was kept.
type spool struct {
	shelf  *shelf
	name   string // of the file; "" once that has another
	file   *os.File
	hash   hash.Hash
	length int64
	taken  int64 // bytes of all tries
	blocks int64 // that are reserved
	err    error // of this machine; it says nothing of the origin
}

// newSpool returns an empty spool.
func (s *shelf) newSpool() (*spool, error) {
	name := path.Join(newFolder, rand.Text())
	file, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, localError(err)
	}
	return &spool{shelf: s, name: name, file: file, hash: sha256.New()}, nil
}

// Write appends p.
func (s *spool) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if missing := blocksOf(s.length+int64(len(p))) - s.blocks; missing > 0 {
		missing = max(missing, spoolStep/blockBytes)
		if s.err = s.shelf.reserve(missing); s.err != nil {
			return 0, s.err
		}
		s.blocks += missing
	}
	n, err := s.file.Write(p)
	s.hash.Write(p[:n])
	s.length += int64(n)
	s.taken += int64(n)
	if err != nil {
		s.err = localError(err)
	}
	return n, s.err
}

func (s *spool) digest() store.Digest { return store.Digest(s.hash.Sum(nil)) }

// reset makes the spool empty, for another try.
func (s *spool) reset() error {
	s.hash.Reset()
	s.length = 0
	_, err := s.file.Seek(0, 0)
	if err == nil {
		err = s.file.Truncate(0)
	}
	if err != nil {
		s.err = localError(err)
	}
	return s.err
}

// reader opens the bytes for reading only.
func (s *spool) reader() (*os.File, error) {
	file, err := s.shelf.root.Open(s.name)
	if err != nil {
		return nil, localError(err)
	}
	return file, nil
}

// discard closes the spool and removes its file, unless that was kept.
func (s *spool) discard() {
	s.file.Close()
	if s.name != "" {
		_ = s.shelf.root.Remove(s.name) // a start removes what is left
	}
	s.shelf.release(s.blocks)
	s.blocks = 0
}

// localError is what callers learn of a failure of the disk.
func localError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return fmt.Errorf("keep a source: %w", err)
}
