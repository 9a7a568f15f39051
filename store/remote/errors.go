package remote

import "errors"

// The errors that callers tell apart with errors.Is. What they say may be told to a client: it names no address, no host that the
// client has not named itself, and nothing that was read from the origin. Cause tells the rest, for a log.
var (
	ErrSource     = errors.New("not a source")                              // the text is not that of a Source
	ErrNotAllowed = errors.New("source not allowed")                        // by the allow-list, or by the address that its host has
	ErrLoop       = errors.New("source leads back to this server")          // by its host, or because the request has come from a Calotype
	ErrMissing    = errors.New("the source does not exist")                 // its origin says so
	ErrTooLarge   = errors.New("the source has too many bytes")             // more than Options.MaxBytes
	ErrTimeout    = errors.New("the origin of the source is too slow")      // in all, or in bytes a second
	ErrOrigin     = errors.New("the origin of the source does not answer")  // or not with a whole file
	ErrResting    = errors.New("the origin of the source is not asked now") // because it has failed too often
)

// failure is an error of a fetch.
type failure struct {
	kind    error  // one of the errors above
	what    string // says more, fit for a client; may be empty
	cause   error  // fit for a log only; may be nil
	passing bool   // asking again may help
}

func (f *failure) Error() string {
	if f.what == "" {
		return f.kind.Error()
	}
	return f.kind.Error() + ": " + f.what
}

// Unwrap returns the kind alone: what is behind an error may itself be an error of this package or of another, and does not say what this one is.
func (f *failure) Unwrap() error { return f.kind }

// Cause says what is behind an error of this package, with addresses and hosts, or returns nil if the error says all.
func Cause(err error) error {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.cause
	}
	return nil
}

// passes tells whether a fetch that failed by err may succeed if it is repeated at once.
func passes(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.passing
}
