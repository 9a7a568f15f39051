// Package signing says which addresses of images were handed out by somebody who has a key: signatures that stand in the address, with an
// end and with bounds if need be. It knows neither HTTP nor images. What it does is written down in docs/signing.md, with vectors.
package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
)

// Bounds of keys.
const (
	MinKey   = 32  // bytes
	maxKey   = 256 // bytes
	maxKeyID = 8   // characters
)

// Errors of keys never contain a key, or a part of one.
var (
	ErrKey  = errors.New("a key is its name, of 1 to 8 letters a to z and digits, a colon, and 32 bytes or more in hexadecimal digits")
	ErrNone = errors.New("there is no key to sign with")
)

// Keys are the secrets whose signatures are good. The first one signs; the others are there because addresses are about that they have
// signed, or will be soon. A nil *Keys has none. All methods may be called concurrently.
type Keys struct{ keys []key }

type key struct {
	id   string
	macs *sync.Pool // of *mac
}

// A mac computes what a key makes of a text.
type mac struct {
	hash hash.Hash
	sum  [sha256.Size]byte
}

// ParseKeys reads keys, each as its name, a colon and its bytes in hexadecimal: k1:8f0c….
func ParseKeys(list []string) (*Keys, error) {
	k := &Keys{}
	for i, text := range list {
		id, digits, _ := strings.Cut(strings.TrimSpace(text), ":")
		secret, err := hex.DecodeString(digits)
		if err != nil || len(secret) < MinKey || len(secret) > maxKey || !isKeyID(id) {
			return nil, fmt.Errorf("key %d: %w", i+1, ErrKey)
		}
		if k.find([]byte(id)) != nil {
			return nil, fmt.Errorf("key %d: there is another one with its name", i+1)
		}
		k.keys = append(k.keys, newKey(id, secret))
	}
	return k, nil
}

func isKeyID(s string) bool {
	for _, c := range s {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= maxKeyID
}

func newKey(id string, secret []byte) key {
	return key{id: id, macs: &sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, secret)} }}}
}

// Len returns the number of keys.
func (k *Keys) Len() int {
	if k == nil {
		return 0
	}
	return len(k.keys)
}

// find returns the key of a name, or nil.
func (k *Keys) find(id []byte) *key {
	if k == nil {
		return nil
	}
	for i := range k.keys {
		if k.keys[i].id == string(id) {
			return &k.keys[i]
		}
	}
	return nil
}

// compute returns the HMAC-SHA256 (RFC 2104) of a text. It must be given back.
func (k *key) compute(text []byte) *mac {
	m := k.macs.Get().(*mac)
	m.hash.Reset()
	m.hash.Write(text)
	m.hash.Sum(m.sum[:0])
	return m
}

func (k *key) giveBack(m *mac) { k.macs.Put(m) }
