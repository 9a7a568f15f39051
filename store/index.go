package store

import (
	"context"
	"fmt"
	"time"
)

// Index keeps one record per original. The methods may be called concurrently; a record that was added is seen by
// every later call. Every implementation passes storetest.Index.
type Index interface {
	// Add records o and returns when the record is durable. An id that is or ever was recorded is fs.ErrExist. A record by which its tenant would
	// have more than most is ErrQuota, whatever others add at the same time. When ctx ends before the
	// writing has begun, nothing is recorded; later Add returns when it is certain that the record is not still to come.
	Add(ctx context.Context, o Original, most Usage) error

	// Usage returns what a tenant has. The tenant "" is not counted: it is the one of all servers that have no others.
	Usage(ctx context.Context, tenant string) (Usage, error)

	// Get returns the record of id: fs.ErrNotExist if there never was one. If it was removed, it is ErrGone, with the record that is left.
	Get(ctx context.Context, id ID) (Original, error)

	// Remove removes the record of id, durably, and with it notes tasks that are left to be done. Its id and digest are
	// remembered for ever, its name is not. It returns fs.ErrNotExist if there never was such a record, and ErrGone if
	// it was removed before; then no task is noted.
	Remove(ctx context.Context, id ID, tasks ...string) error

	// Shared reports whether there is a record with the digest d that was not removed.
	Shared(ctx context.Context, d Digest) (bool, error)

	// Sharing returns the ids of at most limit records with the digest d that were not removed, the oldest first.
	Sharing(ctx context.Context, d Digest, limit int) ([]ID, error)

	// Digests returns at most limit digests that come after one and that records have which were not removed, in their order and each once.
	// Fewer are the last. The zero digest is before all.
	Digests(ctx context.Context, after Digest, limit int) ([]Digest, error)

	// Tasks returns at most limit removals that have left a task of that name which is not done, by their ids.
	Tasks(ctx context.Context, name string, limit int) ([]Removal, error)

	// CountTasks returns how many tasks of that name are not done.
	CountTasks(ctx context.Context, name string) (int, error)

	// Done notes durably that a task of these removals is done. One that was not noted is no error.
	Done(ctx context.Context, name string, ids ...ID) error

	// List returns the records that q asks for, newest first, and the last id that it has come to if there may be more: the Before of the
	// page after it. A page that is not the last has fewer than q.Limit only in a search. A query out of bounds is ErrBadQuery.
	List(ctx context.Context, q Query) (list []Original, next ID, err error)

	// NoteLooks notes what all originals with some digests look like that were not removed. Others are passed over. It is remembered until they are
	// removed.
	NoteLooks(ctx context.Context, looks ...Look) error

	// Walk returns at most limit records whose ids come after one, in the order of their ids, those of removed originals
	// among them. Fewer are the last. The zero id is before all.
	Walk(ctx context.Context, after ID, limit int) ([]Record, error)

	// Merge adds records as they are, durably and all or none. A record that is there already stays, but is removed if the
	// one that comes is; one that was removed stays so.
	Merge(ctx context.Context, records ...Record) error

	// Hold keeps all uploads of a blob apart from its deletion, among all processes that have the index open: whoever puts
	// the blob and records it shares the hold with others, whoever deletes it holds it alone. It waits until ctx ends.
	// Unrelated blobs may share a hold. The caller must call release once.
	Hold(ctx context.Context, d Digest, alone bool) (release func(), err error)

	// Presets returns all versions of the presets of all tenants, by tenant, name and version, and the last one of those that were removed.
	Presets(ctx context.Context) ([]Preset, error)

	// MergePresets adds versions of presets as they are, durably and all or none. One that is there already stays, but is removed
	// if the one that comes is, and those before it with it.
	MergePresets(ctx context.Context, presets ...Preset) error

	// ChangePresets gives decide what Presets returns of one tenant, makes the change that it returns, durably, and tells its message to
	// all who follow the index, as one. Others who change presets wait meanwhile. Nothing is changed or told if decide returns nil or
	// an error, which is then returned, or if there would be more than MaxPresets, which is ErrManyPresets.
	ChangePresets(ctx context.Context, tenant string, decide func([]Preset) (*PresetChange, error)) error

	// Tell tells all who follow the index, in other processes too, a message of at most MaxMessage bytes.
	Tell(ctx context.Context, message []byte) error

	// Follow calls hear with all news since it was called, one after the other, until ctx ends; then it returns nil. Where a
	// process before this one has followed with the same folder, it is all news since that ended. What this process has done
	// itself, and was told that it is done, is not told in general. It is called once.
	Follow(ctx context.Context, hear func(News)) error

	// Check reports whether a record could be added now, as far as that can be told cheaply and without adding one.
	Check(ctx context.Context) error

	// Close frees what the index holds. No other method may be running or be called later.
	Close() error
}

