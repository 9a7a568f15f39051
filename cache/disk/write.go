package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// What waits to be written at most.
const (
	queueLength = 256
	queueBytes  = 8 << 20 // or a single entry
)

// newFile is where an entry is written before it gets its name. One is written at a time.
const newFile = "new"

// A job is for the writer: to write an entry, or, if it has none, to remove what is not fit to be one.
type job struct {
	name    Name
	path    string
	further []uint64
	text    string
	meta    []byte
	body    []byte
	still   func() bool
}

// bytes is what a job holds of the memory.
func (j job) bytes() int64 {
	const fields = 512
	return int64(fields + len(j.text) + len(j.meta) + len(j.body))
}

// Put has an entry written by a goroutine of the cache's own. It does not wait: the entry is dropped if too much is to be written
// already, if it is too large, or if the folder fails. Until it is written meta and body are held, and must never be changed. Once
// it can be found, still is asked whether that is right, if it is not nil; if not, the entry is removed again. What is removed with
// Remove after its still would say no is therefore never found later.
func (c *Cache) Put(key Key, meta, body []byte, still func() bool) {
	if c == nil || !key.fits() || len(meta) > MaxMeta || int64(headLength+len(key.Text)+len(meta)+len(body)) > c.largest {
		return
	}
	j := job{name: key.Name(), further: key.further(), text: key.Text, meta: meta, body: body, still: still}
	j.path = j.name.path(j.further)
	if c.writing.blown() || !c.enqueue(j) {
		c.dropped.Add(1)
	}
}

func (c *Cache) enqueue(j job) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed || c.waiting > 0 && c.waiting+j.bytes() > queueBytes {
		return false
	}
	select {
	case c.queue <- j:
		c.waiting += j.bytes()
		return true
	default:
		return false
	}
}

// run is the writer.
func (c *Cache) run() {
	defer close(c.done)
	c.scan()
	for j := range c.queue {
		c.do(j)
		c.mutex.Lock()
		c.waiting -= j.bytes()
		c.mutex.Unlock()
	}
}

func (c *Cache) do(j job) {
	switch {
	case j.text == "":
		c.change.Lock()
		c.removeAt(j.name, j.path)
		c.change.Unlock()
	case c.writing.blown() || !c.keep(j):
		c.dropped.Add(1)
	default:
		c.written.Add(1)
		if j.still != nil && !j.still() {
			c.change.Lock()
			c.drop(j.name)
			c.change.Unlock()
		}
	}
}

// keep makes room for an entry and writes it.
func (c *Cache) keep(j job) bool {
	head := headOf(j.text, j.meta, j.body)
	blocks := blocksOf(int64(len(head) + len(j.body)))
	c.change.Lock()
	defer c.change.Unlock()
	if !c.knows() || !c.makeRoom(1, blocks) {
		return false
	}
	if err := c.write(j.path, head, j.body); err != nil {
		c.failed(err)
		return false
	}
	c.writing.mend()
	c.mutex.Lock()
	c.index.add(j.name, j.further, uint32(blocks))
	c.mutex.Unlock()
	return true
}

// failed takes note of a change that the folder did not take.
func (c *Cache) failed(err error) {
	if isFailure(err) {
		c.writing.blow(err)
		return
	}
	c.writing.times.Add(1)
}

// write writes a file and gives it its name. Nothing is synced: what a crash has left of it is found out when it is read.
func (c *Cache) write(name string, head, body []byte) error {
	err := c.writeNew(head, body)
	if err == nil {
		err = c.root.Rename(newFile, name)
		if errors.Is(err, fs.ErrNotExist) {
			// Somebody has emptied the folder.
			_ = c.root.Mkdir(path.Dir(name), 0o700)
			err = c.root.Rename(newFile, name)
		}
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(c.root.Remove(newFile)))
	}
	return nil
}

func (c *Cache) writeNew(head, body []byte) error {
	file, err := c.root.OpenFile(newFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(head)
	if err == nil {
		_, err = file.Write(body)
	}
	return errors.Join(err, file.Close())
}

// makeRoom evicts until there is room for so many entries of so many blocks together. c.change is held.
func (c *Cache) makeRoom(entries int, blocks int64) bool {
	for {
		c.mutex.Lock()
		switch {
		case blocks > c.blocks:
			c.mutex.Unlock()
			return false
		case c.index.entries+entries <= c.entries && c.index.blocks+blocks <= c.blocks:
			c.mutex.Unlock()
			return true
		}
		c.holdOn()
		name := c.index.next()
		before := c.index.blocks
		c.mutex.Unlock()
		if !c.remove(name) {
			return false
		}
		c.evicted.Add(1)
		c.mutex.Lock()
		c.sweep -= before - c.index.blocks
		c.mutex.Unlock()
	}
}

// knows tells whether the folder is known.
func (c *Cache) knows() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.scanned
}

// heldShare says how often it is asked what is in memory: whenever this part of the budget has made room.
const heldShare = 16

// holdOn marks what is in memory, if that was not done for a while. Both locks are held.
func (c *Cache) holdOn() {
	if c.options.Held == nil || c.sweep > 0 {
		return
	}
	c.sweep = c.blocks / heldShare
	for name := range c.options.Held {
		c.index.mark(name)
	}
}

// remove removes an entry that the index knows, file first. c.change is held. It tells whether the file is gone.
func (c *Cache) remove(name Name) bool {
	c.mutex.Lock()
	further := c.index.further[name]
	c.mutex.Unlock()
	return c.removeAt(name, name.path(further))
}

func (c *Cache) removeAt(name Name, path string) bool {
	if err := ignoreMissing(c.root.Remove(path)); err != nil {
		c.failed(err)
		return false
	}
	c.mutex.Lock()
	c.index.remove(name)
	c.mutex.Unlock()
	return true
}

// drop removes an entry, or at least has it found no more if its file cannot be removed. c.change is held.
func (c *Cache) drop(name Name) {
	if !c.remove(name) {
		c.mutex.Lock()
		c.index.remove(name)
		c.mutex.Unlock()
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func blocksOf(bytes int64) int64 { return (bytes + blockBytes - 1) / blockBytes }
