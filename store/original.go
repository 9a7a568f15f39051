package store

import "time"

// MaxName is the most bytes that Original.Name may have.
const MaxName = 255

// Original is what the index knows of one uploaded image. The store keeps these values as they are and does not
// interpret them.
type Original struct {
	ID     ID
	Digest Digest // of the blob that holds its bytes; originals of equal bytes share it
	Bytes  int64  // length of that blob

	Tenant string // whose it is; "" is the tenant of a server that has no others

	Format        string // of the file, as a lower-case word: "jpeg", "png", …
	Width, Height int    // in pixels as stored in the file, before Orientation
	Orientation   int    // EXIF 2.32, tag 0x0112: 1 (upright) to 8
	Frames        int    // of an animation; 1 is a still image
	Depth         int    // bits per sample
	Alpha         bool   // the image has an alpha channel

	Name    string    // the uploader's name for the file: any bytes, never a path of ours; may be empty, at most MaxName bytes
	Created time.Time // in UTC, to the millisecond

	// Blurhash is what the image looks like from afar, once somebody has noted that: of its bytes as they are, so that those of equal bytes
	// have the same. It is "" until then, and NoBlurhash if the image cannot be looked at.
	Blurhash string
}

// NoBlurhash is the Blurhash of an image that cannot be looked at.
const NoBlurhash = "-"

// A Look says what all originals of some bytes look like.
type Look struct {
	Digest   Digest
	Blurhash string
}
