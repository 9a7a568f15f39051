// Package remote gets originals that live elsewhere: at other servers, in buckets and in a folder of this machine. It knows net/http, and
// neither images nor who asks.
package remote

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"calotype/store"
)

// MaxSource is the most bytes that the text of a source may have, as given and in its canonical form.
const MaxSource = 2048

// Kind says how a source is read.
type Kind int

// The kinds of sources.
const (
	KindHTTP   Kind = iota + 1 // by a GET: http, https
	KindBucket                 // an object in a bucket: s3, gs, azblob
	KindLocal                  // a file below Options.Root: local
)

// schemes are all schemes of sources. A port is that which need not be written.
var schemes = []struct {
	name string
	kind Kind
	port string
}{
	{"http", KindHTTP, "80"},
	{"https", KindHTTP, "443"},
	{"s3", KindBucket, ""},
	{"gs", KindBucket, ""},
	{"azblob", KindBucket, ""},
	{"local", KindLocal, ""},
}

// Source is the address of an original that lives elsewhere. Sources of equal canonical text are equal, also by ==. The zero value is none.
type Source struct {
	text string // canonical
	kind Kind

	scheme string
	host   string // name or address, an IPv6 address in brackets; the bucket; "" of a local file
	port   string // "" if it is that of the scheme
	path   string // percent-encoded, with a slash at its beginning
}

// ParseSource reads the address of an original: https://host/path?query, http, s3://bucket/key, gs://bucket/key, azblob://container/blob or
// local:///path. Its canonical text is what Source.String returns: scheme and host in lower case, the host in ASCII (IDNA 2008 with the
// mapping of UTS 46), no port that is the scheme's own, no fragment, a path in which all that may stand for itself does (RFC 3986, 6.2.2) and
// the query as it was given.
//
// What servers read in different ways is ErrSource: names and passwords, addresses that are written in another way than four decimal numbers or as
// IPv6 in brackets, zones, a dot behind the host, segments . and .., backslashes and control characters, each however often encoded.
func ParseSource(text string) (Source, error) {
	s, err := parseSource(text)
	if err == nil && len(s.text) > MaxSource {
		err = fmt.Errorf("more than %d bytes", MaxSource)
	}
	if err != nil {
		return Source{}, fmt.Errorf("%w: %w", ErrSource, err)
	}
	return s, nil
}

func parseSource(text string) (s Source, err error) {
	if len(text) > MaxSource {
		return s, fmt.Errorf("more than %d bytes", MaxSource)
	}
	if !utf8.ValidString(text) {
		return s, errors.New("not in UTF-8")
	}
	text, _, _ = strings.Cut(text, "#")
	s, rest, err := cutAuthority(text)
	if err != nil {
		return s, err
	}
	path, query, hasQuery := strings.Cut(rest, "?")
	if s.path, err = normalPath(path); err != nil {
		return s, err
	}
	if s.kind != KindHTTP {
		if hasQuery {
			return s, fmt.Errorf("%s has no query; a question mark in a name is written %%3F", s.scheme)
		}
		if s.path, err = keyPath(s.path); err != nil {
			return s, err
		}
	}
	s.text = s.scheme + "://" + s.Host() + s.path
	if hasQuery {
		if query, err = encodeQuery(query); err != nil {
			return s, err
		}
		s.text += "?" + query
	}
	return s, nil
}

// cutAuthority reads the scheme and the host, and returns what follows them.
func cutAuthority(text string) (s Source, rest string, err error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return s, "", errors.New("it has no scheme, such as https://")
	}
	defaultPort := ""
	for _, known := range schemes {
		if strings.EqualFold(scheme, known.name) {
			s.scheme, s.kind, defaultPort = known.name, known.kind, known.port
		}
	}
	if s.kind == 0 {
		var names []string
		for _, known := range schemes {
			names = append(names, known.name)
		}
		return s, "", fmt.Errorf("the scheme is none of %s", strings.Join(names, ", "))
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	switch s.kind {
	case KindHTTP:
		s.host, s.port, err = parseAuthority(authority)
		if s.port == defaultPort {
			s.port = ""
		}
	case KindBucket:
		s.host = authority
		if !isBucketName(authority) {
			err = errors.New("the bucket is not named by 2 to 222 lower-case letters, digits, dots, hyphens and underscores")
		}
	case KindLocal:
		if authority != "" {
			err = errors.New("local has no host: local:///path")
		}
	}
	return s, rest, err
}

