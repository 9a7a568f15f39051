package remote

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"time"

	"calotype/store"
)

// Options say how originals are fetched and kept. Every zero value has a meaning, which is told where it is not "none".
type Options struct {
	Dir   string // folder of the originals that have been fetched
	Bytes int64  // the most that they take there

	MaxBytes int64         // of one original; 0 is DefaultMaxBytes
	Timeout  time.Duration // of one fetch in all, with its redirects; 0 is DefaultTimeout
	Slowest  int64         // bytes a second that a body brings at least, on average, once it has taken a second; 0 is no bound

	Floor, Cap time.Duration // how long at least and at most an original stays fresh

	Networks []netip.Prefix // special-purpose networks that may be reached all the same
	Proxy    string         // "" is none, whatever the environment says; "env" is what the environment says; else an address, http://host:port
	Headers  []string       // names of headers of clients that are passed on to origins
	Self     []string       // this server's own hosts, as host or host:port; no source may name them
	Resolver *net.Resolver  // of the names of hosts; nil is Go's own, by the machine's configuration
	Roots    *x509.CertPool // whom the certificates of origins must be from; nil is whom the machine trusts

	Root string // folder that local:/// means

	Inspect func(ctx context.Context, f *os.File) (store.Original, error) // says what a file is; an error means that it is no original
}

// Bounds of one fetch that hold where Options say none.
const (
	DefaultMaxBytes = 32 << 20
	DefaultTimeout  = 10 * time.Second
)
