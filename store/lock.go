package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lock takes the file at path for this process, or returns ErrInUse if another one has it. Closing it lets it go, and so does
// the end of the process, however it ends.
func lock(path string) (io.Closer, error) {
	f, err := flock(path, true)
	switch {
	case err != nil:
		return nil, err
	case f == nil:
		return nil, ErrInUse
	}
	return lockedFile{f}, nil
}

// A lockedFile is one that flock has locked.
type lockedFile struct{ *os.File }

// Close lets the file go. A child process that is just being started has the descriptor, too, until it runs its program: to close it is
// not enough.
func (f lockedFile) Close() error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.File.Close())
}

// flock opens the file at path, which it makes if it is missing, and locks it, alone or together with others, without waiting. It
// returns nil if somebody else has locked it in a way that does not allow that.
func flock(path string, alone bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	// flock of Linux and the BSDs, macOS among them: held by the open file, which no child process inherits.
	for {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, nil
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// fileLocks are a locker on the files 00 to ff of a folder. The files are made when they are needed, and must not be deleted while
// anybody has the store open.
type fileLocks struct {
	folder string
	held   [256]*os.File // by slot; the guard calls no two methods for one slot at a time
}

// tryLock implements locker.
func (l *fileLocks) tryLock(_ context.Context, slot byte, alone bool) (bool, error) {
	f, err := flock(filepath.Join(l.folder, fmt.Sprintf("%02x", slot)), alone)
	l.held[slot] = f
	return f != nil, err
}

// unlock implements locker.
func (l *fileLocks) unlock(slot byte) {
	f := l.held[slot]
	l.held[slot] = nil
	lockedFile{f}.Close()
}

// lost implements locker. The system lets go of nothing by itself.
func (l *fileLocks) lost(byte) bool { return false }