// hosts maps names of hosts as browsers do, and lets through what the name system does but IDNA does not: underscores, and hyphens in the third and
// fourth place. parseAuthority judges the result.
var hosts = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false))

// parseAuthority reads a host and the port behind it, which may be missing.
func parseAuthority(authority string) (host, port string, err error) {
	if strings.ContainsAny(authority, "@%\\") {
		return "", "", errors.New("the host is neither a name nor an address; no user, no password and no percent sign may stand there")
	}
	host = authority
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return "", "", errors.New("the port is not a number from 1 to 65535")
		}
	}
	if inside, ok := strings.CutPrefix(host, "["); ok {
		inside, closed := strings.CutSuffix(inside, "]")
		address, err := netip.ParseAddr(inside)
		if !closed || err != nil || !address.Is6() || address.Is4In6() || address.Zone() != "" {
			return "", "", errors.New("what is in brackets is not an IPv6 address without a zone")
		}
		return "[" + address.String() + "]", port, nil
	}
	name, err := hosts.ToASCII(host)
	if err != nil || !isHostName(name) {
		return "", "", errors.New("the host is not a name")
	}
	if endsInNumber(name) {
		// It would be taken for an address, by some: it has to be one, and to have been one before it was mapped.
		if address, err := netip.ParseAddr(host); err != nil || address.String() != host {
			return "", "", errors.New("the host is an address that is not written as four decimal numbers")
		}
	}
	return name, port, nil
}

// isHostName tells whether a name in lower case is one that the name system may know. A dot at its end makes it none: it is another
// spelling of the same host.
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || !consistsOf(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") {
			return false
		}
	}
	return true
}

// endsInNumber tells whether some would read a name as an IPv4 address: as the URL Standard says, by its last label.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return consistsOf(hex, "0123456789abcdef")
	}
	return consistsOf(last, "0123456789")
}

func isBucketName(name string) bool {
	return len(name) >= 2 && len(name) <= 222 && consistsOf(name, "abcdefghijklmnopqrstuvwxyz0123456789.-_") && !strings.Contains(name, "..")
}

func consistsOf(text, characters string) bool {
	return strings.Trim(text, characters) == ""
}

// String returns the canonical text.
func (s Source) String() string { return s.text }

// Kind says how the source is read.
func (s Source) Kind() Kind { return s.kind }

// Scheme returns the scheme, in lower case.
func (s Source) Scheme() string { return s.scheme }

// Host returns the host, with its port unless it is that of the scheme, or the bucket, or "" of a local file.
func (s Source) Host() string {
	if s.port == "" {
		return s.host
	}
	return s.host + ":" + s.port
}

// URL returns the source as a URL, which the caller may change.
func (s Source) URL() *url.URL {
	u, err := url.Parse(s.text)
	if err != nil {
		panic("remote: a canonical source is not a URL: " + err.Error()) // FuzzSource shows that it always is
	}
	return u
}

// Key returns the path, decoded and without the slash at its beginning: the key of an object in a bucket, or the path of a local file below the
// root, which never has a segment that is empty or only dots.
func (s Source) Key() string {
	path, _ := url.PathUnescape(s.path)
	return strings.TrimPrefix(path, "/")
}

// Name returns the last part of the path, decoded, as the name of an original: at most store.MaxName bytes.
func (s Source) Name() string {
	name := s.Key()
	name = name[strings.LastIndexByte(name, '/')+1:]
	if len(name) > store.MaxName {
		name = strings.ToValidUTF8(name[:store.MaxName], "") // no half of a character at its end
	}
	return name
}

// ID names the original: a UUID of version 8 (RFC 9562, section 5.8) made of the SHA-256 of the canonical text.
func (s Source) ID() store.ID {
	sum := sha256.Sum256([]byte(s.text))
	id := store.ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
