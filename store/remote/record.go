package remote

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"calotype/store"
)

// recordVersion changes when records get another meaning; those of other versions are not read.
const recordVersion = 1

// A record is what is known of a source whose bytes are kept.
type record struct {
	Version  int
	Source   string         // canonical text
	From     string         // the source that has answered, after redirects
	Body     string         // path of the bytes on the shelf
	Original store.Original // of the bytes
	Steps    []step         // by which its bytes came, or were found to be the same
}

// encode writes a record: the SHA-256 of a line, and the line, which is JSON.
func (r record) encode() ([]byte, error) {
	r.Version = recordVersion
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	return append(append(hex.AppendEncode(nil, sum[:]), '\n'), text...), nil
}

var errRecord = errors.New("not a record that was written here")

// decodeRecord reads what encode writes.
func decodeRecord(data []byte) (r record, err error) {
	said, text, _ := bytes.Cut(data, []byte("\n"))
	sum := sha256.Sum256(text)
	if string(said) != hex.EncodeToString(sum[:]) {
		return record{}, errRecord
	}
	if err := json.Unmarshal(text, &r); err != nil || r.Version != recordVersion {
		return record{}, errRecord
	}
	return r, nil
}
