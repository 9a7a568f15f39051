// Package tus reads and writes the headers of tus 1.0.0, the protocol of uploads that can be resumed (https://tus.io/protocols/resumable-upload).
// It knows neither HTTP servers nor where bytes go.
package tus

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Version is the version of the protocol.
const Version = "1.0.0"

// Extensions are those that Calotype has, as Tus-Extension lists them.
const Extensions = "checksum,concatenation,creation,creation-defer-length,creation-with-upload,expiration,termination"

// ContentType is that of the bytes of an upload.
const ContentType = "application/offset+octet-stream"

// The headers of the protocol.
const (
	HeaderResumable   = "Tus-Resumable"
	HeaderVersion     = "Tus-Version"
	HeaderExtension   = "Tus-Extension"
	HeaderMaxSize     = "Tus-Max-Size"
	HeaderAlgorithms  = "Tus-Checksum-Algorithm"
	HeaderLength      = "Upload-Length"
	HeaderDeferLength = "Upload-Defer-Length"
	HeaderOffset      = "Upload-Offset"
	HeaderMetadata    = "Upload-Metadata"
	HeaderConcat      = "Upload-Concat"
	HeaderChecksum    = "Upload-Checksum"
	HeaderExpires     = "Upload-Expires"
	HeaderOverride    = "X-Http-Method-Override"
)

// RequestHeaders are those that a client may send, and ResponseHeaders those that it may want to read, as CORS lists them.
const (
	RequestHeaders = "Tus-Resumable, Upload-Checksum, Upload-Concat, Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, " +
		"X-HTTP-Method-Override"
	ResponseHeaders = "Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Concat, Upload-Defer-Length, " +
		"Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset"
)

// ErrHeader says that a header is not what the protocol says. It is wrapped by all errors of this package, but for ErrAlgorithm.
var ErrHeader = errors.New("the headers are not those of tus 1.0.0")

// Bounds of what is read.
const (
	MaxMetadata = 4 << 10 // bytes of Upload-Metadata
	MaxParts    = 100     // uploads of which another is made
)

// ParseNumber reads a header that holds a number of bytes: decimal digits alone.
func ParseNumber(header, text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || text[0] == '+' {
		return 0, fmt.Errorf("%w: %s is a number of bytes, not %q", ErrHeader, header, shortened(text))
	}
	return int64(n), nil
}

// A Metadata is what Upload-Metadata says: values by their keys.
type Metadata map[string]string

// ParseMetadata reads pairs of a key and a value in Base64, separated by commas. A value may be missing. No key comes twice.
func ParseMetadata(text string) (Metadata, error) {
	if len(text) > MaxMetadata {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrHeader, HeaderMetadata, MaxMetadata)
	}
	m := Metadata{}
	if strings.TrimSpace(text) == "" {
		return m, nil
	}
	for pair := range strings.SplitSeq(text, ",") {
		key, encoded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		value, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err != nil || !isKey(key) {
			return nil, fmt.Errorf("%w: %s is a list of keys and values in Base64, as in \"filename Y2F0LmpwZw==\", without %q", ErrHeader, HeaderMetadata, shortened(pair))
		}
		if _, twice := m[key]; twice {
			return nil, fmt.Errorf("%w: %s has the key %q twice", ErrHeader, HeaderMetadata, shortened(key))
		}
		m[key] = string(value)
	}
	return m, nil
}

// String writes m as a client would.
func (m Metadata) String() string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, key+" "+base64.StdEncoding.EncodeToString([]byte(m[key])))
	}
	return strings.Join(pairs, ",")
}

// isKey tells whether a key is not empty, and nothing but visible ASCII.
func isKey(key string) bool {
	return key != "" && strings.IndexFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

// FileName is the name of the file, as clients of today call it, or "".
func (m Metadata) FileName() string {
	if name := m["filename"]; name != "" {
		return name
	}
	return m["name"]
}

// A Concatenation is what Upload-Concat says.
type Concatenation struct {
	Partial bool     // the upload is to become a part of another
	Final   []string // addresses of the uploads of which this one is made
}

// ParseConcatenation reads "partial", "final;" with addresses separated by blanks, or "", which is neither.
func ParseConcatenation(text string) (Concatenation, error) {
	switch list, final := strings.CutPrefix(text, "final;"); {
	case text == "":
		return Concatenation{}, nil
	case text == "partial":
		return Concatenation{Partial: true}, nil
	case final:
		addresses := strings.Fields(list)
		if n := len(addresses); n == 0 || n > MaxParts {
			return Concatenation{}, fmt.Errorf("%w: %s names %d uploads, of 1 to %d", ErrHeader, HeaderConcat, n, MaxParts)
		}
		return Concatenation{Final: addresses}, nil
	}
	return Concatenation{}, fmt.Errorf("%w: %s is \"partial\" or \"final;\" and addresses of uploads", ErrHeader, HeaderConcat)
}

// FileID is the last segment of the address of an upload, absolute or not.
func FileID(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address[strings.LastIndexByte(address, '/')+1:]
}

// shortened keeps what a client sent readable in a message.
func shortened(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// IsMethod tells whether a method may stand in X-HTTP-Method-Override.
func IsMethod(name string) bool { return slices.Contains([]string{"PATCH", "DELETE"}, name) }
