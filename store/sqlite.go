package store

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// schemas lead from one version of the schema to the next, the first from an empty database to version 1. The version is
// kept in the database as its user_version.
var schemas = []string{schema1, schema2}

//go:embed schema.sql
var schema1 string

//go:embed schema-2.sql
var schema2 string

const readers = 4 // connections that read, beside the one that writes

// openSQLite opens the index in the file at path, and makes it if it is missing. One connection writes; the others
// read what was committed when they began, and neither waits for the other.
func openSQLite(ctx context.Context, path string) (_ *sqlIndex, err error) {
	// SQLite would make the file readable to all. Its -wal and -shm files take the mode of this one.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}

	// fullfsync is what a flush to the disk is called on macOS; elsewhere it does nothing.
	const settings = "_busy_timeout=5000&_journal_mode=wal&_synchronous=full&_pragma=fullfsync(1)&_foreign_keys=on&_dqs=0"
	writer, err := openPool(path, settings+"&_txlock=immediate", 1)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, writer.Close())
		}
	}()
	if err := writer.PingContext(ctx); err != nil {
		return nil, err
	}
	if err := checkSettings(ctx, writer); err != nil {
		return nil, err
	}
	if err := createSchema(ctx, writer); err != nil {
		return nil, err
	}
	reader, err := openPool(path, settings+"&_query_only=on", readers)
	if err != nil {
		return nil, err
	}
	index, err := newSQLIndex(ctx, writer, reader)
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return index, nil
}

func openPool(path, settings string, connections int) (*sql.DB, error) {
	location := url.URL{Scheme: "file", Path: path, RawQuery: settings}
	connector, err := sqlite.NewConnector(location.String())
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// checkSettings makes sure that SQLite is as durable as it was told to be: it does not always say when it is not.
func checkSettings(ctx context.Context, db *sql.DB) error {
	var version, journal string
	var synchronous int
	if err := errors.Join(
		db.QueryRowContext(ctx, "select sqlite_version()").Scan(&version),
		db.QueryRowContext(ctx, "pragma journal_mode").Scan(&journal),
		db.QueryRowContext(ctx, "pragma synchronous").Scan(&synchronous),
	); err != nil {
		return err
	}
	if err := checkVersion(version); err != nil {
		return err
	}
	if journal != "wal" || synchronous != 2 {
		return fmt.Errorf("SQLite has journal_mode=%s and synchronous=%d, not wal and 2: does the file system lack shared memory?", journal, synchronous)
	}
	return nil
}

// checkVersion refuses an SQLite that can lose committed pages when its log is reset, a bug that 3.51.3 ended
// (https://sqlite.org/releaselog/3_51_3.html).
func checkVersion(version string) error {
	v := make([]int, 3)
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		return fmt.Errorf("version of SQLite %q: %w", version, err)
	}
	if slices.Compare(v, []int{3, 51, 3}) < 0 {
		return fmt.Errorf("SQLite %s can lose committed records; 3.51.3 or newer is needed", version)
	}
	return nil
}

// createSchema brings the tables of an empty or older database up to date, and refuses one that is newer than this program.
func createSchema(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRowContext(ctx, "pragma user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version == len(schemas):
		return nil
	case version > len(schemas) || version < 0:
		return fmt.Errorf("index has schema %d, this program knows %d: %w", version, len(schemas), ErrNewer)
	}
	for ; version < len(schemas); version++ {
		if _, err := tx.ExecContext(ctx, schemas[version]+fmt.Sprintf(";pragma user_version = %d", version+1)); err != nil {
			return fmt.Errorf("create version %d of the schema: %w", version+1, err)
		}
	}
	return tx.Commit()
}

// isSQLiteFull reports whether err is SQLite's word for a full disk.
func isSQLiteFull(err error) bool {
	const primary = 0xff // the other bits of an extended result code say more of the cause
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&primary == sqlite3.SQLITE_FULL
}
