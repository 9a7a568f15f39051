package transform

import (
	"errors"
	"fmt"
	"strings"
)

// The ways in which a print cannot be made. Errors of this package wrap one of them, or a context's error.
var (
	ErrSyntax      = errors.New("the address is not well formed")
	ErrPath        = errors.New("no such address")
	ErrTooLong     = errors.New("the address is too long")
	ErrNoPreset    = errors.New("there is no such preset")
	ErrNotAllowed  = errors.New("not among what is served here")
	ErrOutside     = errors.New("outside the picture")
	ErrTooLarge    = errors.New("too large")
	ErrNoGlyph     = errors.New("text that cannot be written")
	ErrUnsupported = errors.New("not an image that can be read here")
	ErrUnwritten   = errors.New("not a format that is written here")
	ErrBroken      = errors.New("the original is damaged")
	ErrBusy        = errors.New("too much to do")
	ErrExpensive   = errors.New("takes too long")
	ErrStopping    = errors.New("the server is stopping")
)

// A SyntaxError tells what is wrong with the text of a chain. It wraps ErrSyntax.
type SyntaxError struct {
	Segment   int    // place of the path segment, the id being 0
	Offset    int    // place of its first byte in the text that was parsed
	Operation string // name of the operation or setting, as far as known
	Parameter string // name of the parameter, as far as known
	Expected  string // what would be right
	Got       string // what stands there
}

func (e *SyntaxError) Error() string {
	var b strings.Builder
	if e.Operation != "" {
		b.WriteString(e.Operation)
		b.WriteString(": ")
	}
	if e.Parameter != "" {
		b.WriteString(e.Parameter)
		b.WriteString(" ")
	}
	b.WriteString(e.Expected)
	if e.Got != "" {
		fmt.Fprintf(&b, ", not %q", clip(e.Got))
	}
	return b.String()
}

func (e *SyntaxError) Unwrap() error { return ErrSyntax }

// clip keeps a message short whatever the client sent.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
