package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// A file is, with numbers in little-endian order:
//
//	bytes    what
//	8        magic, the last byte of which is the version
//	4        length of the key's text
//	4        length of the meta
//	8        length of the body
//	32       SHA-256 of the body
//	32       SHA-256 of all above, the text and the meta
//	         text, meta, body
//
// and nothing more, so that every bit of it is checked.
const (
	magic      = "calotyp\x01"
	bodySumAt  = 8 + 4 + 4 + 8
	headSumAt  = bodySumAt + sha256.Size
	headLength = headSumAt + sha256.Size
)

// MaxMeta is the most bytes of an entry's meta.
const MaxMeta = 16 << 10

var (
	errDamaged  = errors.New("damaged") // not a whole file of ours
	errOtherKey = errors.New("of another key")
)

// An Entry is what was put under a key.
type Entry struct {
	Meta, Body []byte
	Digest     [sha256.Size]byte // SHA-256 of the body
}

// headOf returns all of a file that stands before the body.
func headOf(text string, meta, body []byte) []byte {
	head := make([]byte, 0, headLength+len(text)+len(meta))
	head = append(head, magic...)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(text)))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(meta)))
	head = binary.LittleEndian.AppendUint64(head, uint64(len(body)))
	sum := sha256.Sum256(body)
	head = append(head, sum[:]...)
	head = append(head, make([]byte, sha256.Size)...)
	head = append(append(head, text...), meta...)
	sum = headSum(head)
	copy(head[headSumAt:], sum[:])
	return head
}

// headSum returns the SHA-256 of a head but for the place where it stands.
func headSum(head []byte) (sum [sha256.Size]byte) {
	hash := sha256.New()
	hash.Write(head[:headSumAt])
	hash.Write(head[headLength:])
	hash.Sum(sum[:0])
	return sum
}

// textIn returns the text of a key from the beginning of a file. Nothing proves that it is what was written.
func textIn(file []byte) (string, bool) {
	if len(file) < headLength || string(file[:len(magic)]) != magic {
		return "", false
	}
	end := headLength + uint64(binary.LittleEndian.Uint32(file[8:]))
	if end > uint64(len(file)) {
		return "", false
	}
	return string(file[headLength:end]), true
}

// decode reads a file, which it keeps and does not change. The error is errDamaged, or errOtherKey for a good file with another text.
func decode(file []byte, text string) (Entry, error) {
	if len(file) < headLength || string(file[:len(magic)]) != magic {
		return Entry{}, fmt.Errorf("%w: it does not begin like an entry", errDamaged)
	}
	textLength := uint64(binary.LittleEndian.Uint32(file[8:]))
	metaLength := uint64(binary.LittleEndian.Uint32(file[12:]))
	bodyLength := binary.LittleEndian.Uint64(file[16:])
	bodyAt, length := headLength+textLength+metaLength, uint64(len(file))
	if textLength > MaxText || metaLength > MaxMeta || bodyAt > length || bodyLength != length-bodyAt {
		return Entry{}, fmt.Errorf("%w: it has another length than it says", errDamaged)
	}
	head, body := file[:bodyAt:bodyAt], file[bodyAt:]
	if sum := headSum(head); !bytes.Equal(sum[:], head[headSumAt:headLength]) {
		return Entry{}, fmt.Errorf("%w: its head is not what was written", errDamaged)
	}
	e := Entry{Meta: head[headLength+textLength:], Body: body, Digest: sha256.Sum256(body)}
	if !bytes.Equal(e.Digest[:], head[bodySumAt:headSumAt]) {
		return Entry{}, fmt.Errorf("%w: its body is not what was written", errDamaged)
	}
	if string(head[headLength:headLength+textLength]) != text {
		return Entry{}, errOtherKey
	}
	return e, nil
}
