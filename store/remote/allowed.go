package remote

import (
	"errors"
	"fmt"
	"strings"
)

// Allowed is a list of the sources that may be asked for. It does not change, and nil allows nothing.
type Allowed struct {
	patterns []pattern
}

// A pattern is one entry of the list.
type pattern struct {
	scheme, port string
	host         string // or what a name ends with, if it is wild
	wild         bool   // any name that ends with host and is longer
	folder       string // what a path begins with, with a slash at its end; "/" is any
	file         string // the path that is allowed as well as what is in the folder; "" is none
}

// ParseAllowed reads a list of patterns. Each is the beginning of the sources it allows: scheme, host and port as they are, and the first whole segments
// of the path, none being any:
//
//	https://img.example.org/photos/    what is in that folder
//	https://*.example.org              every name that ends with .example.org, but not example.org itself
//	http://images:8080                 one port
//	https://*                          every name, but no address written as numbers
//	s3://bucket/prefix/                what is in that folder of a bucket
//	local:///photos/                   what is in that folder of the root
func ParseAllowed(patterns []string) (*Allowed, error) {
	a := &Allowed{}
	for _, text := range patterns {
		p, err := parsePattern(text)
		if err != nil {
			return nil, fmt.Errorf("pattern of sources %q: %w", text, err)
		}
		a.patterns = append(a.patterns, p)
	}
	return a, nil
}

func parsePattern(text string) (p pattern, err error) {
	if strings.ContainsAny(text, "?#") {
		return p, errors.New("it ends with a path, and has no query")
	}
	// A name stands in for the star while the host is read.
	const anyName = "any-name"
	text, wild := cutOnce(text, "://*.", "://")
	text, every := cutOnce(text, "://*", "://"+anyName)
	s, path, err := cutAuthority(text)
	if err != nil {
		return p, err
	}
	p = pattern{scheme: s.scheme, host: s.host, port: s.port, wild: wild || every}
	switch {
	case p.wild && s.kind != KindHTTP:
		return p, errors.New("only hosts of http and https may have a star")
	case every && p.host != anyName, wild && every:
		return p, errors.New("a star stands for the host, or for what is before its first dot")
	case wild && endsInNumber(p.host), wild && strings.HasPrefix(p.host, "["):
		return p, errors.New("a star stands for names, not for parts of an address")
	case every:
		p.host = ""
	case wild:
		p.host = "." + p.host
	}
	if path, err = normalPath(path); err != nil {
		return p, err
	}
	p.folder = strings.TrimSuffix(path, "/") + "/"
	if path != p.folder {
		p.file = path
	}
	return p, nil
}

// cutOnce replaces the first old in text, and tells whether there was one.
func cutOnce(text, old, replacement string) (string, bool) {
	before, after, found := strings.Cut(text, old)
	if !found {
		return text, false
	}
	return before + replacement + after, true
}

// Allows tells whether a source is on the list.
func (a *Allowed) Allows(s Source) bool {
	if a == nil {
		return false
	}
	for _, p := range a.patterns {
		if p.matches(s) {
			return true
		}
	}
	return false
}

func (p pattern) matches(s Source) bool {
	if s.scheme != p.scheme || s.port != p.port {
		return false
	}
	if p.wild {
		isAddress := endsInNumber(s.host) || strings.HasPrefix(s.host, "[")
		if isAddress || !strings.HasSuffix(s.host, p.host) {
			return false
		}
	} else if s.host != p.host {
		return false
	}
	return strings.HasPrefix(s.path, p.folder) || s.path == p.file
}
