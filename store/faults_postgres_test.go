//go:build servers

package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"calotype/store"
	"calotype/store/storetest/servers"
)

// recovery is how long an index may take to serve again once PostgreSQL does.
const recovery = 5 * time.Second

// Whatever becomes of PostgreSQL, what was acknowledged is there, what fails says that the other machine is the reason, nobody waits for
// ever, and soon after it is back all works again.
func TestFaultsOfPostgres(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t, "max_connections=60")
	proxy := servers.NewProxy(t, server.Address)
	through := server.Through(proxy.Address)
	reload := func(t *testing.T, statement string) {
		execute(t, server.URL, statement, "select pg_reload_conf()")
	}
	var occupied []*pgx.Conn
	for _, fault := range []struct {
		name        string
		begin, heal func(t *testing.T)
		lasts       time.Duration
		harmless    bool // not everything that is asked meanwhile fails
	}{
		{name: "stopped", begin: func(*testing.T) { server.Stop() }, heal: func(*testing.T) { server.Start() }, lasts: time.Second},
		{name: "killed", begin: func(*testing.T) { server.Kill() }, heal: func(*testing.T) { server.Start() }, lasts: time.Second},
		{name: "restarted", begin: func(*testing.T) { server.Restart() }, heal: func(*testing.T) {}, harmless: true},
		{name: "frozen", begin: func(*testing.T) { server.Pause() }, heal: func(*testing.T) { server.Resume() }, lasts: 7 * time.Second},
		{name: "cut off", begin: func(*testing.T) { proxy.Set(servers.Fault{Refuse: true}) }, heal: func(*testing.T) { proxy.Heal() }, lasts: time.Second},
		{name: "silent", begin: func(*testing.T) { proxy.Set(servers.Fault{Pause: true}) }, heal: func(*testing.T) { proxy.Heal() }, lasts: 7 * time.Second},
		{name: "slow", begin: func(*testing.T) { proxy.Set(servers.Fault{Rate: 3000}) }, heal: func(*testing.T) { proxy.Heal() }, lasts: 3 * time.Second, harmless: true},
		{
			name:  "read-only",
			begin: func(t *testing.T) { reload(t, "alter system set default_transaction_read_only = on") },
			heal:  func(t *testing.T) { reload(t, "alter system reset default_transaction_read_only") }, lasts: time.Second,
		},
		{
			name:  "every session ended",
			begin: func(t *testing.T) { execute(t, server.URL, endSessions) }, heal: func(*testing.T) {}, harmless: true,
		},
		{
			name: "without connections",
			begin: func(t *testing.T) {
				for {
					conn, err := pgx.Connect(t.Context(), server.URL)
					if err != nil {
						break
					}
					occupied = append(occupied, conn)
				}
				if _, err := occupied[0].Exec(t.Context(), endSessions); err != nil {
					t.Fatal(err)
				}
				for { // and what has become free by that
					conn, err := pgx.Connect(t.Context(), server.URL)
					if err != nil {
						break
					}
					occupied = append(occupied, conn)
				}
			},
			heal: func(t *testing.T) {
				for _, conn := range occupied {
					conn.Close(t.Context())
				}
			},
			lasts: time.Second, harmless: true, // a connection may be made in time
		},
	} {
		t.Run(fault.name, func(t *testing.T) {
			u := newUploads(t, through)
			u.run(4)
			u.mustSucceed(10 * time.Second)
			time.Sleep(300 * time.Millisecond)
			fault.begin(t)
			began := time.Now()
			time.Sleep(fault.lasts)
			if failed := u.failures(); failed == 0 && !fault.harmless {
				t.Error("no upload has failed meanwhile")
			}
			fault.heal(t)
			u.mustSucceed(recovery)
			t.Logf("%d acknowledged, %d failed, well %v after the fault's beginning", u.acknowledgements(), u.failures(), time.Since(began).Round(time.Millisecond))
			time.Sleep(300 * time.Millisecond)
			u.check(through)
		})
	}
}

const endSessions = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'calotype'"

// A connection that is reset in the middle of whatever it does, a commit above all, acknowledges nothing that is not there.
func TestResetsOfConnectionsToPostgres(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	proxy := servers.NewProxy(t, server.Address)
	index, err := store.OpenUnfenced(t.Context(), server.Through(proxy.Address), t.TempDir()+"/news")
	if err != nil {
		t.Fatal(err)
	}
	defer index.Close()
	var mutex sync.Mutex
	var added []store.ID
	failed := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				o := store.Original{Format: "png", Name: strings.Repeat("n", 100)}
				rand.Read(o.ID[:])
				err := index.Add(context.Background(), o, store.Usage{})
				mutex.Lock()
				if err == nil {
					added = append(added, o.ID)
				} else if failed++; !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("failed by %v, want ErrUnavailable", err)
				}
				mutex.Unlock()
				time.Sleep(time.Millisecond)
			}
		})
	}
	for round := range 60 {
		fault := servers.Fault{ResetAfterSent: 1000 + 137*round}
		if round%2 == 1 {
			fault = servers.Fault{ResetAfterReceived: 1000 + 61*round}
		}
		proxy.Set(fault)
		if round == 0 {
			proxy.Reset() // so that there are new connections, which the fault is for
		}
		time.Sleep(150 * time.Millisecond)
	}
	proxy.Heal()
	proxy.Reset()
	time.Sleep(time.Second)
	cancel()
	clients.Wait()
	t.Logf("%d acknowledged, %d failed", len(added), failed)
	if len(added) < 100 || failed < 30 {
		t.Error("that is too little to tell")
	}
	for _, id := range added {
		if _, err := index.Get(t.Context(), id); err != nil {
			t.Errorf("an acknowledged record is lost: %v", err)
		}
	}
}

