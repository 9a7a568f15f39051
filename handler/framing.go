package handler

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// The ways in which the frame of a request, its head and where its body ends, can be wrong. Each ends the connection: what
// follows on it is not trusted to be a request.
var (
	errFraming     = errors.New("the request can be read in more than one way")
	errExpectation = errors.New("nothing is expected here but 100-continue")
	errVersion     = errors.New("the version of HTTP is neither 1.1 nor 1.0")
)

// checkFraming refuses a request that another reader of HTTP, such as a proxy in front, might see end elsewhere than we do.
// fasthttp has parsed it and refused the rest: lengths that are none or come twice, codings other than chunked, a missing or
// second Host, control characters, whitespace around names. It allocates nothing.
func checkFraming(header *fasthttp.RequestHeader) error {
	if version := header.Protocol(); string(version) != "HTTP/1.1" && string(version) != "HTTP/1.0" {
		return errVersion
	}
	if !plainTarget(header.RequestURI()) {
		return errFraming
	}
	fields, err := framingFields(header.RawHeaders())
	if err != nil {
		return err
	}
	chunked, length := header.ContentLength() == -1, header.ContentLength()
	switch {
	case fields.coded && fields.measured, // RFC 9112, 6.1: an attempt at smuggling
		fields.coded && !chunked, // identity, which no longer exists
		(chunked || length > 0) && !takesBody(header):
		return errFraming
	}
	return nil
}

// takesBody tells whether a body has a meaning for the method. Where it has none, many a reader takes it for the next request.
func takesBody(header *fasthttp.RequestHeader) bool {
	return !header.IsGet() && !header.IsHead() && !header.IsOptions() && !header.IsDelete() && !header.IsTrace() && !header.IsConnect()
}

// plainTarget tells whether the target of a request is a path, or stands in for one. fasthttp has looked at the rest.
func plainTarget(target []byte) bool {
	if target[0] == '/' {
		return true
	}
	scheme, _, absolute := bytes.Cut(target, []byte("://"))
	return !absolute || bytes.EqualFold(scheme, []byte("http")) || bytes.EqualFold(scheme, []byte("https"))
}

// presentFields are those that tell where a body ends.
type presentFields struct {
	measured bool // Content-Length
	coded    bool // Transfer-Encoding
}

// framingFields reads the header lines as they came, each with its line break and the empty line behind them.
func framingFields(raw []byte) (fields presentFields, err error) {
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' {
			return fields, errFraming // a bare line feed
		}
		line := raw[:end-1]
		raw = raw[end+1:]
		if len(line) == 0 {
			break
		}
		colon := 0
		for colon < len(line) && line[colon] > ' ' && line[colon] != ':' {
			colon++
		}
		if colon == 0 || colon == len(line) || line[colon] != ':' {
			return fields, errFraming // a blank in the name, or in front of it: a folded line
		}
		name, value := line[:colon], line[colon+1:]
		switch len(name) {
		case len("Host"):
			if isField(name, "Host") && !plainHost(value) {
				return fields, errFraming
			}
		case len("Expect"):
			if isField(name, "Expect") && !isField(trimBlanks(value), "100-continue") {
				return fields, errExpectation
			}
		case len("Connection"):
			if isField(name, "Connection") && namesFrame(value) {
				return fields, errFraming
			}
		case len("Content-Length"):
			fields.measured = fields.measured || isField(name, "Content-Length")
		case len("Transfer-Encoding"):
			fields.coded = fields.coded || isField(name, "Transfer-Encoding")
		}
	}
	return fields, nil
}

// namesFrame tells whether a Connection header has proxies drop a field that frames the request.
func namesFrame(value []byte) bool {
	for len(value) > 0 {
		var option []byte
		option, value, _ = bytes.Cut(value, []byte(","))
		option = trimBlanks(option)
		for _, name := range []string{"Content-Length", "Transfer-Encoding", "Host"} {
			if isField(option, name) {
				return true
			}
		}
	}
	return false
}

// plainHost tells whether a Host header has nothing in it but what the name or address of a host and a port consist of (RFC 3986, 3.2.2).
func plainHost(value []byte) bool {
	for _, c := range trimBlanks(value) {
		if !hostBytes[c] {
			return false
		}
	}
	return true
}

// isField compares the name of a field, for which case does not matter. It is quick to say no.
func isField(name []byte, want string) bool {
	return len(name) == len(want) && name[0]|0x20 == want[0]|0x20 && strings.EqualFold(string(name), want)
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

var hostBytes = func() (table [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=%:[]" {
		table[c] = true
	}
	return table
}()

// endBody has the connection closed after the answer if what follows the request on it is not surely the next one: if a part of
// the body was not read, and after a body in chunks, whose end is easily seen at different places: bare line feeds, extensions, trailers.
func endBody(ctx *fasthttp.RequestCtx) error {
	length := ctx.Request.Header.ContentLength()
	if ctx.Response.ConnectionClose() || !ctx.Request.IsBodyStream() || length == 0 {
		return nil
	}
	if err := ctx.Conn().SetReadDeadline(longAgo); err != nil {
		return err
	}
	// Of a body that has been read there is nothing left, and the connection is not asked for more.
	var next [1]byte
	if n, err := ctx.RequestBodyStream().Read(next[:]); n > 0 || err != io.EOF {
		return linger(ctx)
	}
	if length < 0 {
		ctx.SetConnectionClose()
	}
	return nil
}

// longAgo is a deadline for those who do not want to wait.
var longAgo = time.Unix(1, 0)
