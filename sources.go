package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"calotype/handler"
	"calotype/handler/forwarded"
	"calotype/handler/metrics"
	"calotype/store"
	"calotype/store/cloud"
	"calotype/store/remote"
	"calotype/transform"
)

// sources are the options of serve for originals that live elsewhere.
type sources struct {
	Sources        []string      `placeholder:"PATTERN,..." help:"Originals that live elsewhere and are fetched when they are asked for, below /proxy/: https://img.example.org/photos/, https://*.example.org, s3://BUCKET/FOLDER/, gs://BUCKET, azblob://CONTAINER, local:///FOLDER/. None but these."`
	SourceBytes    byteSize      `default:"1GB" placeholder:"SIZE" help:"What fetched originals may take of the disk of the data folder."`
	SourceMaxBytes byteSize      `default:"32MB" placeholder:"SIZE" help:"Largest original that is fetched."`
	SourceTimeout  time.Duration `default:"10s" placeholder:"TIME" help:"Longest time that it may take to fetch one."`
	SourceFloor    time.Duration `default:"1m" placeholder:"TIME" help:"Time after a fetch in which a source is not asked again, even if it says less; 0 leaves that to it. What says no-cache is asked each time, and what says no-store or private is not kept."`
	SourceCap      time.Duration `default:"24h" placeholder:"TIME" help:"Time after which a source is asked whether it is still the same, even if it says more."`
	SourceRoot     string        `placeholder:"DIR" help:"Folder that local:/// means."`
	SourceBuckets  []string      `placeholder:"URL,..." help:"Buckets of sources of which more must be known than the name, written as for --blobs: s3://BUCKET?region=NAME&endpoint=URL."`
	SourceHeaders  []string      `placeholder:"HEADER,..." help:"Headers of clients that are passed on to sources. What is kept is then kept for each of their values."`
	SourceNetworks []string      `placeholder:"CIDR,..." help:"Networks that sources may be in although they are not public, as 10.1.0.0/16; the word loopback stands for this machine."`
	SourceProxy    string        `placeholder:"URL" help:"HTTP proxy by which sources are fetched, as http://HOST:PORT; env is what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say. None unless it is named."`
}

// slowestSource is how many bytes a second a source sends at least, on average: with fewer a connection is held for nothing.
const slowestSource = 8 << 10

// validate refuses what cannot be meant.
func (s *sources) validate() error {
	switch {
	case s.SourceMaxBytes < 1:
		return errors.New("--source-max-bytes must be at least 1")
	case s.SourceBytes < remote.LeastBytes || s.SourceBytes < 2*s.SourceMaxBytes:
		return fmt.Errorf("--source-bytes must be at least %dMiB, and twice --source-max-bytes", remote.LeastBytes>>20)
	case s.SourceTimeout <= 0:
		return errors.New("--source-timeout must be above 0")
	case s.SourceFloor < 0 || s.SourceCap <= 0 || s.SourceFloor > s.SourceCap:
		return errors.New("--source-floor must not be negative or above --source-cap")
	}
	if _, err := s.allowed(); err != nil {
		return err
	}
	if _, err := s.buckets(); err != nil {
		return err
	}
	if _, err := forwarded.ParseNetworks(s.SourceNetworks); err != nil {
		return fmt.Errorf("--source-networks: %w", err)
	}
	return nil
}

// allowed are the sources that may be asked for.
func (s *sources) allowed() (*remote.Allowed, error) {
	a, err := s.parseAllowed(s.Sources)
	if err != nil {
		return nil, fmt.Errorf("--sources: %w", err)
	}
	return a, nil
}

// parseAllowed reads patterns; nil for none, which allows nothing.
func (s *sources) parseAllowed(patterns []string) (*remote.Allowed, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	if s.SourceRoot == "" {
		for _, pattern := range patterns {
			if strings.HasPrefix(pattern, "local:") {
				return nil, fmt.Errorf("%s needs --source-root", pattern)
			}
		}
	}
	return remote.ParseAllowed(patterns)
}

// buckets are the addresses of buckets by those that sources give them, as s3://name.
func (s *sources) buckets() (map[string]string, error) {
	all := map[string]string{}
	for _, address := range s.SourceBuckets {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.User != nil {
			return nil, fmt.Errorf("--source-buckets takes addresses as s3://BUCKET?region=NAME")
		}
		all[u.Scheme+"://"+u.Host] = address
	}
	return all, nil
}

// sourcesIndex is the memory that it takes to know what was fetched, in bytes.
func (c *serveCommand) sourcesIndex() int64 {
	if !c.mayFetch() {
		return 0
	}
	return remote.Memory(int64(c.SourceBytes))
}

// mayFetch tells whether somebody may ask for originals that live elsewhere, be it a tenant after a change of the file.
func (c *serveCommand) mayFetch() bool { return len(c.Sources) > 0 || c.Tenants != "" }

// openSources returns what fetches sources, or nil if there are none. listener is where this server is asked, and originals has a part of the same disk.
func (c *serveCommand) openSources(
	listener net.Listener, originals *store.Store, engine *transform.Engine, counts *metrics.Metrics, log *slog.Logger,
) (*remote.Keeper, error) {
	if !c.mayFetch() {
		return nil, nil
	}
	buckets, err := c.sources.buckets()
	if err != nil {
		return nil, err
	}
	networks, err := forwarded.ParseNetworks(c.SourceNetworks)
	if err != nil {
		return nil, err
	}
	return remote.Open(remote.Options{
		Dir: filepath.Join(c.Data, "sources"), Bytes: int64(c.SourceBytes), Room: originals.Room,
		MaxBytes: int64(c.SourceMaxBytes), Timeout: c.SourceTimeout, Slowest: slowestSource,
		Floor: c.SourceFloor, Cap: c.SourceCap,
		Networks: networks, Proxy: c.SourceProxy, Headers: c.SourceHeaders, Self: ownHosts(listener),
		Root: c.SourceRoot, Inspect: handler.InspectSource(engine),
		Buckets: func(ctx context.Context, u *url.URL) (remote.Bucket, error) {
			address, known := buckets[u.String()]
			if !known {
				address = u.String()
			}
			return cloud.OpenObjects(ctx, address)
		},
		Observe: func(o remote.Observation) {
			counts.Fetched(o)
			logFetch(log, o)
		},
	})
}

// ownHosts are the hosts that a listener is known by, if it has an address of its own. The names that others have for it are found out by a header of
// each fetch.
func ownHosts(listener net.Listener) []string {
	tcp, ok := listener.Addr().(*net.TCPAddr)
	switch {
	case !ok || tcp.IP.IsUnspecified() || tcp.Zone != "":
		return nil
	case tcp.IP.IsLoopback():
		return []string{tcp.String(), fmt.Sprintf("localhost:%d", tcp.Port)}
	}
	return []string{tcp.String()}
}

// logFetch tells of a fetch that an operator may have to do something about. Queries of addresses may hold secrets, and are left out.
func logFetch(log *slog.Logger, o remote.Observation) {
	switch o.Outcome {
	case remote.Failed, remote.TimedOut, remote.Forbidden, remote.Ended:
	default:
		return
	}
	address, _, _ := strings.Cut(o.Source.String(), "?")
	log.Warn("a source could not be fetched", "source", address, "outcome", string(o.Outcome), "took", o.Took.Round(time.Millisecond), "error", o.Err, "cause", remote.Cause(o.Err))
}