// uploads are clients of a store that upload all the time.
type uploads struct {
	t     *testing.T
	dir   string
	store *store.Store
	stop  func()

	mutex        sync.Mutex
	acknowledged map[store.ID][]byte
	failed       int
}

func newUploads(t *testing.T, index string) *uploads {
	u := &uploads{t: t, dir: t.TempDir(), acknowledged: map[store.ID][]byte{}, stop: func() {}}
	var err error
	if u.store, err = store.Open(t.Context(), store.Options{Dir: u.dir, Index: index}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		u.stop()
		u.store.Close()
	})
	return u
}

// run starts clients.
func (u *uploads) run(clients int) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				u.upload()
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	u.stop = func() {
		cancel()
		running.Wait()
	}
}

// upload uploads one image and reads another.
func (u *uploads) upload() {
	content := []byte(strings.Repeat(rand.Text(), 20))
	began := time.Now()
	o, err := add(u.store, content)
	if err == nil {
		var got store.Original
		if got, err = u.store.Get(context.Background(), o.ID); err == nil && got != o {
			u.t.Errorf("uploaded %+v, found %+v", o, got)
		}
		u.mutex.Lock()
		u.acknowledged[o.ID] = content
		u.mutex.Unlock()
	}
	if err != nil {
		u.mutex.Lock()
		u.failed++
		u.mutex.Unlock()
		if !errors.Is(err, store.ErrUnavailable) {
			u.t.Errorf("failed by %v, want ErrUnavailable", err)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		u.t.Errorf("an upload and a look have taken %v", took)
	}
}

func add(s *store.Store, content []byte) (store.Original, error) {
	spool, err := s.Spool()
	if err != nil {
		return store.Original{}, err
	}
	defer spool.Discard()
	if _, err := spool.Write(content); err != nil {
		return store.Original{}, err
	}
	return s.Add(context.Background(), spool, store.Original{Format: "png"}, store.Usage{})
}

func (u *uploads) acknowledgements() int {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return len(u.acknowledged)
}

func (u *uploads) failures() int {
	u.mutex.Lock()
	defer u.mutex.Unlock()
	return u.failed
}

// mustSucceed waits until uploads succeed that have begun now.
func (u *uploads) mustSucceed(within time.Duration) {
	u.t.Helper()
	var err error
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var o store.Original
		content := []byte(rand.Text())
		if o, err = add(u.store, content); err == nil {
			u.mutex.Lock()
			u.acknowledged[o.ID] = content
			u.mutex.Unlock()
			return
		}
	}
	u.t.Errorf("no upload succeeds within %v: %v", within, err)
}

// check ends the uploads and checks that all that was acknowledged is there, and all that is there is whole.
func (u *uploads) check(index string) {
	u.t.Helper()
	u.stop()
	u.stop = func() {}
	s, err := store.Open(u.t.Context(), store.Options{Dir: u.dir, Index: index, Beside: true})
	if err != nil {
		u.t.Fatal(err)
	}
	defer s.Close()
	for id, want := range u.acknowledged {
		o, err := s.Get(u.t.Context(), id)
		if err != nil {
			u.t.Errorf("an acknowledged upload is lost: %v", err)
			continue
		}
		if got, err := contentOf(s, o); err != nil || !bytes.Equal(got, want) {
			u.t.Errorf("an acknowledged upload is another now: %v", err)
		}
	}
	q := store.Query{Limit: 100}
	for {
		page, next, err := s.List(u.t.Context(), q)
		if err != nil {
			u.t.Fatal(err)
		}
		for _, o := range page {
			if _, mine := u.acknowledged[o.ID]; mine {
				continue
			}
			if _, err := contentOf(s, o); err != nil && !errors.Is(err, fs.ErrNotExist) { // of another store's folder
				u.t.Errorf("%s cannot be read: %v", o.ID, err)
			}
		}
		if next == (store.ID{}) {
			return
		}
		q.Before = next
	}
}

