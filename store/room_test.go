package store

import (
	"errors"
	"math"
	"path/filepath"
	"testing"
)

// openRoom opens a store that leaves so much of its disk free.
func openRoom(t *testing.T, least int64) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), MinFree: least})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestNothingIsTakenBelowTheMark(t *testing.T) {
	s := openRoom(t, math.MaxInt64/2)
	if err := s.Room(0); !errors.Is(err, ErrFull) {
		t.Errorf("room: got %v, want ErrFull", err)
	}
	if _, err := s.Spool(); !errors.Is(err, ErrFull) {
		t.Errorf("spool: got %v, want ErrFull", err)
	}
	if files := spoolFiles(t, s); len(files) != 0 {
		t.Errorf("left %v", files)
	}
	if err := s.Check(t.Context()); !errors.Is(err, ErrFull) {
		t.Errorf("check: got %v, want ErrFull", err)
	}
	if !s.State().Full {
		t.Error("the state does not tell")
	}
}

func TestAnUploadCanBeTooLargeForTheRoom(t *testing.T) {
	s := openRoom(t, 1)
	free, err := s.room.left()
	if err != nil || free <= 1 {
		t.Fatalf("%d bytes are free, %v", free, err)
	}
	if err := s.Room(1000); err != nil {
		t.Errorf("a small one: %v", err)
	}
	if err := s.Room(free); !errors.Is(err, ErrFull) {
		t.Errorf("one that takes all: got %v, want ErrFull", err)
	}
	if s.State().Full {
		t.Error("it is full")
	}
}

func TestTheMarkIsMetWhileSpooling(t *testing.T) {
	s := openRoom(t, 1)
	sp := newSpool(t, s)
	if _, err := sp.Write(make([]byte, roomStep)); err != nil {
		t.Fatal(err)
	}
	s.room.free = 0 // as the file system says for the next second
	if _, err := sp.Write(make([]byte, 1)); err != nil {
		t.Errorf("between two looks: %v", err)
	}
	if _, err := sp.Write(make([]byte, roomStep)); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if _, err := s.Add(t.Context(), sp, Original{}, Usage{}); !errors.Is(err, ErrFull) {
		t.Errorf("add: got %v, want ErrFull", err)
	}
}

func TestWithoutAMarkNobodyAsks(t *testing.T) {
	s := openRoom(t, 0)
	s.room.folder = filepath.Join(t.TempDir(), "missing")
	if err := s.Room(math.MaxInt64); err != nil {
		t.Error(err)
	}
	s.room.least = 1
	if err := s.Room(0); err == nil || errors.Is(err, ErrFull) {
		t.Errorf("a disk that does not answer: %v", err)
	}
}
