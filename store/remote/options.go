package remote

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"os"
	"time"

	"calotype/store"
)

// Options say how originals are fetched and kept. Every zero value has a meaning, which is told where it is not "none".
type Options struct {
	Dir   string // folder of the originals that have been fetched
	Bytes int64  // the most that they take there

	// Room returns an error if the disk has no room for so many more bytes; what is kept then gives way. It is asked often. Nil is always room.
	Room func(bytes int64) error

	MaxBytes int64         // of one original; 0 is DefaultMaxBytes
	Timeout  time.Duration // of one fetch in all, with its redirects; 0 is DefaultTimeout
	Slowest  int64         // bytes a second that a body brings at least, on average, once it has taken a second; 0 is no bound

	// Floor and Cap are how long at least and at most an original stays fresh after it was fetched, whatever its origin says; 0 is no floor, and
	// DefaultCap. What an origin wants to be asked about each time (no-cache) is, and what it wants nobody to keep is not kept.
	Floor, Cap time.Duration

	Networks []netip.Prefix // special-purpose networks that may be reached all the same
	Proxy    string         // "" is none, whatever the environment says; "env" is what the environment says; else an address, http://host:port
	Headers  []string       // names of headers of clients that are passed on to origins
	Self     []string       // this server's own hosts, as host or host:port; no source may name them
	Resolver *net.Resolver  // of the names of hosts; nil is Go's own, by the machine's configuration
	Roots    *x509.CertPool // whom the certificates of origins must be from; nil is whom the machine trusts

	Root string // folder that local:/// means

	// Inspect says what a file is: all of an Original that the bytes say. An error that is ErrUnusable means that it is no original that is taken,
	// which is remembered; others are of this machine.
	Inspect func(ctx context.Context, f *os.File) (store.Original, error)

	Buckets func(ctx context.Context, address *url.URL) (Bucket, error) // opens a bucket, as s3://name; nil if there are none
	Observe func(Observation)                                           // is told of each fetch that has ended; may be called concurrently
}

// Bounds of one fetch that hold where Options say none.
const (
	DefaultMaxBytes = 32 << 20
	DefaultTimeout  = 10 * time.Second
	DefaultCap      = 24 * time.Hour
)
