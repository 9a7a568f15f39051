package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ID names an original: a UUID of version 7 (RFC 9562, section 5.7), which begins with the time it was made, so that
// ids sort by age. An id is never used a second time.
type ID = uuid.UUID

// newID returns an id greater than every one this process made before, and the time that it holds.
func newID() (ID, time.Time, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return ID{}, time.Time{}, fmt.Errorf("make an id: %w", err)
	}
	return id, timeOf(id), nil
}

// timeOf returns the time that an id of newID holds.
func timeOf(id ID) time.Time { return time.Unix(id.Time().UnixTime()).UTC() }

// FirstID returns the least of all ids that could be made at a time or later, to the millisecond. Times that ids cannot
// hold, before 1970 and after 10889, become the nearest that they can.
func FirstID(when time.Time) (id ID) {
	ms := min(max(when.UnixMilli(), 0), 1<<48-1)
	if when.Nanosecond()%1e6 != 0 && ms > 0 {
		ms++ // ids hold no more than milliseconds
	}
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}

// ParseID reads an id of any version from its 36 characters, or from its 32 hexadecimal digits without hyphens, in
// upper or lower case. Any other text, and the other forms of a UUID, are ErrBadID.
func ParseID(s string) (ID, error) {
	if len(s) != 36 && len(s) != 32 {
		return ID{}, fmt.Errorf("%w: %d characters, not 36 or 32", ErrBadID, len(s))
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return ID{}, fmt.Errorf("%w: %q", ErrBadID, s)
	}
	return id, nil
}

// Digest is the SHA-256 of a blob, and its name.
type Digest [sha256.Size]byte

// String returns d as 64 lower-case hexadecimal digits.
func (d Digest) String() string {
	return hex.EncodeToString(d[:])
}

// ParseDigest reads what Digest.String writes, and nothing else. Other text is ErrBadDigest.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) {
		return Digest{}, fmt.Errorf("%w: %d characters, not %d", ErrBadDigest, len(s), hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil || d.String() != s {
		return Digest{}, fmt.Errorf("%w: %q", ErrBadDigest, s)
	}
	return d, nil
}
