package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// Held is an upload that comes in parts while one goroutine works on it, which must let go of it in the end. What is written counts from the next Mark
// on: what comes after the last one, a crash or Rollback takes away.
type Held struct {
	Resumable // as it is durable

	all    *resumables
	upload *resumable
	file   *os.File  // of its bytes; nil until the first Write
	hash   hash.Hash // of length bytes
	length int64
}

// Release lets go of the upload. What was written after the last mark does not count.
func (h *Held) Release() {
	if h.file != nil {
		h.file.Close()
	}
	h.all.letGo(h.upload)
}

// OnInterrupt has f called, from another goroutine and perhaps more than once, when somebody else wants the upload. It must not wait.
func (h *Held) OnInterrupt(f func()) {
	h.all.mutex.Lock()
	defer h.all.mutex.Unlock()
	h.upload.interrupt = f
	if h.upload.wanted {
		f()
	}
}

// Len returns how many bytes were written, those among them that do not count yet.
func (h *Held) Len() int64 { return h.length }

// Write appends p. After an error what does not count yet is lost.
func (h *Held) Write(p []byte) (int, error) {
	if h.file == nil {
		if err := h.open(); err != nil {
			return 0, wrap("write upload", err)
		}
	}
	if h.Length >= 0 && h.length+int64(len(p)) > h.Length {
		return 0, fmt.Errorf("upload %s: more bytes than its length", h.ID)
	}
	n, err := h.file.WriteAt(p, h.length)
	h.hash.Write(p[:n])
	before := h.length
	h.length += int64(n)
	if err == nil && before/roomStep != h.length/roomStep {
		err = h.all.room.take(0)
	}
	if err != nil {
		err = errors.Join(wrap("write upload", err), h.Rollback())
	}
	return n, err
}

// open opens the file for writing behind what counts.
func (h *Held) open() error {
	state, err := h.state()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(h.all.data(h.ID), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := f.Truncate(h.Offset); err != nil {
		return errors.Join(err, f.Close())
	}
	h.file, h.hash, h.length = f, state, h.Offset
	return nil
}

// state returns the SHA-256 of what counts, which can go on.
func (h *Held) state() (hash.Hash, error) {
	state := sha256.New()
	if h.Offset == 0 {
		return state, nil
	}
	if state.(encoding.BinaryUnmarshaler).UnmarshalBinary(h.Hash) == nil {
		return state, nil
	}
	// It was written by a program whose SHA-256 has another form.
	f, err := os.Open(h.all.data(h.ID))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	state.Reset()
	_, err = io.CopyN(state, f, h.Offset)
	return state, err
}

// Mark makes what was written count: it is durable when Mark returns nil. An upload that has got bytes expires later.
func (h *Held) Mark() error {
	if h.length == h.Offset {
		return nil
	}
	state, err := h.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err == nil {
		err = h.file.Sync()
	}
	if err == nil {
		next := h.Resumable
		next.Offset, next.Hash = h.length, state
		next.Expires = later(h.all.keep)
		err = h.change(next)
	}
	if err != nil {
		return errors.Join(wrap("keep upload", err), h.Rollback())
	}
	return nil
}

// Rollback takes away what does not count.
func (h *Held) Rollback() error {
	if h.file == nil {
		return nil
	}
	h.file.Close() // it speaks of bytes that do not count
	h.file, h.length = nil, h.Offset
	// The next Write would, too. But the bytes may be what fills the disk.
	return os.Truncate(h.all.data(h.ID), h.Offset)
}

// change makes the upload another, durably.
func (h *Held) change(to Resumable) error {
	if err := h.all.note(h.upload, &to); err != nil {
		return err
	}
	h.Resumable = to
	return nil
}

// SetLength says how many bytes there will be in all, which was not known.
func (h *Held) SetLength(length int64) error {
	next := h.Resumable
	next.Length = length
	return wrapIf("keep upload", h.change(next))
}

// Refuse says that the upload will not be kept, and why: not an empty text. Its bytes are removed, and what is known of it stays until it expires.
func (h *Held) Refuse(why string) error {
	next := h.Resumable
	next.Refused, next.Note, next.Hash, next.Expires = why, "", nil, later(min(keepEmpty, h.all.keep))
	if err := h.change(next); err != nil {
		return wrap("refuse upload", err)
	}
	h.removeBytes()
	return nil
}

// removeBytes removes the file of the bytes, which are of no use any more. What a crash leaves of it is swept.
func (h *Held) removeBytes() {
	if h.file != nil {
		h.file.Close()
		h.file = nil
	}
	os.Remove(h.all.data(h.ID))
}

// Remove removes the upload and all that is known of it. It must still be let go.
func (h *Held) Remove() {
	if h.file != nil {
		h.file.Close()
		h.file = nil
	}
	h.all.forget(h.upload)
}

// File opens what counts for reading, by ReadAt. The caller closes it.
func (h *Held) File() (*os.File, error) {
	f, err := os.Open(h.all.data(h.ID))
	if err != nil {
		return nil, wrap("read upload", err)
	}
	return f, nil
}

// Spool returns the bytes of a complete upload as a spool, to be added under the id of the upload. They stay with the upload, too, until that is removed:
// if a crash comes between, it is added once more, which is no harm.
func (h *Held) Spool() (*Spool, error) {
	if !h.Complete() {
		return nil, fmt.Errorf("upload %s: %d bytes of %d", h.ID, h.Offset, h.Length)
	}
	sp, err := h.spool()
	if err != nil {
		return nil, wrap("spool upload", err)
	}
	return sp, nil
}

func (h *Held) spool() (*Spool, error) {
	state, err := h.state()
	if err != nil {
		return nil, err
	}
	// A second name of the file, which Blobs.Put may take away.
	path := filepath.Join(h.all.spool, rand.Text())
	if err := link(h.all.data(h.ID), path); err != nil {
		return nil, err
	}
	// The bytes were synced by the descriptor that wrote them. The file is read-only if it was put before a crash.
	file, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	reader, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(path))
	}
	return &Spool{file: file, reader: reader, hash: state, length: h.Offset, room: h.all.room}, nil
}

// link gives a file a second name, or makes a durable copy of it where the file system has no such names.
func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if err == nil {
		err = target.Sync()
	}
	target.Close() // what is synced is on the disk, whatever this says
	if err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}
