package store

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash"
	"os"
	"path/filepath"
)

// Spool takes the bytes of one upload: it writes them to a file of its own, counts them and computes their SHA-256.
// It is for one goroutine at a time. Discard must be called in the end, also after Store.Add.
type Spool struct {
	file   *os.File // the descriptor that writes, and therefore the one that is told of a failed write-back
	reader *os.File
	hash   hash.Hash
	length int64
	room   *room
	err    error // why no more can be written; nil while it can
}

// Spool returns an empty spool. It is ErrFull if the disk has no more room than is to be left.
func (s *Store) Spool() (*Spool, error) {
	if err := s.room.take(0); err != nil {
		return nil, wrap("spool", err)
	}
	// A name that was never used before lets Discard remove it without asking whose file it is by now.
	path := filepath.Join(s.spool, rand.Text())
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, wrap("spool", err)
	}
	reader, err := os.Open(path)
	if err != nil {
		return nil, wrap("spool", errors.Join(err, file.Close(), os.Remove(path)))
	}
	return &Spool{file: file, reader: reader, hash: sha256.New(), room: &s.room}, nil
}

// roomStep is after how many bytes it is asked again whether there is room for more.
const roomStep = 1 << 20

// Write appends p. After an error, ErrFull among them, the spool takes no more and cannot be added.
func (s *Spool) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.file.Write(p)
	s.hash.Write(p[:n])
	before := s.length
	s.length += int64(n)
	if err == nil && before/roomStep != s.length/roomStep {
		err = s.room.take(0)
	}
	if err != nil {
		s.err = wrap("spool", err)
	}
	return n, s.err
}

// Len returns how many bytes were written.
func (s *Spool) Len() int64 {
	return s.length
}

// Digest returns the SHA-256 of the bytes written so far.
func (s *Spool) Digest() Digest {
	return Digest(s.hash.Sum(nil))
}

// File returns the spooled bytes for reading, by ReadAt or in another process. The descriptor cannot write, so that
// whoever is given it cannot change the bytes after they were hashed. It is closed by Discard, and by nobody else.
func (s *Spool) File() *os.File {
	return s.reader
}

// Discard closes the spool and removes its file, unless that has become a blob. Further calls do nothing.
func (s *Spool) Discard() {
	s.err = ErrSpent
	s.reader.Close()
	s.file.Close()
	os.Remove(s.file.Name())
}

// seal ends the writing, for Store.Add. It returns an error if the spool is not complete or was sealed before.
func (s *Spool) seal() error {
	err := s.err
	s.err = ErrSpent
	return err
}
