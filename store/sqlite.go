package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const readers = 4 // connections that read, beside the one that writes

// The settings of every connection. fullfsync is what a flush to the disk is called on macOS; elsewhere it does nothing.
const settings = "_busy_timeout=5000&_journal_mode=wal&_synchronous=full&_pragma=fullfsync(1)&_foreign_keys=on&_dqs=0"

// patience is how long SQLite tries to get hold of the database for a transaction that writes, before it is begun anew. The pauses between
// its tries grow up to a tenth of a second, in which another process that writes all the time does not meet it.
const patience = 20 * time.Millisecond

// openSQLite opens the index in the file at path, and makes it if it is missing, and beside it the folder guard. One connection writes; the
// others read what was committed when they began, and neither waits for the other.
func openSQLite(ctx context.Context, path string) (*sqlIndex, error) {
	locks := &fileLocks{folder: filepath.Join(filepath.Dir(path), "guard")}
	if err := makeFolder(locks.folder); err != nil {
		return nil, err
	}
	if err := makeDatabase(path); err != nil {
		return nil, err
	}
	files, err := openSQLiteFiles(path)
	if err != nil {
		return nil, err
	}
	writer, _, err := openWriter(ctx, path)
	if err != nil {
		return nil, err
	}
	if _, err := writer.ExecContext(ctx, fmt.Sprintf("pragma busy_timeout = %d", patience.Milliseconds())); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader, err := openPool(path, settings+"&_query_only=on", readers)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	index, err := newSQLIndex(ctx, writer, reader, locks)
	if err != nil {
		return nil, errors.Join(err, reader.Close(), writer.Close())
	}
	index.files = files
	return index, nil
}

// openWriter opens the file at path for writing, and brings its tables up to date.
func openWriter(ctx context.Context, path string) (writer *sql.DB, v Versions, err error) {
	if err := makeDatabase(path); err != nil {
		return nil, v, err
	}
	// Checkpoints are made by sqliteFiles.
	if writer, err = openPool(path, settings+"&_txlock=immediate&_pragma=wal_autocheckpoint(0)", 1); err != nil {
		return nil, v, err
	}
	err = writer.PingContext(ctx)
	if err == nil {
		err = checkSettings(ctx, writer)
	}
	if err == nil {
		v, err = migrateSQLite(ctx, writer)
	}
	if err != nil {
		return nil, v, errors.Join(err, writer.Close())
	}
	return writer, v, nil
}

// makeDatabase makes the file at path if it is missing. SQLite would make it readable to all; its -wal and -shm files take the mode of this one.
func makeDatabase(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
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

// migrateSQLite brings the tables up to date. A database that was made before goose kept its notes has its version as user_version,
// which is kept true for the programs of that time.
func migrateSQLite(ctx context.Context, db *sql.DB) (Versions, error) {
	s, err := newSchema(kindSQLite, db)
	if err != nil {
		return Versions{}, err
	}
	var old int64
	if err := db.QueryRowContext(ctx, "pragma user_version").Scan(&old); err != nil {
		return Versions{}, err
	}
	if old < 0 || old > s.newest {
		return Versions{From: old, To: old}, tooNew(old, s.newest)
	}
	known, err := s.version(ctx)
	if err != nil {
		return Versions{}, err
	}
	if known == 0 && old > 0 {
		if err := s.adopt(ctx, old); err != nil {
			return Versions{}, fmt.Errorf("note version %d of the schema: %w", old, err)
		}
	}
	v, err := s.migrate(ctx)
	if err == nil {
		err = foldNames(ctx, db)
	}
	return v, err
}

// isSQLiteFull reports whether err is SQLite's word for a full disk.
func isSQLiteFull(err error) bool { return isSQLite(err, sqlite3.SQLITE_FULL) }

// isSQLiteBusy reports whether err is SQLite's word for a database that others did not let go of in time. Nothing was written then.
func isSQLiteBusy(err error) bool { return isSQLite(err, sqlite3.SQLITE_BUSY) }

func isSQLite(err error, code int) bool {
	const primary = 0xff // the other bits of an extended result code say more of the cause
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&primary == code
}
