package store

import (
	"context"
	"os"
	"time"
)

// Blobs keeps the bytes of originals. A blob is written once and never changed. The methods may be called
// concurrently, also with the same digest. Every implementation passes storetest.Blobs.
type Blobs interface {
	// Put keeps the content of f under d. It returns when the blob is durable, and never before. Putting bytes that
	// are already there is no error.
	//
	// f is a complete file, open for reading and writing by the descriptor that wrote it, whose SHA-256 is d; Put
	// believes that. It may take the file's name away: the caller keeps only the descriptor, must not write by it,
	// and closes it. After an error f must not be put again, because its lost writes may not be reported twice.
	Put(ctx context.Context, d Digest, f *os.File) error

	// Open returns a file of the blob's bytes, read-only and at position 0, which the caller closes.
	// A missing blob is fs.ErrNotExist. Where bytes come by a network, others than those of d are ErrDamaged; whoever opens a blob
	// looks at the bytes of the file, too.
	Open(ctx context.Context, d Digest) (*os.File, error)

	// Delete removes a blob; files of it that are open stay readable. A missing blob is fs.ErrNotExist.
	Delete(ctx context.Context, d Digest) error

	// Quarantine puts a damaged blob aside, for people to look at: to Open it is missing from then on, and putting its
	// bytes makes it whole again. A missing blob is fs.ErrNotExist.
	Quarantine(ctx context.Context, d Digest) error

	// List returns at most limit blobs whose digests come after one, in the order of their digests. Fewer are the last.
	// The zero digest is before all; what is in quarantine is not listed.
	List(ctx context.Context, after Digest, limit int) ([]Blob, error)

	// Check reports whether a blob could be put now, as far as that can be told cheaply and without putting one.
	Check(ctx context.Context) error

	// Close frees what the blobs hold. No other method may be running or be called later.
	Close() error
}

// Copying is what Blobs that keep copies of blobs at hand do as well.
type Copying interface {
	// Forget has the copy of a blob forgotten, which may be the damaged one: the next Open reads the blob where it is kept.
	Forget(d Digest)
}

// Blob is what is known of a blob without reading it.
type Blob struct {
	Digest   Digest
	Bytes    int64
	Modified time.Time // when it was put the last time
}
