package handler

import (
	"bytes"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/signing"
	"calotype/store/remote"
)

// A class says how long answers of a kind may be believed.
type class struct {
	text []byte        // of Cache-Control
	age  time.Duration // for which clients may believe them
}

func newClass(age time.Duration, visibility, more string) *class {
	return &class{[]byte(visibility + ", max-age=" + strconv.Itoa(int(age/time.Second)) + more), age}
}

// How long answers may be believed, by class. Prints and originals never change under their address; browsers are asked
// to come back after a month all the same, since a CDN can be purged and a browser cannot.
var (
	keepImage       = newClass(30*24*time.Hour, "public", ", s-maxage=31536000, immutable, stale-while-revalidate=86400, stale-if-error=2592000")
	keepPreset      = newClass(24*time.Hour, "public", ", s-maxage=2592000, stale-while-revalidate=86400, stale-if-error=604800") // a preset may change
	keepByQuery     = newClass(24*time.Hour, "private", "")                                                                       // some CDNs leave the query out of their keys
	keepDescription = newClass(time.Hour, "public", "")
)

// visibleToOne begins a class of answers that are not for caches that serve many.
var visibleToOne = []byte("private")

// setKeep says how long an answer of a class may be believed: no longer than its address, if that expires.
func setKeep(header *fasthttp.ResponseHeader, c *class, expires time.Time) {
	if expires.IsZero() || bytes.HasPrefix(c.text, visibleToOne) {
		header.SetCanonical(headerCacheControl, c.text)
		return
	}
	seconds := max(0, min(c.age, time.Until(expires))) / time.Second
	var room [40]byte
	header.SetCanonical(headerCacheControl, strconv.AppendInt(append(room[:0], "public, max-age="...), int64(seconds), 10))
}

// terms say how an image is sent to whoever asks for it by some address.
type terms struct {
	path    []byte // as the client wrote it, valid as long as the request
	signed  bool
	expires time.Time // when the signature ends; zero if it does not
	copy    *remote.Copy
}

// setKeep says how long an answer of a class may be believed that is sent so.
func (t terms) setKeep(header *fasthttp.ResponseHeader, c *class) {
	if t.copy != nil {
		setKeepElsewhere(header, t.copy, c.age, time.Now(), t.expires)
		return
	}
	setKeep(header, c, t.expires)
}

// terms of a request that was read.
func (a asking) terms(s subject) terms { return terms{a.path, a.signed, a.expires, s.copy} }

// termsOf returns the terms of a path that has been answered before, its signature found good. It returns signing.ErrExpired if that has ended
// since.
func termsOf(path []byte) (terms, error) {
	t := terms{path: path, signed: signing.Signed(path)}
	if !t.signed {
		return t, nil
	}
	if end := signing.End(path); end != 0 {
		t.expires = time.Unix(end, 0)
		if !time.Now().Before(t.expires) {
			return terms{}, signing.ErrExpired
		}
	}
	return t, nil
}
