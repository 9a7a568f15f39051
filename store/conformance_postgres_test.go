//go:build servers

package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
		schemas := 0
		storetest.Index(t, func(t *testing.T) store.Index {
			schemas++
			execute(t, server.URL, fmt.Sprintf("create schema index%d", schemas))
			return openPostgres(t, fmt.Sprintf("%s&search_path=index%d", server.URL, schemas))
		})
	})
	t.Run("shared", func(t *testing.T) { storetest.Shared(t, two) })
	t.Run("news", func(t *testing.T) { storetest.News(t, two) })
}

// Of many machines that begin at once with an empty database one makes the tables.
func TestManyMigratePostgresAtOnce(t *testing.T) {
	t.Parallel()
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
			if v.To != 6 {
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

// A role that may not change tables can serve from those that another has made.
func TestPostgresTakesFewRights(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	if v, err := store.Migrate(t.Context(), store.Options{Index: server.URL}); err != nil || v.From != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	execute(t, server.URL, "create role servant login", "revoke create on schema public from public",
		"grant select, insert, update, delete on all tables in schema public to servant")
	a, b := openPostgres(t, strings.Replace(server.URL, "calotype@", "servant@", 1)), openPostgres(t, server.URL)
	heard := make(chan store.News, 10)
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan error)
	go func() { followed <- a.Follow(ctx, func(n store.News) { heard <- n }) }()
	if n := <-heard; !n.Missed {
		t.Errorf("heard %+v", n)
	}
	o := store.Original{ID: store.ID{1}, Digest: store.Digest{2}, Format: "png"}
	if err := a.Add(t.Context(), o, store.Usage{}); err != nil {
		t.Error(err)
	}
	if err := b.Remove(t.Context(), o.ID, "task"); err != nil {
		t.Error(err)
	}
	if n := <-heard; n.Removed != o.ID {
		t.Errorf("heard %+v", n)
	}
	if err := a.Done(t.Context(), "task", o.ID); err != nil {
		t.Error(err)
	}
	if err := a.Tell(t.Context(), []byte("message")); err != nil {
		t.Error(err)
	}
	if err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-followed; err != nil {
		t.Error(err)
	}
}

// An index that a newer program has changed is left alone.
func TestNewerPostgresSchemaIsRefused(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	openPostgres(t, server.URL)
	execute(t, server.URL, "insert into schema_version (version_id, is_applied) values (1000, true)")
	if _, err := store.OpenPostgres(t.Context(), server.URL, t.TempDir()+"/news"); !errors.Is(err, store.ErrNewer) {
		t.Errorf("opened: %v, want ErrNewer", err)
	}
	if _, err := store.Migrate(t.Context(), store.Options{Index: server.URL}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("migrated: %v, want ErrNewer", err)
	}
}

// What everybody had a day to hear goes, and nothing that somebody may still need.
func TestPostgresNewsAreSwept(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	index := openPostgres(t, server.URL)
	for range 5 {
		if err := index.Tell(t.Context(), []byte("old")); err != nil {
			t.Fatal(err)
		}
	}
	execute(t, server.URL, "update news set told = told - interval '25 hours'")
	if err := index.Tell(t.Context(), []byte("new")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := index.Follow(ctx, func(store.News) { cancel() }); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var first, last int
	if err := conn.QueryRow(t.Context(), "select min(seq), max(seq) from news").Scan(&first, &last); err != nil || first != 5 || last != 6 {
		t.Errorf("kept %d to %d, %v", first, last, err)
	}
}

// Whoever was away hears what was told meanwhile, and that all was missed if that is kept no more, or if the database is another.
func TestPostgresNewsAfterAPause(t *testing.T) {
	server := servers.Postgres(t)
	other := openPostgres(t, server.URL)
	file := filepath.Join(t.TempDir(), "news")
	// listen follows until something has come, and a little longer.
	listen := func() (heard []string) {
		t.Helper()
		index, err := store.OpenPostgres(t.Context(), server.URL, file)
		if err != nil {
			t.Fatal(err)
		}
		defer index.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		index.Follow(ctx, func(n store.News) {
			if heard = append(heard, string(n.Message)); n.Missed {
				heard[len(heard)-1] = "missed"
			}
		})
		return heard
	}
	say := func(message string) {
		t.Helper()
		if err := other.Tell(t.Context(), []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	f := func(want ...string) {
		t.Helper()
		if got := listen(); !slices.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	say("before")
	f("missed") // since nothing is known
	f()
	say("one")
	say("two")
	f("one", "two")
	f()
	say("three")
	execute(t, server.URL, "delete from news where seq < (select max(seq) from news)") // as after a day
	f("missed")
	say("four")
	f("four")
	// The database is restored from a backup, and goes another way.
	execute(t, server.URL, "delete from news where seq > 2", "insert into news (seq) values (1)")
	f("missed")
	say("five")
	say("six")
	f("five", "six")
	execute(t, server.URL, "update news set told = told + interval '1 second'")
	say("seven")
	f("missed")
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
