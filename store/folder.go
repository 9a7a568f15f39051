package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// makeFolder makes the folder at path in one that exists, unless it is there, and in either case makes it durable.
func makeFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	made := err == nil
	if err := syncFolder(filepath.Dir(path)); err != nil {
		if made {
			// A second sync could succeed without having written anything, so the next caller must make it anew.
			os.Remove(path)
		}
		return err
	}
	return nil
}

// makeFolders makes the folder at path and the missing ones above it, durably.
func makeFolders(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeFolders(filepath.Dir(path)); err != nil {
		return err
	}
	return makeFolder(path)
}

// syncFolder makes durable which files the folder at path has.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
