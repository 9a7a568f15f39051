package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"calotype/store"
)

// A transfer is a copy of all images from one storage to another.
type transfer struct {
	from, to storage
	beside   bool // the target may be served from meanwhile
}

// check refuses what cannot be meant, before anything is opened or made.
func (t transfer) check() error {
	if t.from.Index == "" {
		if _, err := os.Stat(filepath.Join(t.from.Data, "index.sqlite")); err != nil {
			return fmt.Errorf("there are no images in %s: %w", t.from, err)
		}
	}
	from, err := realPath(t.from.Data)
	if err != nil {
		return err
	}
	to, err := realPath(t.to.Data)
	if err != nil {
		return err
	}
	if isWithin(from, to) || isWithin(to, from) {
		return fmt.Errorf("of %s and %s one is within the other: all that is in a data folder belongs to it", from, to)
	}
	sameBlobs := t.from.Blobs == t.to.Blobs && (t.from.Blobs != "" || from == to)
	if sameBlobs && t.sharesIndex() {
		return fmt.Errorf("%s would be copied to itself", t.from)
	}
	return nil
}

// sharesIndex tells whether only the bytes of images go somewhere else.
func (t transfer) sharesIndex() bool {
	from, failed := realPath(t.from.Data)
	to, err := realPath(t.to.Data)
	return t.from.Index == t.to.Index && (t.from.Index != "" || from == to && failed == nil && err == nil)
}

// openTarget opens the storage that is copied to, and says whether somebody serves from its folder. Where nobody does, nobody can begin
// to until it is closed.
func (t transfer) openTarget(ctx context.Context) (s *store.Store, served bool, err error) {
	s, err = t.to.open(ctx, false)
	if errors.Is(err, store.ErrInUse) && t.beside {
		s, err = t.to.open(ctx, true)
		return s, true, err
	}
	return s, false, err
}

// String names a storage for people, without passwords.
func (s storage) String() string {
	switch {
	case s.Blobs == "" && s.Index == "":
		return s.Data
	case s.Blobs == "":
		return s.Data + " and " + redacted(s.Index)
	case s.Index == "":
		return redacted(s.Blobs) + " and " + s.Data
	}
	return redacted(s.Blobs) + " and " + redacted(s.Index)
}

// redacted is a URL without its password and its options.
func redacted(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "what cannot be read as a URL"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// realPath returns the path of a file without links and dots, as far as it exists.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, os.ErrNotExist) || path == filepath.Dir(path) {
			return "", err
		}
		rest = filepath.Join(filepath.Base(path), rest)
		path = filepath.Dir(path)
	}
}

func isWithin(path, folder string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}