func contentOf(s *store.Store, o store.Original) ([]byte, error) {
	f, err := s.Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// execute has a database execute statements.
func execute(t *testing.T, database string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// While a commit waits until it is durable elsewhere, too, nobody sees the record and nobody is told that it is there.
func TestNoRecordIsSeenBeforePostgresHasIt(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	a, b := openPostgres(t, server.URL), openPostgres(t, server.URL)
	execute(t, server.URL, "alter system set synchronous_standby_names = 'missing'", "select pg_reload_conf()")
	time.Sleep(300 * time.Millisecond) // until all have read that
	o := store.Original{ID: store.ID{1, 2, 3}, Format: "png", Created: time.UnixMilli(1).UTC()}
	added := make(chan error, 1)
	go func() { added <- a.Add(t.Context(), o, store.Usage{}) }()
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for _, index := range []store.Index{a, b} {
			if _, err := index.Get(t.Context(), o.ID); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("it is seen: %v", err)
			}
		}
		select {
		case err := <-added:
			t.Fatalf("it is acknowledged: %v", err)
		default:
		}
	}
	execute(t, server.URL, "alter system reset synchronous_standby_names", "select pg_reload_conf()")
	if err := <-added; err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(t.Context(), o.ID); err != nil {
		t.Error(err)
	}
}

// What was held by a session that is lost is held no more: nothing can be recorded by it, and nothing deleted.
func TestLostHoldsOfPostgres(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	a, b := openPostgres(t, server.URL+"&application_name=a"), openPostgres(t, server.URL)
	ctx := t.Context()
	o := store.Original{ID: store.ID{1}, Digest: store.Digest{9}, Format: "png"}
	other := store.Original{ID: store.ID{2}, Digest: store.Digest{10}, Format: "png"}
	for _, alone := range []bool{false, true} {
		release, err := a.Hold(ctx, o.Digest, alone)
		if err != nil {
			t.Fatal(err)
		}
		execute(t, server.URL, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'a'")
		within, cancel := context.WithTimeout(ctx, recovery)
		taken, err := b.Hold(within, o.Digest, true)
		cancel()
		if err != nil {
			t.Fatalf("what was lost cannot be held: %v", err)
		}
		refused := func(when string) {
			t.Helper()
			if err := a.Add(ctx, o, store.Usage{}); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: recorded under a hold that was lost: %v", when, err)
			}
			if err := a.Merge(ctx, store.Record{Original: o}); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: merged under a hold that was lost: %v", when, err)
			}
			if _, err := a.Shared(ctx, o.Digest); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: told whether bytes may be deleted under a hold that was lost: %v", when, err)
			}
		}
		refused("at once")
		other.ID[1]++
		for end := time.Now().Add(recovery); ; time.Sleep(10 * time.Millisecond) {
			if err = a.Add(ctx, other, store.Usage{}); err == nil || time.Now().After(end) {
				break
			}
		}
		if err != nil {
			t.Fatalf("nothing can be added: %v", err)
		}
		refused("with the next session")
		taken()
		refused("when nobody else holds it")
		release()
		if release, err = a.Hold(ctx, o.Digest, alone); err != nil {
			t.Fatal(err)
		}
		if shared, err := a.Shared(ctx, o.Digest); shared || err != nil {
			t.Errorf("shared %t, %v", shared, err)
		}
		o.ID[1]++
		if err := a.Add(ctx, o, store.Usage{}); err != nil {
			t.Error(err)
		}
		if err := a.Remove(ctx, o.ID); err != nil {
			t.Error(err)
		}
		release()
	}
}

// No statement runs for longer than anybody waits for it, but for those that change tables.
func TestStatementsOfPostgresAreBounded(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	index := openPostgres(t, server.URL)
	if err := index.Add(t.Context(), store.Original{ID: store.ID{1}, Format: "png"}, store.Usage{}); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "lock table original"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := index.Get(t.Context(), store.ID{1}); !errors.Is(err, store.ErrUnavailable) || time.Since(began) > 12*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
	if err := index.Add(t.Context(), store.Original{ID: store.ID{2}, Format: "png"}, store.Usage{}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("added: %v", err)
	}
	var running int
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err := tx.QueryRow(t.Context(), "select count(*) from pg_locks where relation = 'original'::regclass and not granted").Scan(&running); err != nil || running == 0 {
			break
		}
	}
	if running != 0 {
		t.Errorf("%d statements wait for ever", running)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(recovery); ; time.Sleep(20 * time.Millisecond) {
		if err = index.Add(t.Context(), store.Original{ID: store.ID{3}, Format: "png"}, store.Usage{}); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		t.Errorf("not well again: %v", err)
	}
}

// A server that can lose what it has committed is not used.
func TestPostgresMustBeDurable(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	for setting, good := range map[string]bool{"on": true, "remote_apply": true, "off": false} {
		index, err := store.OpenPostgres(t.Context(), fmt.Sprintf("%s&synchronous_commit=%s", server.URL, setting), t.TempDir()+"/news")
		if (err == nil) != good {
			t.Errorf("synchronous_commit=%s: %v", setting, err)
		}
		if err == nil {
			index.Close()
		}
	}
}
