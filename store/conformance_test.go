package store_test

import (
	"path/filepath"
	"testing"

	"calotype/store"
	"calotype/store/storetest"
)

func TestDisk(t *testing.T) {
	storetest.Blobs(t, func(t *testing.T) store.Blobs {
		blobs, err := store.OpenDisk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return blobs
	})
}

func TestSQLite(t *testing.T) {
	storetest.Index(t, func(t *testing.T) store.Index {
		index, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "index.sqlite"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := index.Close(); err != nil {
				t.Error(err)
			}
		})
		return index
	})
}
