package remote

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"calotype/store"
)

const (
	blockBytes = 4 << 10
	leastMean  = 64 << 10 // bytes: there is room for as many originals as have this mean size
	itemMemory = 512      // bytes that one takes of the memory at most

	trustFor  = time.Minute      // that the bytes of a file are what they were
	looseLife = time.Minute      // of a file that nobody finds any more, for those who are about to open it
	touchPace = 10 * time.Minute // between two notes, in the times of a file, that it is used
)

// A shelf keeps the files of fetched originals in a folder, within a budget of bytes, and what is known of each in a record beside it:
//
//	lock             held while the folder is open
//	new/…            what is being fetched
//	ab/abcd…         the record of the source that is named so
//	ab/abcd….RANDOM  the bytes
//
// Nothing is synced: a record that is not whole is no record, and bytes that are not those of the record's digest are none. What was
// used least recently makes room for what is new. The methods may be called concurrently.
type shelf struct {
	root  *os.Root
	lock  *os.File
	limit int64 // blocks
	most  int   // items
	room  func(bytes int64) error

	mutex   sync.Mutex
	items   map[string]*item // by the name of the record
	recency list.List        // of all items, the last used first
	blocks  int64            // of all items and spools
	ceiling int64            // of blocks while the disk has no room; 0 while it has

	evicted, damaged atomic.Uint64
}

// An item is a file of bytes and, unless it is loose, its record.
type item struct {
	name   string // of the record
	body   string // path of the bytes
	blocks int64  // of both
	noted  int64  // blocks of the record
	loose  bool   // no record names the bytes any more
	place  *list.Element

	touched time.Time
	reading sync.Mutex // held by who looks whether the bytes are whole
	trusted time.Time  // when they were, guarded by reading
}

// errDamaged is that a file is missing or not what was written.
var errDamaged = errors.New("the bytes are missing or others")

func blocksOf(bytes int64) int64 { return (bytes + blockBytes - 1) / blockBytes }

// Memory is what knowing fetched originals of so many bytes takes of the memory at most, in bytes.
func Memory(bytes int64) int64 { return mostItems(bytes)*itemMemory + mostEntries*entryMemory }

func mostItems(bytes int64) int64 { return bytes / leastMean }

// folderOf is the folder of a record and its bytes.
func folderOf(name string) string { return name[:2] }

// record is the path of the item's record.
func (i *item) record() string { return path.Join(folderOf(i.name), i.name) }

// keep makes the bytes of a spool those of a source. What the source had before can be opened for a while by those who know its item. An
// error is of this machine; there is an item all the same if the bytes could be kept, but not their record.
func (s *shelf) keep(sp *spool, name string, r record) (*item, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	i, err := s.put(sp, name)
	if err != nil {
		return nil, err
	}
	old := s.items[name]
	if err := s.note(i, r); err != nil {
		s.loosen(i)
		return i, err
	}
	if old != nil {
		s.loosen(old)
	}
	s.items[name] = i
	s.makeRoom(0)
	return i, nil
}

// keepLoose keeps the bytes of a spool for a while, for those alone who know the item.
func (s *shelf) keepLoose(sp *spool, name string) (*item, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	i, err := s.put(sp, name)
	if err != nil {
		return nil, err
	}
	s.loosen(i)
	return i, nil
}

// put makes an item of a spool.
func (s *shelf) put(sp *spool, name string) (*item, error) {
	body := path.Join(folderOf(name), name+"."+rand.Text())
	err := s.root.Rename(sp.name, body)
	if errors.Is(err, os.ErrNotExist) { // the folder is missing
		if err = s.makeFolder(folderOf(name)); err == nil {
			err = s.root.Rename(sp.name, body)
		}
	}
	if err != nil {
		return nil, localError(err)
	}
	sp.name = ""
	i := &item{name: name, body: body, blocks: blocksOf(sp.length), touched: time.Now(), trusted: time.Now()}
	i.place = s.recency.PushFront(i)
	s.blocks += i.blocks - sp.blocks
	sp.blocks = 0
	return i, nil
}

// note writes the record of an item.
func (s *shelf) note(i *item, r record) error {
	r.Body = i.body
	data, err := r.encode()
	if err != nil {
		return err
	}
	fresh := path.Join(newFolder, rand.Text())
	if err := s.root.WriteFile(fresh, data, 0o600); err != nil {
		_ = s.root.Remove(fresh)
		return localError(err)
	}
	if err := s.root.Rename(fresh, i.record()); err != nil {
		_ = s.root.Remove(fresh)
		return localError(err)
	}
	more := blocksOf(int64(len(data))) - i.noted
	i.noted += more
	i.blocks += more
	s.blocks += more
	return nil
}

// rewrite replaces the record of an item, if it is still that of its source.
func (s *shelf) rewrite(i *item, r record) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.items[i.name] != i {
		return nil
	}
	return s.note(i, r)
}