// The bounds of a Query.
const (
	MaxLimit   = 1000
	MaxFormats = 64

	// MaxSearched is how many records one page of a search goes through at most, so that it takes well below a second however many
	// there are.
	MaxSearched = 200_000
)

// Query asks for a page of records. The page after it is the same query with Before set to what List says; originals added meanwhile move no
// page.
type Query struct {
	Tenant  string    // only what this one has
	Formats []string  // only these formats, at most MaxFormats of them; empty for all
	Name    string    // only those with this text in their names, in letters of either case, at most MaxName bytes; "" for all
	Since   time.Time // only what was created then or later; zero for all
	Until   time.Time // only what was created before; zero for all
	Before  ID        // only older ids than this; zero for all
	Limit   int       // the most records to return, 1 to MaxLimit
}

// Usage is what a tenant has: originals that were not removed, each with all its bytes, even if others have the same. As a bound of that, 0
// bounds nothing. The tenant "" can have no bound.
type Usage struct {
	Images int64
	Bytes  int64
}

// A QuotaError is an ErrQuota that tells of its tenant.
type QuotaError struct {
	Tenant string
	Most   Usage // that it may have
	Has    Usage
	More   int64 // bytes of the original that was to be added
}

func (e *QuotaError) Error() string {
	if e.Most.Images > 0 && e.Has.Images >= e.Most.Images {
		return fmt.Sprintf("tenant %s: %v: it has %d images, and may have %d", e.Tenant, ErrQuota, e.Has.Images, e.Most.Images)
	}
	return fmt.Sprintf("tenant %s: %v: it has %d bytes, and may have %d; this image has %d", e.Tenant, ErrQuota, e.Has.Bytes, e.Most.Bytes, e.More)
}

func (e *QuotaError) Unwrap() error { return ErrQuota }

// check returns a *QuotaError if a tenant may not have one more image of so many bytes.
func (most Usage) check(tenant string, has Usage, more int64) error {
	if most.Images > 0 && has.Images >= most.Images || most.Bytes > 0 && has.Bytes+more > most.Bytes {
		return &QuotaError{Tenant: tenant, Most: most, Has: has, More: more}
	}
	return nil
}

// Record is a row of the index: of an original, or of one that was removed.
type Record struct {
	Original           // if it was removed without a name
	Removed  time.Time // in UTC, to the millisecond; zero if it was not
}

// MaxMessage is the most bytes of a message to those who follow an index.
const MaxMessage = 256 << 10

// News is what has happened to an index that several processes share: one of the first three fields.
type News struct {
	Removed ID     // an original was removed
	Message []byte // somebody has told
	Missed  bool   // so much has happened meanwhile that it cannot be told

	Age time.Duration // since it was told, by the clock of the index; 0 if that is not known
}

// Removal is an original that was removed.
type Removal struct {
	ID     ID
	Digest Digest // of the bytes that it had
}

func (q Query) check() error {
	if q.Limit < 1 || q.Limit > MaxLimit {
		return fmt.Errorf("%w: limit must be 1 to %d, not %d", ErrBadQuery, MaxLimit, q.Limit)
	}
	if len(q.Formats) > MaxFormats {
		return fmt.Errorf("%w: at most %d formats, not %d", ErrBadQuery, MaxFormats, len(q.Formats))
	}
	if len(q.Name) > MaxName {
		return fmt.Errorf("%w: names have at most %d bytes, not %d", ErrBadQuery, MaxName, len(q.Name))
	}
	return nil
}
