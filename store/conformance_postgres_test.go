//go:build servers

package store_test

import (
	"path/filepath"
	"sync"
	"testing"

	"calotype/store"
	"calotype/store/storetest"
	"calotype/store/storetest/servers"
)

func TestPostgres(t *testing.T) {
	server := servers.Postgres(t)
	two := func(t *testing.T) (a, b store.Index) {
		database := server.NewDatabase()
		return openPostgres(t, database), openPostgres(t, database)
	}
	t.Run("alone", func(t *testing.T) {
		storetest.Index(t, func(t *testing.T) store.Index { return openPostgres(t, server.NewDatabase()) })
	})
	t.Run("shared", func(t *testing.T) { storetest.Shared(t, two) })
	t.Run("news", func(t *testing.T) { storetest.News(t, two) })
}

// Of many machines that begin at once with an empty database one makes the tables.
func TestManyMigratePostgresAtOnce(t *testing.T) {
	server := servers.Postgres(t, "max_connections=200")
	for range 3 {
		database := server.NewDatabase()
		var all sync.WaitGroup
		versions := make([]store.Versions, 8)
		for i := range versions {
			all.Go(func() {
				var err error
				if versions[i], err = store.Migrate(t.Context(), store.Options{Index: database}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		made := 0
		for _, v := range versions {
			if v.To != 3 {
				t.Errorf("migrated to %d", v.To)
			}
			if v.From == 0 {
				made++
			}
		}
		if made == 0 {
			t.Error("nobody began with an empty database")
		}
		openPostgres(t, database)
	}
}

func openPostgres(t *testing.T, location string) store.Index {
	t.Helper()
	index, err := store.OpenPostgres(t.Context(), location, filepath.Join(t.TempDir(), "news"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := index.Close(); err != nil {
			t.Error(err)
		}
	})
	return index
}
