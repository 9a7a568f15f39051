package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	gooselock "github.com/pressly/goose/v3/lock"
)

var errNoLocation = errors.New("the location of the index is not as postgres://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE, or an option is not known, or a file that it names is missing")

// How PostgreSQL is used. With the connections of the session and of news, a process has two more than the pool.
const (
	poolConnections = 8
	connectTime     = 3 * time.Second // to reach a server, and to be let in
	answerTime      = 5 * time.Second // for one method of the index
	restTime        = 5 * time.Minute // until a connection is closed that nobody uses
)

// Advisory locks of PostgreSQL have two numbers, the first of which is ours, or one, which those of migrations have.
const (
	lockFamily    = 0x63616c6f // "calo"
	newsLock      = 256        // those below are of the guard's slots
	presetLock    = 257        // of whoever changes presets
	migrationLock = 0x63616c6f74797065
)

// postgres is an Index in a PostgreSQL database, which any number of processes have open at once. Its records are those of an
// sqlIndex; it adds what another machine takes that may not answer, and what several processes must agree on.
type postgres struct {
	sql     *sqlIndex
	session *session
	news    *news
}

// openPostgres opens the index in the database at location, postgres://…, and makes its tables if they are missing. What was heard
// last of news is kept in the file at heard. No error holds the password.
func openPostgres(ctx context.Context, location, heard string) (*postgres, error) {
	return openFenced(ctx, location, heard, fence)
}

// openFenced is openPostgres with another fence.
func openFenced(ctx context.Context, location, heard string, fence time.Duration) (_ *postgres, err error) {
	config, err := postgresConfig(location)
	if err != nil {
		return nil, err
	}
	if _, err := migratePostgres(ctx, config); err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(poolConnections)
	pool.SetMaxIdleConns(poolConnections)
	pool.SetConnMaxIdleTime(restTime)
	index, err := newSQLIndex(ctx, pool, pool, nil)
	if err != nil {
		return nil, postgresError(ctx, errors.Join(err, pool.Close()))
	}
	index.limited = true
	p := &postgres{sql: index, news: newNews(config, heard)}
	if p.session, err = openSession(ctx, config, fence); err != nil {
		return nil, postgresError(ctx, errors.Join(err, index.Close()))
	}
	index.guard = newGuard(p.session)
	return p, nil
}

// postgresConfig reads a location, and the variables and files that PostgreSQL's own programs read.
func postgresConfig(location string) (*pgx.ConnConfig, error) {
	var config *pgx.ConnConfig
	err := errNoLocation
	if strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://") {
		config, err = pgx.ParseConfig(location)
	}
	if err != nil {
		// The driver's own word repeats the location, and finds the password in it only if it is well formed.
		return nil, errNoLocation
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	if config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // of several hosts, the one that can be written to
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "calotype"
	}
	config.AfterConnect = begin(config, answerTime)
	return config, nil
}

// begin returns what is done with a new connection: it is bounded how long a statement may take, unless the location says, and made sure
// that what is committed survives a loss of power.
func begin(config *pgx.ConnConfig, longest time.Duration) pgconn.AfterConnectFunc {
	ask := "select current_setting('synchronous_commit')"
	for name, limit := range map[string]time.Duration{"statement_timeout": longest, "idle_in_transaction_session_timeout": 2 * answerTime} {
		// Not as parameters of the connection, which poolers refuse.
		if config.RuntimeParams[name] == "" {
			ask += fmt.Sprintf(", set_config('%s', '%d', false)", name, limit.Milliseconds())
		}
	}
	return func(ctx context.Context, c *pgconn.PgConn) error {
		result := c.ExecParams(ctx, ask, nil, nil, nil, nil).Read()
		if result.Err != nil {
			return result.Err
		}
		if setting := string(result.Rows[0][0]); setting == "off" {
			return errors.New("PostgreSQL has synchronous_commit=off: it can lose what it has committed")
		}
		return nil
	}
}

// migratePostgres brings the tables up to date. Of many processes that begin at once one does it and the others wait.
func migratePostgres(ctx context.Context, config *pgx.ConnConfig) (Versions, error) {
	patient := config.Copy()
	delete(patient.RuntimeParams, "statement_timeout")
	patient.AfterConnect = begin(patient, 0)
	db := stdlib.OpenDB(*patient)
	defer db.Close()
	locker, err := gooselock.NewPostgresSessionLocker(
		gooselock.WithLockID(migrationLock), gooselock.WithLockTimeout(1, 600), gooselock.WithUnlockTimeout(1, 5),
	)
	if err != nil {
		return Versions{}, err
	}
	s, err := newSchema(kindPostgres, db, goose.WithSessionLocker(locker))
	if err != nil {
		return Versions{}, err
	}
	v, err := s.migrate(ctx)
	if err == nil {
		err = foldNames(ctx, db)
	}
	return v, postgresError(ctx, err)
}

