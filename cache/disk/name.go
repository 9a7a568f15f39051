package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// The bounds of a Key. What is beyond them is not kept.
const (
	MaxText   = 16 << 10 // bytes
	MaxGroups = 9        // so that the name of a file has at most 168 bytes
)

// A Key says which entry is meant. Entries with equal texts have equal groups.
type Key struct {
	Text   string   // describes the entry completely
	Groups []string // what the entry is removed with; it belongs to the first
}

// A Name is what an index knows of a key. Two keys of one name displace each other; neither is taken for the other.
type Name struct{ group, text uint64 }

// Name returns the name of a key, which has at least one group.
func (k Key) Name() Name { return Name{hashOf(k.Groups[0]), hashOf(k.Text)} }

// path returns where the entry of a key lies.
func (k Key) path() string { return k.Name().path(k.further()) }

func hashOf(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	return binary.BigEndian.Uint64(sum[:])
}

func (k Key) fits() bool {
	return k.Text != "" && len(k.Text) <= MaxText && len(k.Groups) >= 1 && len(k.Groups) <= MaxGroups
}

// further returns the hashes of all groups but the first.
func (k Key) further() []uint64 {
	if len(k.Groups) <= 1 {
		return nil
	}
	hashes := make([]uint64, len(k.Groups)-1)
	for i, g := range k.Groups[1:] {
		hashes[i] = hashOf(g)
	}
	return hashes
}

// folders is how many there are, named by the first two digits of the first group, so that all that belongs to it lies in one.
const folders = 256

func folderName(number int) string { return fmt.Sprintf("%02x", number) }

// path returns where an entry lies below the folder of the cache: ab/abcd…-0123…, with the further groups behind, from
// which the index is filled again without opening a file.
func (n Name) path(further []uint64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%02x/%016x-%016x", n.group>>56, n.group, n.text)
	for _, g := range further {
		fmt.Fprintf(&b, "-%016x", g)
	}
	return b.String()
}

// parsePath reads what path writes, and nothing else.
func parsePath(path string) (n Name, further []uint64, ok bool) {
	_, file, _ := strings.Cut(path, "/")
	parts := strings.Split(file, "-")
	if len(parts) < 2 || len(parts) > MaxGroups+1 {
		return Name{}, nil, false
	}
	hashes := make([]uint64, len(parts))
	for i, part := range parts {
		h, err := strconv.ParseUint(part, 16, 64)
		if err != nil {
			return Name{}, nil, false
		}
		hashes[i] = h
	}
	n = Name{hashes[0], hashes[1]}
	if len(hashes) > 2 {
		further = hashes[2:]
	}
	return n, further, n.path(further) == path
}