// load reads the record of a source. It is not there if it cannot be read.
func (s *shelf) load(name string) (record, *item, bool) {
	s.mutex.Lock()
	i := s.items[name]
	s.mutex.Unlock()
	if i == nil {
		return record{}, nil, false
	}
	data, err := s.root.ReadFile(i.record())
	if err == nil {
		var r record
		if r, err = decodeRecord(data); err == nil && r.Body == i.body {
			return r, i, true
		}
	}
	s.damaged.Add(1)
	s.remove(i)
	return record{}, nil, false
}

// open opens the bytes of an item, which the caller closes. The error is errDamaged if they are not those of the digest; the item is gone then.
func (s *shelf) open(ctx context.Context, i *item, d store.Digest, bytes int64) (*os.File, error) {
	file, err := s.root.OpenFile(i.body, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, os.ErrClosed) {
			return nil, localError(err)
		}
		s.remove(i) // also what somebody has put there, such as a link
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if err := i.check(ctx, file, d, bytes); err != nil {
		file.Close()
		if errors.Is(err, errDamaged) {
			s.damaged.Add(1)
			s.remove(i)
		}
		return nil, err
	}
	s.touch(i)
	return file, nil
}

// check compares a file with what it must be, unless that was done a short time ago.
func (i *item) check(ctx context.Context, file *os.File, d store.Digest, bytes int64) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != bytes {
		return fmt.Errorf("%w: %d bytes instead of %d", errDamaged, info.Size(), bytes)
	}
	i.reading.Lock()
	defer i.reading.Unlock()
	if time.Since(i.trusted) < trustFor {
		return nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(stopping{ctx, file}, 0, bytes)); err != nil {
		if ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
		return err
	}
	if store.Digest(hash.Sum(nil)) != d {
		return errDamaged
	}
	i.trusted = time.Now()
	return nil
}

// stopping reads until a context ends.
type stopping struct {
	ctx  context.Context
	file io.ReaderAt
}

func (s stopping) ReadAt(p []byte, at int64) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.file.ReadAt(p, at)
}

// has tells whether the bytes of an item are there, as far as is known.
func (s *shelf) has(i *item) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return i.place != nil && !i.loose
}

// touch notes that an item is used.
func (s *shelf) touch(i *item) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if i.place == nil {
		return
	}
	s.recency.MoveToFront(i.place)
	if now := time.Now(); now.Sub(i.touched) > touchPace {
		i.touched = now
		_ = s.root.Chtimes(i.body, time.Time{}, now) // without it the next start takes it for an old one
	}
}

// loosen takes an item from its record, which has another or goes. The mutex is held.
func (s *shelf) loosen(i *item) {
	if s.items[i.name] == i {
		delete(s.items, i.name)
	}
	i.loose = true
	time.AfterFunc(looseLife, func() { s.remove(i) })
}

// forget forgets a source, but for those who know its item.
func (s *shelf) forget(name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if i := s.items[name]; i != nil {
		_ = s.root.Remove(i.record())
		s.loosen(i)
	}
}

// named returns the names of records that begin so.
func (s *shelf) named(prefix string) (names []string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for name := range s.items {
		if len(name) >= len(prefix) && name[:len(prefix)] == prefix {
			names = append(names, name)
		}
	}
	return names
}

// remove removes an item.
func (s *shelf) remove(i *item) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.drop(i)
}

// drop is remove with the mutex held. The record goes first: one without bytes would be looked up in vain.
func (s *shelf) drop(i *item) {
	if i.place == nil {
		return
	}
	if s.items[i.name] == i {
		delete(s.items, i.name)
		_ = s.root.Remove(i.record())
	}
	_ = s.root.Remove(i.body) // what is left is removed at the next start
	s.recency.Remove(i.place)
	i.place = nil
	s.blocks -= i.blocks
}

// makeRoom drops what was used least recently until there is room for so many blocks more. It tells whether there is.
func (s *shelf) makeRoom(blocks int64) bool {
	for s.blocks+blocks > s.limit || s.recency.Len() > s.most {
		if !s.dropLast() {
			return false
		}
	}
	return true
}

// dropLast drops what was used least recently, if there is anything.
func (s *shelf) dropLast() bool {
	last := s.recency.Back()
	if last == nil {
		return false
	}
	s.drop(last.Value.(*item))
	s.evicted.Add(1)
	return true
}

// reserve takes blocks for a spool. While the disk has no room, no more are taken in all than when that began.
func (s *shelf) reserve(blocks int64) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	full := s.room != nil && s.room(blocks*blockBytes) != nil
	if !full {
		s.ceiling = 0
	} else if s.ceiling == 0 {
		s.ceiling = s.blocks
	}
	for full && s.blocks+blocks > s.ceiling {
		if !s.dropLast() {
			return fmt.Errorf("keep a source: %w", store.ErrFull)
		}
	}
	if !s.makeRoom(blocks) {
		return fmt.Errorf("%w: all room for sources is taken by those that are being fetched", ErrBusy)
	}
	s.blocks += blocks
	return nil
}

func (s *shelf) release(blocks int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.blocks -= blocks
}

// state is what there is now.
func (s *shelf) state() (bytes, items int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.blocks * blockBytes, int64(len(s.items))
}
