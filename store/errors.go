package store

import (
	"errors"
	"fmt"
	"syscall"
)

// The errors that callers tell apart with errors.Is.
var (
	ErrNotFound       = errors.New("not found")                      // there never was an original under the id
	ErrGone           = errors.New("removed")                        // there was one, and its id is not used again
	ErrLeft           = errors.New("bytes are left")                 // the original was removed, but its bytes are still on the disk
	ErrDamaged        = errors.New("damaged")                        // recorded, but the bytes are missing or others
	ErrFull           = errors.New("no space left")                  // the disk or the quota of its user is used up
	ErrQuota          = errors.New("no more is kept for it")         // the tenant has what it may have
	ErrUnavailable    = errors.New("not available")                  // a database or a blob service does not answer, or answers that it cannot now
	ErrInUse          = errors.New("in use by another process")      // the folder of a local store is locked
	ErrNewer          = errors.New("written by a newer version")     // the index has a schema that this program does not know
	ErrManyResumables = errors.New("too many uploads are under way") // more would be than may be
	ErrNotParts       = errors.New("not a complete part")            // a Join of what cannot be joined
	ErrTooLong        = errors.New("too many bytes")                 // a Join would have more than it may
	ErrSpent          = errors.New("spool already added or closed")  // a Spool was used after Add or Discard
	ErrHeld           = errors.New("in use by another request")      // somebody else works on the upload
	ErrBadID          = errors.New("not an id")                      // the text is not that of an ID
	ErrBadDigest      = errors.New("not a digest")                   // the text is not that of a Digest
	ErrBadName        = fmt.Errorf("longer than %d bytes", MaxName)  // Original.Name is too long
	ErrBadQuery       = errors.New("bad query")                      // a Query is out of its bounds
)

// wrapIf is wrap, and nil if err is.
func wrapIf(doing string, err error) error {
	if err == nil {
		return nil
	}
	return wrap(doing, err)
}

// wrap says what was being done when err happened, and makes it ErrFull if a lack of space was the cause.
func wrap(doing string, err error) error {
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || isSQLiteFull(err) || isPostgresFull(err)
	if full && !errors.Is(err, ErrFull) {
		return fmt.Errorf("%s: %w: %w", doing, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
