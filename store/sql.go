package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// sqlIndex is an Index in an SQL database. Its statements are in the language that SQLite and PostgreSQL share.
type sqlIndex struct {
	writer  *sql.DB
	reader  *sql.DB
	files   *sqliteFiles // nil if they are another machine's affair
	guard   *guard
	records *recorder
	limited bool      // see listing
	get     *sql.Stmt // getSQL, which every print that is not in memory begins with
}

// newSQLIndex returns the index over two pools, which are then its own, in a database that has the tables. What is held between processes is
// held by locks.
func newSQLIndex(ctx context.Context, writer, reader *sql.DB, locks locker) (*sqlIndex, error) {
	get, err := reader.PrepareContext(ctx, getSQL)
	if err != nil {
		return nil, err
	}
	x := &sqlIndex{writer: writer, reader: reader, guard: newGuard(locks), get: get}
	x.records = startRecorder(x.addAll)
	return x, nil
}

const (
	columns = `id, digest, bytes, format, width, height, orientation, frames, depth, alpha, name, created, tenant, blurhash`
	written = columns + `, folded` // the last is for searches alone
)

const (
	addSQL     = `insert into original (` + written + `) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict do nothing`
	getSQL     = `select ` + columns + `, removed from original where id = $1`
	removeSQL  = `update original set removed = $1, name = $2, folded = '', blurhash = '' where id = $3 and removed is null`
	listSQL    = `select ` + columns + ` from original where removed is null and tenant = $1 and id < $2`
	findSQL    = `select id from original where removed is null and tenant = $1 and id < $2`
	lookSQL    = `update original set blurhash = $1 where digest = $2 and removed is null and blurhash <> $1`
	sharingSQL = `select id from original where digest = $1 and removed is null order by id limit $2`
	digestsSQL = `select distinct digest from original where digest > $1 and removed is null order by digest limit $2`
	sharedSQL  = `select exists (select 1 from original where digest = $1 and removed is null)`

	walkSQL = `select ` + columns + `, removed from original where id > $1 order by id limit $2`
	// What is known of a record never changes but for its removal, which takes its name and its looks.
	mergeSQL = `insert into original (` + written + `, removed) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
		on conflict (id) do update set removed = excluded.removed, name = excluded.name, folded = '', blurhash = '' where original.removed is null and excluded.removed is not null`

	// Whoever is to find what a tenant has as it is left by all others holds its row until he commits.
	holdUsageSQL    = `insert into usage (tenant, images, bytes) values ($1, 0, 0) on conflict (tenant) do update set images = usage.images`
	holdItsUsageSQL = `update usage set images = images where tenant = (select tenant from original where id = $1)`
	usageSQL        = `select images, bytes from usage where tenant = $1`
	addWithinSQL    = `insert into original (` + written + `) select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 where exists (
		select 1 from usage where tenant = $13 and (cast($16 as bigint) = 0 or images < cast($16 as bigint))
		and (cast($17 as bigint) = 0 or bytes + cast($3 as bigint) <= cast($17 as bigint))) on conflict do nothing`

	leaveSQL = `insert into task (name, id) values ($1, $2) on conflict do nothing`
	tasksSQL = `select task.id, original.digest from task join original on original.id = task.id where task.name = $1 order by task.id limit $2`
	countSQL = `select count(*) from task where name = $1`
	doneSQL  = `delete from task where name = $1 and id = $2`
)

// Add implements Index.
func (x *sqlIndex) Add(ctx context.Context, o Original, most Usage) error {
	err := x.records.add(ctx, entry{o, most})
	if errors.Is(err, fs.ErrExist) {
		return whyNotAdded(ctx, x, o, most)
	}
	return err
}

