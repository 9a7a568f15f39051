package cloud

import (
	"container/list"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"calotype/store"
)

// copyLife is how long a copy is used after it was made, so that bytes which another machine has deleted do not stay for ever.
const copyLife = time.Hour

// copies are files of blobs on the local disk, whole and verified. All who want a blob at once share one download. What is used least
// recently goes when there are more bytes than the limit; a file that is open stays readable.
type copies struct {
	folder   *os.File // of this process, which has it locked
	limit    int64    // bytes
	download func(ctx context.Context, d store.Digest, to *os.File) error
	work     context.Context // ends downloads when the copies are closed

	stop    context.CancelFunc
	mu      sync.Mutex
	copies  map[store.Digest]*localCopy
	recency list.List // of those that are ready, the last used first
	bytes   int64     // of those that are ready
}

// A localCopy is a file, which may be under way.
type localCopy struct {
	digest store.Digest
	path   string
	made   time.Time
	bytes  int64

	ready   chan struct{} // closed when the download has ended
	err     error         // why it failed, to be read after that
	cancel  context.CancelFunc
	users   int           // how many are about to open it
	dropped bool          // it goes with its last user
	place   *list.Element // in recency; nil until it is ready and after it was dropped
}

// openCopies returns no copies in a folder of their own in parent, which it makes if it is missing. What other processes left there
// is removed.
func openCopies(parent string, limit int64, download func(context.Context, store.Digest, *os.File) error) (*copies, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	if err := sweep(parent); err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(parent, "")
	if err != nil {
		return nil, err
	}
	folder, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := lock(folder); err != nil {
		folder.Close()
		return nil, err
	}
	c := &copies{folder: folder, limit: limit, download: download, copies: map[store.Digest]*localCopy{}}
	c.work, c.stop = context.WithCancel(context.Background())
	go c.age()
	return c, nil
}

// sweep removes the folders in parent that no process has.
func sweep(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		folder, err := os.Open(filepath.Join(parent, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process sweeps too
		}
		if err != nil {
			return err
		}
		if lock(folder) == nil {
			err = os.RemoveAll(folder.Name())
		}
		if err := errors.Join(err, folder.Close()); err != nil {
			return err
		}
	}
	return nil
}

// lock takes a folder for this process until it is closed, or says that another one has it.
func lock(folder *os.File) error {
	for {
		err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// open returns a file of a blob, which the caller closes.
func (c *copies) open(ctx context.Context, d store.Digest) (*os.File, error) {
	const tries = 2 // somebody may have removed the file of the first
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return nil, ended(ctx)
		}
		l := c.enter(d)
		f, err := l.open(ctx)
		c.leave(l)
		if try == tries || l.failed() || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		c.forget(d)
	}
}

// enter returns the copy of a blob, whose download it begins if there is none. The caller leaves it.
func (c *copies) enter(d store.Digest) *localCopy {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.copies[d]
	if l != nil && l.place != nil && time.Since(l.made) > copyLife {
		c.drop(l)
		l = nil
	}
	if l == nil {
		l = &localCopy{digest: d, ready: make(chan struct{})}
		var ctx context.Context
		ctx, l.cancel = context.WithCancel(c.work)
		c.copies[d] = l
		go c.make(ctx, l)
	}
	if l.place != nil {
		c.recency.MoveToFront(l.place)
	}
	l.users++
	return l
}

// leave ends what enter began.
func (c *copies) leave(l *localCopy) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.users--
	if l.users > 0 {
		return
	}
	select {
	case <-l.ready:
	default:
		// Nobody waits any more.
		l.cancel()
		c.drop(l)
		return
	}
	if l.dropped {
		os.Remove(l.path)
	}
	c.evict()
}

// open waits for the download and opens its file.
func (l *localCopy) open(ctx context.Context) (*os.File, error) {
	select {
	case <-ctx.Done():
		return nil, ended(ctx)
	case <-l.ready:
	}
	if l.err != nil {
		return nil, l.err
	}
	return os.Open(l.path)
}

// failed tells whether the download has ended without a file.
func (l *localCopy) failed() bool {
	select {
	case <-l.ready:
		return l.err != nil
	default:
		return false
	}
}

// make downloads a copy.
func (c *copies) make(ctx context.Context, l *localCopy) {
	defer l.cancel()
	f, err := os.Create(filepath.Join(c.folder.Name(), rand.Text()))
	if err == nil {
		err = c.download(ctx, l.digest, f)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finish(l, f, err)
}

// finish tells those who wait that a download has ended with f, which may be nil, and err. It closes f.
func (c *copies) finish(l *localCopy, f *os.File, err error) {
	if f != nil {
		var info os.FileInfo
		if err == nil {
			info, err = f.Stat()
		}
		l.path = f.Name()
		f.Close()
		if err == nil {
			l.bytes = info.Size()
		} else {
			os.Remove(l.path)
		}
	}
	l.err, l.made = err, time.Now()
	close(l.ready)
	switch {
	case err != nil:
		c.drop(l)
	case l.dropped:
		if l.users == 0 {
			os.Remove(l.path)
		}
	default:
		l.place = c.recency.PushFront(l)
		c.bytes += l.bytes
		c.evict()
	}
}

// keep makes the file of a blob that was just put its copy, if the file can be had, so that it need not be downloaded at once.
func (c *copies) keep(d store.Digest, f *os.File) {
	info, err := f.Stat()
	if err != nil || info.Size() > c.limit {
		return
	}
	// The name was never used before: a copy that was dropped may still be about to be removed.
	path := filepath.Join(c.folder.Name(), rand.Text())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copies[d] != nil || os.Rename(f.Name(), path) != nil {
		return
	}
	l := &localCopy{digest: d, path: path, bytes: info.Size(), made: time.Now(), ready: make(chan struct{})}
	close(l.ready)
	c.copies[d] = l
	l.place = c.recency.PushFront(l)
	c.bytes += l.bytes
	c.evict()
}

// forget drops the copy of a blob, if there is one.
func (c *copies) forget(d store.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.copies[d]; l != nil {
		c.drop(l)
	}
}

// drop takes a copy out; its file goes with its last user.
func (c *copies) drop(l *localCopy) {
	l.dropped = true
	if c.copies[l.digest] == l {
		delete(c.copies, l.digest)
	}
	if l.place != nil {
		c.recency.Remove(l.place)
		l.place = nil
		c.bytes -= l.bytes
		if l.users == 0 {
			os.Remove(l.path)
		}
	}
}

// evict drops what was used least recently until there are no more bytes than the limit.
func (c *copies) evict() {
	for element := c.recency.Back(); element != nil && c.bytes > c.limit; {
		l := element.Value.(*localCopy)
		element = element.Prev()
		if l.users == 0 {
			c.drop(l)
		}
	}
}

// age drops copies that have become too old, until the copies are closed.
func (c *copies) age() {
	for {
		select {
		case <-c.work.Done():
			return
		case <-time.After(copyLife / 10):
		}
		c.mu.Lock()
		for element := c.recency.Back(); element != nil; {
			l := element.Value.(*localCopy)
			element = element.Prev()
			if time.Since(l.made) > copyLife {
				c.drop(l)
			}
		}
		c.mu.Unlock()
	}
}

// close ends downloads and removes the copies.
func (c *copies) close() error {
	c.stop()
	return errors.Join(os.RemoveAll(c.folder.Name()), c.folder.Close())
}
