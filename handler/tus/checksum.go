package tus

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"strings"
)

// algorithms are those of Upload-Checksum. They find mistakes of the way, not forgers.
var algorithms = []struct {
	name string
	make func() hash.Hash
}{
	{"sha256", sha256.New},
	{"sha1", sha1.New},
	{"md5", md5.New},
	{"crc32", func() hash.Hash { return crc32.NewIEEE() }},
}

// Algorithms are those that are known, as Tus-Checksum-Algorithm lists them.
func Algorithms() string {
	var names []string
	for _, a := range algorithms {
		names = append(names, a.name)
	}
	return strings.Join(names, ",")
}

// ErrAlgorithm says that a checksum is by an algorithm that is not known.
var ErrAlgorithm = errors.New("the algorithm of the checksum is not known")

// A Checksum is what the bytes of one request must have.
type Checksum struct {
	Algorithm string
	Want      []byte
}

// ParseChecksum reads an algorithm and a checksum in Base64, or "", which is none.
func ParseChecksum(text string) (Checksum, error) {
	if text == "" {
		return Checksum{}, nil
	}
	algorithm, encoded, _ := strings.Cut(text, " ")
	c := Checksum{Algorithm: algorithm}
	h := c.Hash()
	if h == nil {
		return Checksum{}, fmt.Errorf("%w: %q is none of %s", ErrAlgorithm, shortened(algorithm), Algorithms())
	}
	var err error
	if c.Want, err = base64.StdEncoding.DecodeString(encoded); err != nil || len(c.Want) != h.Size() {
		return Checksum{}, fmt.Errorf("%w: %s is an algorithm and %d bytes in Base64", ErrHeader, HeaderChecksum, h.Size())
	}
	return c, nil
}

// Hash returns a hash of the algorithm, or nil if there is no checksum or the algorithm is not known.
func (c Checksum) Hash() hash.Hash {
	for _, a := range algorithms {
		if a.name == c.Algorithm {
			return a.make()
		}
	}
	return nil
}