// whyNotAdded returns fs.ErrExist for a record that is there, and ErrQuota for one that was not added for that.
func whyNotAdded(ctx context.Context, x Index, o Original, most Usage) error {
	if most == (Usage{}) {
		return fs.ErrExist
	}
	switch _, err := x.Get(ctx, o.ID); {
	case err == nil, errors.Is(err, ErrGone):
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	has, err := x.Usage(ctx, o.Tenant)
	if err != nil {
		return err
	}
	return &QuotaError{Tenant: o.Tenant, Most: most, Has: has, More: o.Bytes}
}

// addAll adds records in one transaction, and tells which of them it has added.
func (x *sqlIndex) addAll(batch []entry) (added []bool, err error) {
	ctx := context.Background()
	added = make([]bool, len(batch))
	err = x.together(ctx, func(tx *sql.Tx) error {
		add, err := tx.PrepareContext(ctx, addSQL)
		if err != nil {
			return err
		}
		defer add.Close()
		for i, e := range batch {
			result, err := e.add(ctx, tx, add)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			added[i] = n > 0
		}
		return nil
	})
	return added, err
}

// add adds one record in a transaction, by the statement add if nothing bounds its tenant.
func (e entry) add(ctx context.Context, tx *sql.Tx, add *sql.Stmt) (sql.Result, error) {
	if e.most == (Usage{}) {
		return add.ExecContext(ctx, values(e.Original)...)
	}
	if _, err := tx.ExecContext(ctx, holdUsageSQL, e.Tenant); err != nil {
		return nil, err
	}
	return tx.ExecContext(ctx, addWithinSQL, e.values()...)
}

// values are those of addWithinSQL.
func (e entry) values() []any { return append(values(e.Original), e.most.Images, e.most.Bytes) }

// Usage implements Index.
func (x *sqlIndex) Usage(ctx context.Context, tenant string) (u Usage, err error) {
	err = x.reader.QueryRowContext(ctx, usageSQL, tenant).Scan(&u.Images, &u.Bytes)
	if errors.Is(err, sql.ErrNoRows) {
		return Usage{}, nil
	}
	return u, err
}

// Get implements Index.
func (x *sqlIndex) Get(ctx context.Context, id ID) (Original, error) {
	var removed sql.NullInt64
	o, err := scan(x.get.QueryRowContext(ctx, id[:]), &removed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Original{}, fs.ErrNotExist
	case err != nil:
		return Original{}, err
	case removed.Valid:
		return o, ErrGone
	}
	return o, nil
}

// Remove implements Index.
func (x *sqlIndex) Remove(ctx context.Context, id ID, tasks ...string) error {
	return x.remove(ctx, id, tasks, func(*sql.Tx) error { return nil })
}

// remove is Remove, with something more to do at the end of its transaction if there is something to remove.
func (x *sqlIndex) remove(ctx context.Context, id ID, tasks []string, also func(tx *sql.Tx) error) error {
	removed := false
	err := x.together(ctx, func(tx *sql.Tx) error {
		// Before the record, as all do who change records of tenants.
		if _, err := tx.ExecContext(ctx, holdItsUsageSQL, id[:]); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, removeSQL, time.Now().UnixMilli(), []byte{}, id[:])
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil || n == 0 {
			return err
		}
		removed = true
		for _, task := range tasks {
			if _, err := tx.ExecContext(ctx, leaveSQL, task, id[:]); err != nil {
				return err
			}
		}
		return also(tx)
	})
	if err == nil && !removed {
		_, err = x.Get(ctx, id)
	}
	return err
}

// Shared implements Index.
func (x *sqlIndex) Shared(ctx context.Context, d Digest) (shared bool, err error) {
	err = x.reader.QueryRowContext(ctx, sharedSQL, d[:]).Scan(&shared)
	return shared, err
}

// Sharing implements Index.
func (x *sqlIndex) Sharing(ctx context.Context, d Digest, limit int) ([]ID, error) {
	rows, err := x.reader.QueryContext(ctx, sharingSQL, d[:], limit)
	return collect(rows, err, func(b []byte) ID { return ID(b) })
}

// Digests implements Index.
func (x *sqlIndex) Digests(ctx context.Context, after Digest, limit int) ([]Digest, error) {
	rows, err := x.reader.QueryContext(ctx, digestsSQL, after[:], limit)
	return collect(rows, err, func(b []byte) Digest { return Digest(b) })
}

// collect reads rows of one column of bytes, as long as the schema says.
func collect[T any](rows *sql.Rows, err error, as func([]byte) T) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		list = append(list, as(b))
	}
	return list, rows.Err()
}

