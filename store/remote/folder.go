package remote

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"calotype/store"
)

const (
	newFolder = "new"
	lockFile  = "lock"
	folders   = 256 // at most, named by the first two digits of what is in them

	// LeastBytes is the smallest budget for fetched originals.
	LeastBytes = 16 << 20
)

// openShelf returns the shelf in a folder, which it makes if it is missing. One process can have a folder open at a time; to another
// the error is store.ErrInUse. What a crash has left there and what is damaged is removed.
func openShelf(dir string, bytes int64) (_ *shelf, err error) {
	if bytes < LeastBytes {
		return nil, fmt.Errorf("a budget of %d bytes is less than %d", bytes, LeastBytes)
	}
	s := &shelf{limit: bytes/blockBytes - folders - 3, most: int(mostItems(bytes)), items: map[string]*item{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if s.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err := s.take(); err != nil {
		return nil, err
	}
	if err := s.makeFolder(newFolder); err != nil {
		return nil, err
	}
	return s, s.scan()
}

// take makes the folder that of this process alone.
func (s *shelf) take() (err error) {
	info, err := s.root.Stat(".")
	if err != nil {
		return err
	}
	if owner, known := info.Sys().(*syscall.Stat_t); known && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, and this process is user %d", owner.Uid, os.Geteuid())
	}
	if err := s.root.Chmod(".", 0o700); err != nil {
		return err
	}
	if s.lock, err = s.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	for {
		err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return store.ErrInUse
		default:
			return err
		}
	}
}

// makeFolder makes a folder where it is missing.
func (s *shelf) makeFolder(name string) error {
	if err := s.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// scan learns what is in the folder.
func (s *shelf) scan() error {
	var found []*item
	all, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, entry := range all {
		if !isFolderName(entry.Name()) || !entry.IsDir() {
			continue
		}
		items, err := s.scanFolder(entry.Name())
		if err != nil {
			return err
		}
		found = append(found, items...)
	}
	if err := s.removeFiles(newFolder); err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b *item) int { return cmp.Compare(b.touched.UnixNano(), a.touched.UnixNano()) })
	for _, i := range found {
		i.place = s.recency.PushBack(i)
		s.items[i.name] = i
		s.blocks += i.blocks
	}
	s.makeRoom(0)
	return nil
}

// isFolderName tells whether a name is that of one of the folders: two hexadecimal digits.
func isFolderName(name string) bool {
	return len(name) == 2 && strings.Trim(name, "0123456789abcdef") == ""
}

// scanFolder returns the items in one of the folders, and removes what is none.
func (s *shelf) scanFolder(folder string) (found []*item, err error) {
	files, err := fs.ReadDir(s.root.FS(), folder)
	if err != nil {
		return nil, err
	}
	all := map[string][]string{} // the files of each name
	for _, f := range files {
		name, _, _ := strings.Cut(f.Name(), ".")
		all[name] = append(all[name], path.Join(folder, f.Name()))
	}
	for name, files := range all {
		i := s.scanItem(folder, name, files)
		if i != nil {
			found = append(found, i)
		}
		for _, file := range files {
			if i == nil || file != i.record() && file != i.body {
				_ = s.root.RemoveAll(file)
			}
		}
	}
	return found, nil
}

// scanItem returns what a record and one of the bodies beside it are, if they belong together.
func (s *shelf) scanItem(folder, name string, files []string) *item {
	if !strings.HasPrefix(name, folder) {
		return nil
	}
	i := &item{name: name}
	bodies := slices.DeleteFunc(slices.Clone(files), func(file string) bool { return file == i.record() })
	if len(bodies) == len(files) || len(bodies) == 0 {
		return nil
	}
	i.body = bodies[0]
	if len(bodies) > 1 { // a crash came between new bytes and their record, or between their record and the end of the old ones
		data, err := s.root.ReadFile(i.record())
		if err != nil {
			return nil
		}
		r, err := decodeRecord(data)
		if err != nil || !slices.Contains(bodies, r.Body) {
			return nil
		}
		i.body = r.Body
	}
	for _, file := range []string{i.record(), i.body} {
		info, err := s.root.Lstat(file)
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		i.noted = i.blocks // in the end those of the first
		i.blocks += blocksOf(info.Size())
		i.touched = info.ModTime() // in the end that of the bytes
	}
	return i
}

// removeFiles empties a folder.
func (s *shelf) removeFiles(folder string) error {
	files, err := fs.ReadDir(s.root.FS(), folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := s.root.RemoveAll(path.Join(folder, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// close lets the folder go. A child process that is just being started has the descriptor of the lock, too, until it runs its program: to
// close it is not enough.
func (s *shelf) close() error {
	err := s.root.Close()
	if s.lock != nil {
		err = errors.Join(err, syscall.Flock(int(s.lock.Fd()), syscall.LOCK_UN), s.lock.Close())
	}
	return err
}
