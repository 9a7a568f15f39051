package store

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteFiles are the files of an SQLite database, and do for them what SQLite leaves undone when a disk fails.
//
// Linux tells once that something could not be written, by the fsync that asks. From then on it takes what it has in memory for what is on the
// disk. That stays readable: SQLite, when it is opened after a kill, takes it for committed and adds to it. And what is written over it is lost
// as well, at least on ext4, whatever fsync says: its blocks stay marked as never written. Both end with a loss of power, and then lose
// what was acknowledged since. So after a failure, and after an end that may have followed one, the system is made to forget what it has in
// memory of these files, and to read the disk.
//
// Checkpoints are made here, because SQLite keeps their failures to itself when it makes them by itself.
type sqliteFiles struct {
	path   string        // of the database; its log has -wal behind it
	turn   chan struct{} // holds one while somebody writes, who may then change the rest
	failed bool          // a write, since the files were forgotten
	writes int           // transactions since the last checkpoint
}

// checkpointAfter is how many transactions that write come between two checkpoints.
const checkpointAfter = 64

// openSQLiteFiles must be called before SQLite opens the database, which exists.
func openSQLiteFiles(path string) (*sqliteFiles, error) {
	path, err := filepath.EvalSymlinks(path) // as SQLite does: the log lies beside the file itself
	if err != nil {
		return nil, err
	}
	f := &sqliteFiles{path: path, turn: make(chan struct{}, 1)}
	log, err := os.Stat(f.log())
	if errors.Is(err, fs.ErrNotExist) || err == nil && log.Size() == 0 {
		return f, nil // it was closed
	}
	if err != nil {
		return nil, err
	}
	return f, f.forget()
}

func (f *sqliteFiles) log() string { return f.path + "-wal" }

// forget has the next one who reads the files read the disk.
func (f *sqliteFiles) forget() error {
	for _, path := range []string{f.log(), f.path} {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		// What is still to be written is not forgotten, so it is written first.
		err = file.Sync()
		forgetFile(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// write runs a transaction that writes, alone.
func (f *sqliteFiles) write(ctx context.Context, writer *sql.DB, transaction func() error) error {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := f.mend(); err != nil {
		return err
	}
	err := transaction()
	if err == nil {
		f.writes++
		err := f.checkpoint(context.WithoutCancel(ctx), writer)
		f.failed = isSQLite(err, sqlite3.SQLITE_IOERR)
		return nil
	}
	f.failed = isSQLite(err, sqlite3.SQLITE_IOERR)
	return err
}

// mend forgets what a failed write may have left in memory.
func (f *sqliteFiles) mend() error {
	if !f.failed {
		return nil
	}
	err := f.forget()
	f.failed = err != nil
	return err
}

// checkpoint moves what is in the log to the database, if it is time. It goes as far as those who read allow; the next one goes on. Whatever
// becomes of it, what was committed is in the log.
func (f *sqliteFiles) checkpoint(ctx context.Context, writer *sql.DB) error {
	if f.writes < checkpointAfter {
		return nil
	}
	_, err := writer.ExecContext(ctx, "pragma wal_checkpoint(passive)")
	if err == nil {
		f.writes = 0
	}
	return err
}