// Tasks implements Index.
func (x *sqlIndex) Tasks(ctx context.Context, name string, limit int) ([]Removal, error) {
	rows, err := x.reader.QueryContext(ctx, tasksSQL, name, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Removal
	for rows.Next() {
		var id, digest []byte
		if err := rows.Scan(&id, &digest); err != nil {
			return nil, err
		}
		list = append(list, Removal{ID(id), Digest(digest)})
	}
	return list, rows.Err()
}

// CountTasks implements Index.
func (x *sqlIndex) CountTasks(ctx context.Context, name string) (n int, err error) {
	err = x.reader.QueryRowContext(ctx, countSQL, name).Scan(&n)
	return n, err
}

// Done implements Index.
func (x *sqlIndex) Done(ctx context.Context, name string, ids ...ID) error {
	return x.together(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, doneSQL, name, id[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// together runs statements that write as one transaction: all of them take effect, or none.
func (x *sqlIndex) together(ctx context.Context, statements func(tx *sql.Tx) error) error {
	if x.files == nil {
		return x.transact(ctx, statements)
	}
	return x.files.write(ctx, x.writer, func() error { return x.transact(ctx, statements) })
}

func (x *sqlIndex) transact(ctx context.Context, statements func(tx *sql.Tx) error) error {
	tx, err := x.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := statements(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// busyTime is how long a transaction waits for the writers of other processes.
const busyTime = 30 * time.Second

// begin begins a transaction that writes.
func (x *sqlIndex) begin(ctx context.Context) (*sql.Tx, error) {
	for began := time.Now(); ; {
		tx, err := x.writer.BeginTx(ctx, nil)
		switch {
		case !isSQLiteBusy(err):
			return tx, err
		case time.Since(began) > busyTime:
			return nil, fmt.Errorf("%w: other processes have been writing for %v: %w", ErrUnavailable, busyTime, err)
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// Walk implements Index.
func (x *sqlIndex) Walk(ctx context.Context, after ID, limit int) ([]Record, error) {
	rows, err := x.reader.QueryContext(ctx, walkSQL, after[:], limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Record
	for rows.Next() {
		var removed sql.NullInt64
		o, err := scan(rows, &removed)
		if err != nil {
			return nil, err
		}
		r := Record{Original: o}
		if removed.Valid {
			r.Removed = time.UnixMilli(removed.Int64).UTC()
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// Merge implements Index.
func (x *sqlIndex) Merge(ctx context.Context, records ...Record) error {
	return x.together(ctx, func(tx *sql.Tx) error {
		for _, r := range records {
			if _, err := tx.ExecContext(ctx, mergeSQL, mergeValues(r)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Hold implements Index.
func (x *sqlIndex) Hold(ctx context.Context, d Digest, alone bool) (release func(), err error) {
	return x.guard.hold(ctx, d[0], alone)
}

// NoteLooks implements Index.
func (x *sqlIndex) NoteLooks(ctx context.Context, looks ...Look) error {
	// In one order, so that no two processes wait for each other.
	sorted := slices.SortedFunc(slices.Values(looks), func(a, b Look) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
	return x.together(ctx, func(tx *sql.Tx) error {
		for _, l := range sorted {
			if _, err := tx.ExecContext(ctx, lookSQL, l.Blurhash, l.Digest[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tell implements Index. Of the processes that have an SQLite index open one serves, and that knows what it does.
func (x *sqlIndex) Tell(context.Context, []byte) error { return nil }

// Follow implements Index.
func (x *sqlIndex) Follow(ctx context.Context, _ func(News)) error {
	<-ctx.Done()
	return nil
}

// Check implements Index.
func (x *sqlIndex) Check(ctx context.Context) error {
	tx, err := x.begin(ctx)
	if err != nil {
		return err
	}
	return tx.Rollback()
}

// Close implements Index.
func (x *sqlIndex) Close() error {
	x.records.close()
	if x.files != nil {
		_ = x.files.mend() // SQLite writes once more; whether it could be mended is told by that
	}
	return errors.Join(x.get.Close(), x.reader.Close(), x.writer.Close())
}

// values are those of the columns.
func values(o Original) []any {
	return []any{
		o.ID[:], o.Digest[:], o.Bytes, o.Format, o.Width, o.Height, o.Orientation, o.Frames,
		o.Depth, o.Alpha, []byte(o.Name), o.Created.UnixMilli(), o.Tenant, o.Blurhash, folded(o.Name),
	}
}

// mergeValues are those of the columns, and when the original was removed.
func mergeValues(r Record) []any {
	var removed sql.NullInt64
	if !r.Removed.IsZero() {
		removed = sql.NullInt64{Int64: r.Removed.UnixMilli(), Valid: true}
	}
	return append(values(r.Original), removed)
}

// scan reads the columns, and the more that follow them, from a row.
func scan(row interface{ Scan(...any) error }, more ...any) (Original, error) {
	var o Original
	var id, digest []byte
	var created int64
	err := row.Scan(append([]any{
		&id, &digest, &o.Bytes, &o.Format, &o.Width, &o.Height, &o.Orientation, &o.Frames,
		&o.Depth, &o.Alpha, &o.Name, &created, &o.Tenant, &o.Blurhash,
	}, more...)...)
	if err != nil {
		return Original{}, err
	}
	if copy(o.ID[:], id) != len(id) || copy(o.Digest[:], digest) != len(digest) {
		return Original{}, fmt.Errorf("record with an id of %d bytes and a digest of %d: %w", len(id), len(digest), ErrDamaged)
	}
	o.Created = time.UnixMilli(created).UTC()
	return o, nil
}
