package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

var errSlow = errors.New("the disk does not answer")

// read returns the entry in a file. Whoever reads is not held up by a disk that does not answer: the read goes on without him, and
// too many of those mean that nobody reads.
func (c *Cache) read(ctx context.Context, path, text string) (Entry, error) {
	patience := time.NewTimer(longestRead)
	defer patience.Stop()
	select {
	case c.readers <- struct{}{}:
	case <-patience.C:
		return Entry{}, errSlow
	case <-ctx.Done():
		return Entry{}, ctx.Err()
	}
	type result struct {
		entry Entry
		err   error
	}
	found := make(chan result, 1)
	go func() {
		defer func() { <-c.readers }()
		file, err := c.readFile(path)
		if err != nil {
			found <- result{err: err}
			return
		}
		e, err := decode(file, text)
		found <- result{e, err}
	}()
	select {
	case r := <-found:
		return r.entry, r.err
	case <-patience.C:
		return Entry{}, errSlow
	case <-ctx.Done():
		return Entry{}, ctx.Err()
	}
}

// readFile returns the bytes of a regular file that may be an entry by its length.
func (c *Cache) readFile(path string) ([]byte, error) {
	file, size, err := c.open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(file, data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: it was cut short while it was read", errDamaged)
		}
		return nil, err
	}
	return data, nil
}

// open opens what may be an entry: nothing outside of the folder, nothing that is read by waiting, and nothing of another length
// than entries have.
func (c *Cache) open(path string) (*os.File, int64, error) {
	file, err := c.root.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, notEntry(err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%w: no regular file", errDamaged)
	case info.Size() < headLength || info.Size() > c.largest:
		err = fmt.Errorf("%w: %d bytes", errDamaged, info.Size())
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// notEntry takes what cannot be opened for what is not ours, such as a link to elsewhere or the file of another user, unless nothing is
// there or the disk is at fault.
func notEntry(err error) error {
	if !errors.Is(err, os.ErrPermission) && isFailure(err) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// textOf reads the text of the key of an entry that the index knows.
func (c *Cache) textOf(n Name) (string, bool) {
	c.mutex.Lock()
	path, known := n.path(c.index.further[n]), c.index.has(n)
	c.mutex.Unlock()
	if !known {
		return "", false
	}
	file, _, err := c.open(path)
	if err != nil {
		return "", false
	}
	defer file.Close()
	head := make([]byte, headLength+MaxText)
	read, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", false
	}
	return textIn(head[:read])
}
