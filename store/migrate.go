package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// migrations are the steps from one version of the schema to the next, in a folder for each kind of database.
//
//go:embed migrations
var migrations embed.FS

// schemaTable is where goose notes which steps a database has taken.
const schemaTable = "schema_version"

// Versions are those of the schema of an index, before and after it was brought up to date; 0 is an empty database.
type Versions struct{ From, To int64 }

// Migrate brings the tables of a store's index up to date, as Open does too, and nothing else. An index that needs nothing is not
// changed; one that a newer program has changed is ErrNewer. The index in a folder must not be in use, which is ErrInUse.
func Migrate(ctx context.Context, o Options) (Versions, error) {
	v, err := migrate(ctx, o)
	if err != nil {
		return v, wrap("migrate", err)
	}
	return v, nil
}

func migrate(ctx context.Context, o Options) (Versions, error) {
	if o.Index != "" {
		config, err := postgresConfig(o.Index)
		if err != nil {
			return Versions{}, err
		}
		return migratePostgres(ctx, config)
	}
	held, err := lock(filepath.Join(o.Dir, "lock")) // fails without the folder
	if err != nil {
		return Versions{}, err
	}
	defer held.Close()
	writer, v, err := openWriter(ctx, filepath.Join(o.Dir, "index.sqlite"))
	if err != nil {
		return v, err
	}
	return v, writer.Close()
}

// A schema brings the tables of a database up to date.
type schema struct {
	kind     kind
	db       *sql.DB
	notes    database.Store // what goose keeps in schemaTable
	provider *goose.Provider
	newest   int64
}

// A kind is one of databases: in which folder its migrations are, and how it is asked whether it has schemaTable.
type kind struct {
	dialect        database.Dialect
	folder, exists string
}

var (
	kindSQLite   = kind{database.DialectSQLite3, "sqlite", "select count(*) > 0 from sqlite_master where type = 'table' and name = '" + schemaTable + "'"}
	kindPostgres = kind{database.DialectPostgres, "postgres", "select to_regclass('" + schemaTable + "') is not null"}
)

// newSchema returns the schema of a database.
func newSchema(k kind, db *sql.DB, options ...goose.ProviderOption) (*schema, error) {
	steps, err := fs.Sub(migrations, "migrations/"+k.folder)
	if err != nil {
		return nil, err
	}
	notes, err := database.NewStore(k.dialect, schemaTable)
	if err != nil {
		return nil, err
	}
	provider, err := goose.NewProvider("", db, steps, append(options, goose.WithStore(notes), goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return nil, err
	}
	sources := provider.ListSources()
	return &schema{kind: k, db: db, notes: notes, provider: provider, newest: sources[len(sources)-1].Version}, nil
}

// migrate takes the steps that are missing, each as one transaction. It changes nothing of a database that has them all, and asks
// it for nothing but its version. A database with steps that this program does not know is ErrNewer.
func (s *schema) migrate(ctx context.Context) (v Versions, err error) {
	if v.From, err = s.version(ctx); err != nil {
		return v, err
	}
	switch {
	case v.From > s.newest:
		return v, tooNew(v.From, s.newest)
	case v.From == s.newest:
		v.To = v.From
		return v, nil
	}
	for {
		before, err := s.version(ctx)
		if err != nil {
			return v, err
		}
		if _, err = s.provider.Up(ctx); err == nil {
			break
		}
		// Where nothing keeps two processes apart, both may take the same step. The one that comes later fails, and goes on
		// from where the other is.
		if after, versionErr := s.version(ctx); versionErr != nil || after == before {
			return v, fmt.Errorf("migrate from version %d to %d: %w", before, s.newest, err)
		}
	}
	if v.To, err = s.version(ctx); err == nil && v.To > s.newest {
		err = tooNew(v.To, s.newest)
	}
	return v, err
}

func tooNew(version, newest int64) error {
	return fmt.Errorf("index has schema %d, this program knows %d: %w", version, newest, ErrNewer)
}

// version returns the number of the last step that was taken, 0 if none was.
func (s *schema) version(ctx context.Context) (int64, error) {
	var known bool
	if err := s.db.QueryRowContext(ctx, s.kind.exists).Scan(&known); err != nil || !known {
		return 0, err
	}
	return s.notes.GetLatestVersion(ctx, s.db)
}

// adopt notes that a database without notes has taken the steps up to a version, unless that was noted meanwhile.
func (s *schema) adopt(ctx context.Context, version int64) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var known bool
	if err := tx.QueryRowContext(ctx, s.kind.exists).Scan(&known); err != nil || known {
		return err
	}
	if err := s.notes.CreateVersionTable(ctx, tx); err != nil {
		return err
	}
	for v := range version + 1 {
		if err := s.notes.Insert(ctx, tx, database.InsertRequest{Version: v}); err != nil {
			return err
		}
	}
	return tx.Commit()
}
