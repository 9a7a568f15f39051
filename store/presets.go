package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A Preset is one version of a chain that has a name.
type Preset struct {
	Tenant  string // "" for the one that all have who have no other
	Name    string
	Version int    // from 1
	Chain   string // "" if the preset was removed; then this is the last version that it had, and the only row of its name
	Created time.Time
}

// A PresetChange is what becomes of one preset: a new version, or its end.
type PresetChange struct {
	Name    string
	Chain   string // of the new version; "" removes the preset
	Message []byte // is told to other processes, as Tell does, if the change happens
}

// MaxPresets is how many versions of presets a tenant may have, those in all.
const MaxPresets = 2000

// ErrManyPresets says that a tenant has MaxPresets versions of presets.
var ErrManyPresets = fmt.Errorf("there are %d versions of presets, which is the most that are kept", MaxPresets)

const (
	presetsSQL      = `select tenant, name, version, chain, created from preset`
	presetOrder     = ` order by tenant, name, version`
	addPresetSQL    = `insert into preset (tenant, name, version, chain, created) values ($1, $2, $3, $4, $5)`
	forgetPresetSQL = `delete from preset where tenant = $1 and name = $2 and version < $3`
	removePresetSQL = `update preset set chain = null, created = $1 where tenant = $2 and name = $3`
	goneSQL         = `select exists (select 1 from preset where tenant = $1 and name = $2 and version > $3 and chain is null)`
	// A version never changes but for its removal.
	mergePresetSQL = `insert into preset (tenant, name, version, chain, created) values ($1, $2, $3, $4, $5)
		on conflict (tenant, name, version) do update set chain = null, created = excluded.created where preset.chain is not null and excluded.chain is null`
)

// Presets returns all versions of the presets of all tenants, by tenant, name and version.
func (s *Store) Presets(ctx context.Context) ([]Preset, error) {
	list, err := s.index.Presets(ctx)
	if err != nil {
		return nil, wrap("read presets", err)
	}
	return list, nil
}

// ChangePresets changes one of the presets of a tenant, durably, and tells other processes. decide is given what there is, and says what
// is to be changed; nothing else changes presets meanwhile. Nothing is changed if it returns an error, which is then returned, or nil.
func (s *Store) ChangePresets(ctx context.Context, tenant string, decide func([]Preset) (*PresetChange, error)) error {
	var refusal error
	err := s.index.ChangePresets(ctx, tenant, func(present []Preset) (change *PresetChange, err error) {
		change, refusal = decide(present)
		return change, refusal
	})
	switch {
	case refusal != nil:
		return refusal
	case err != nil:
		return wrap("change presets", err)
	}
	return nil
}

// Presets implements Index.
func (x *sqlIndex) Presets(ctx context.Context) ([]Preset, error) {
	rows, err := x.reader.QueryContext(ctx, presetsSQL+presetOrder)
	return readPresets(rows, err)
}

func readPresets(rows *sql.Rows, err error) ([]Preset, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Preset
	for rows.Next() {
		var p Preset
		var chain sql.NullString
		var created int64
		if err := rows.Scan(&p.Tenant, &p.Name, &p.Version, &chain, &created); err != nil {
			return nil, err
		}
		p.Chain, p.Created = chain.String, time.UnixMilli(created).UTC()
		list = append(list, p)
	}
	return list, rows.Err()
}

// ChangePresets implements Index.
func (x *sqlIndex) ChangePresets(ctx context.Context, tenant string, decide func([]Preset) (*PresetChange, error)) error {
	return x.together(ctx, func(tx *sql.Tx) error {
		_, err := changePresets(ctx, tx, tenant, decide)
		return err
	})
}

// changePresets is ChangePresets in a transaction that has no other beside it. It returns what was changed, or nil.
func changePresets(ctx context.Context, tx *sql.Tx, tenant string, decide func([]Preset) (*PresetChange, error)) (*PresetChange, error) {
	rows, err := tx.QueryContext(ctx, presetsSQL+" where tenant = $1"+presetOrder, tenant)
	present, err := readPresets(rows, err)
	if err != nil {
		return nil, err
	}
	change, err := decide(present)
	if err != nil || change == nil {
		return nil, err
	}
	newest := 0
	for _, p := range present {
		if p.Name == change.Name {
			newest = p.Version
		}
	}
	now := time.Now().UnixMilli()
	switch {
	case change.Chain == "" && newest == 0:
		return nil, nil
	case change.Chain != "" && len(present) >= MaxPresets:
		return nil, ErrManyPresets
	case change.Chain != "":
		_, err = tx.ExecContext(ctx, addPresetSQL, tenant, change.Name, newest+1, change.Chain, now)
	default:
		_, err = tx.ExecContext(ctx, forgetPresetSQL, tenant, change.Name, newest)
		if err == nil {
			_, err = tx.ExecContext(ctx, removePresetSQL, now, tenant, change.Name)
		}
	}
	return change, err
}

// MergePresets implements Index.
func (x *sqlIndex) MergePresets(ctx context.Context, presets ...Preset) error {
	return x.together(ctx, func(tx *sql.Tx) error {
		for _, p := range presets {
			var gone bool
			if err := tx.QueryRowContext(ctx, goneSQL, p.Tenant, p.Name, p.Version).Scan(&gone); err != nil {
				return err
			}
			if gone {
				continue
			}
			chain := sql.NullString{String: p.Chain, Valid: p.Chain != ""}
			if _, err := tx.ExecContext(ctx, mergePresetSQL, p.Tenant, p.Name, p.Version, chain, p.Created.UnixMilli()); err != nil {
				return err
			}
			if chain.Valid {
				continue
			}
			if _, err := tx.ExecContext(ctx, forgetPresetSQL, p.Tenant, p.Name, p.Version); err != nil {
				return err
			}
		}
		return nil
	})
}

// Presets implements Index.
func (p *postgres) Presets(ctx context.Context) (list []Preset, err error) {
	err = p.read(ctx, func(ctx context.Context) (err error) { list, err = p.sql.Presets(ctx); return err })
	return list, err
}

// MergePresets implements Index.
func (p *postgres) MergePresets(ctx context.Context, presets ...Preset) error {
	return p.change(ctx, func(ctx context.Context) error { return p.sql.MergePresets(ctx, presets...) })
}

// ChangePresets implements Index.
func (p *postgres) ChangePresets(ctx context.Context, tenant string, decide func([]Preset) (*PresetChange, error)) error {
	var seq int64
	err := p.change(ctx, func(ctx context.Context) error {
		return p.sql.together(ctx, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, newsLockSQL, lockFamily, presetLock); err != nil {
				return err
			}
			changed, err := changePresets(ctx, tx, tenant, decide)
			if err != nil || changed == nil {
				return err
			}
			seq, err = p.news.tell(ctx, tx, nil, changed.Message)
			return err
		})
	})
	if err == nil {
		p.news.committed(seq)
	}
	return err
}