// read asks the database, twice if the first connection turns out to be broken.
func (p *postgres) read(ctx context.Context, ask func(context.Context) error) error {
	err := p.change(ctx, ask)
	if errors.Is(err, ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		err = p.change(ctx, ask)
	}
	return err
}

// change has the database do something, within answerTime, and says ErrUnavailable where it did not answer or could not.
// It may have done it nevertheless.
func (p *postgres) change(ctx context.Context, do func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return postgresError(ctx, do(within))
}

// Add implements Index.
func (p *postgres) Add(ctx context.Context, o Original, most Usage) error {
	err := p.change(ctx, func(ctx context.Context) error { return p.session.add(ctx, entry{o, most}) })
	if errors.Is(err, fs.ErrExist) {
		return whyNotAdded(ctx, p, o, most)
	}
	return err
}

// Usage implements Index.
func (p *postgres) Usage(ctx context.Context, tenant string) (u Usage, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { u, err = p.sql.Usage(ctx, tenant); return err })
	return u, err
}

// Get implements Index.
func (p *postgres) Get(ctx context.Context, id ID) (o Original, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { o, err = p.sql.Get(ctx, id); return err })
	return o, err
}

// Remove implements Index.
func (p *postgres) Remove(ctx context.Context, id ID, tasks ...string) error {
	var seq int64
	err := p.change(ctx, func(ctx context.Context) error {
		return p.sql.remove(ctx, id, tasks, func(tx *sql.Tx) (err error) {
			seq, err = p.news.tell(ctx, tx, id[:], nil)
			return err
		})
	})
	if err == nil {
		p.news.committed(seq)
	}
	return err
}

// Shared implements Index. Whoever holds the blob alone is told by the session that holds it for him, and so by none that was lost.
func (p *postgres) Shared(ctx context.Context, d Digest) (shared bool, err error) {
	if p.session.isAlone(d[0]) {
		err = p.change(ctx, func(ctx context.Context) (err error) { shared, err = p.session.shared(ctx, d); return err })
		return shared, err
	}
	err = p.read(ctx, func(ctx context.Context) (err error) { shared, err = p.sql.Shared(ctx, d); return err })
	return shared, err
}

// Sharing implements Index.
func (p *postgres) Sharing(ctx context.Context, d Digest, limit int) (ids []ID, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { ids, err = p.sql.Sharing(ctx, d, limit); return err })
	return ids, err
}

// Digests implements Index.
func (p *postgres) Digests(ctx context.Context, after Digest, limit int) (list []Digest, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { list, err = p.sql.Digests(ctx, after, limit); return err })
	return list, err
}

// Tasks implements Index.
func (p *postgres) Tasks(ctx context.Context, name string, limit int) (list []Removal, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { list, err = p.sql.Tasks(ctx, name, limit); return err })
	return list, err
}

// CountTasks implements Index.
func (p *postgres) CountTasks(ctx context.Context, name string) (n int, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { n, err = p.sql.CountTasks(ctx, name); return err })
	return n, err
}

// Done implements Index.
func (p *postgres) Done(ctx context.Context, name string, ids ...ID) error {
	return p.change(ctx, func(ctx context.Context) error { return p.sql.Done(ctx, name, ids...) })
}

// List implements Index.
func (p *postgres) List(ctx context.Context, q Query) (list []Original, next ID, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { list, next, err = p.sql.List(ctx, q); return err })
	return list, next, err
}

// NoteLooks implements Index.
func (p *postgres) NoteLooks(ctx context.Context, looks ...Look) error {
	return p.change(ctx, func(ctx context.Context) error { return p.sql.NoteLooks(ctx, looks...) })
}

// Walk implements Index.
func (p *postgres) Walk(ctx context.Context, after ID, limit int) (list []Record, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { list, err = p.sql.Walk(ctx, after, limit); return err })
	return list, err
}

// Merge implements Index.
func (p *postgres) Merge(ctx context.Context, records ...Record) error {
	return p.change(ctx, func(ctx context.Context) error { return p.session.merge(ctx, records) })
}

// Hold implements Index.
func (p *postgres) Hold(ctx context.Context, d Digest, alone bool) (release func(), err error) {
	release, err = p.sql.Hold(ctx, d, alone)
	return release, postgresError(ctx, err)
}

// Tell implements Index.
func (p *postgres) Tell(ctx context.Context, message []byte) error {
	var seq int64
	err := p.change(ctx, func(ctx context.Context) error {
		return p.sql.together(ctx, func(tx *sql.Tx) (err error) {
			seq, err = p.news.tell(ctx, tx, nil, message)
			return err
		})
	})
	if err == nil {
		p.news.committed(seq)
	}
	return err
}

// Follow implements Index.
func (p *postgres) Follow(ctx context.Context, hear func(News)) error {
	p.news.follow(ctx, hear)
	return nil
}

// Check implements Index.
func (p *postgres) Check(ctx context.Context) error {
	return p.change(ctx, p.session.check)
}

// Close implements Index.
func (p *postgres) Close() error {
	p.session.close()
	return p.sql.Close()
}
