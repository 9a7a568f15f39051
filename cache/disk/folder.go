package disk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"
)

// openFolder makes the folder where it is missing, and takes it for this process.
func (c *Cache) openFolder(dir string) (err error) {
	if c.options.Bytes < LeastBytes {
		return fmt.Errorf("a budget of %d bytes is less than %d", c.options.Bytes, LeastBytes)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if c.root, err = os.OpenRoot(dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.root.Close()
			if c.lock != nil {
				unlock(c.lock)
			}
		}
	}()
	info, err := c.root.Stat(".")
	if err != nil {
		return err
	}
	if owner, known := info.Sys().(*syscall.Stat_t); known && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, and this process is user %d", owner.Uid, os.Geteuid())
	}
	if err := c.root.Chmod(".", 0o700); err != nil {
		return err
	}
	if c.lock, err = c.root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := flock(c.lock); err != nil {
		return err
	}
	if err := ignoreMissing(c.root.Remove(newFile)); err != nil {
		return err
	}
	for number := range folders {
		if err := c.root.Mkdir(folderName(number), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// flock is that of Linux and the BSDs, macOS among them: held by the open file, and let go at the end of the process, however it ends.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrInUse
		default:
			return err
		}
	}
}

// unlock lets a file go and closes it. A child process that is just being started has the descriptor, too, until it runs its program: to
// close it is not enough.
func unlock(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	f.Close()
}

// A find is an entry that the scan came upon.
type find struct {
	name   Name
	used   int64 // nanoseconds since 1970
	blocks uint32
}

// scan fills the index with what is in the folder, in the order in which it was used. What is not named like an entry is left alone,
// since it is not ours.
func (c *Cache) scan() {
	var finds []find
	further := map[Name][]uint64{}
	for number := range folders {
		if c.isClosed() {
			return
		}
		err := c.eachFile(folderName(number), func(path string, info fs.FileInfo) {
			name, more, ok := parsePath(path)
			switch {
			case !ok:
			case info.Size() < headLength || info.Size() > c.largest:
				if c.root.Remove(path) == nil {
					c.damaged.Add(1)
				}
			default:
				finds = append(finds, find{name, info.ModTime().UnixNano(), uint32(blocksOf(info.Size()))})
				if more != nil {
					further[name] = more
				}
			}
		})
		if err != nil {
			c.failed(err)
			c.options.Log("a part of the cache on disk cannot be read", err)
		}
	}
	slices.SortFunc(finds, func(a, b find) int { return cmp.Compare(a.used, b.used) })
	c.take(finds, further)
}

// take puts what the scan has found into the index, but for what was removed meanwhile and what there is no room for.
func (c *Cache) take(finds []find, further map[Name][]uint64) {
	c.change.Lock()
	defer c.change.Unlock()
	for some := range slices.Chunk(finds, 4096) { // others want the index, too
		c.mutex.Lock()
		for _, f := range some {
			c.index.add(f.name, further[f.name], f.blocks)
		}
		c.mutex.Unlock()
	}
	var gone []Name
	c.mutex.Lock()
	for group := range c.removed {
		gone = append(gone, c.index.ofGroup(group)...)
	}
	c.mutex.Unlock()
	for _, name := range gone {
		c.drop(name)
	}
	c.makeRoom(0, 0)
	c.mutex.Lock()
	c.scanned, c.removed = true, nil
	c.mutex.Unlock()
}

// eachFile calls what with every regular file of a folder.
func (c *Cache) eachFile(name string, what func(path string, info fs.FileInfo)) error {
	folder, err := c.root.Open(name)
	if err != nil {
		return ignoreMissing(err)
	}
	defer folder.Close()
	for {
		entries, err := folder.ReadDir(1024)
		if len(entries) == 0 {
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			return nil
		}
		for _, entry := range entries {
			if !entry.Type().IsRegular() {
				continue
			}
			if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
				what(path.Join(name, entry.Name()), info)
			}
		}
	}
}

func (c *Cache) isClosed() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.closed
}
