// Bench measures a Calotype server over HTTP: cold prints, hits, and how near the hits come to a server that does
// nothing but answer. README.md in this folder says what is measured and how.
//
// Usage:
//
//	go run ./bench [flags]
//
// With -server it starts that program, with data in a temporary folder, and stops it at the end. Without, it measures
// the server that listens at -url. It prints a table, and ends with status 1 if any answer was not as it should be,
// or a scenario had none.
//
//	-server FILE       start this program and measure it
//	-server-args ARGS  further arguments for it, separated by spaces
//	-url URL           the server to measure without -server (default http://127.0.0.1:8080); loopback only
//	-pid PID           its process, to measure its CPU time and memory (default: not measured)
//	-photos DIR        the JPEG files to upload (default ../shared/corpus/good where it exists, else 4 made ones)
//	-clients N         connections (default 8, and 64 for hits)
//	-duration TIME     of each scenario (default 10s)
//	-json FILE         write the results there, too
//	-isolation         measure nothing but what --isolation costs, by two servers in alternation; needs -server
//	-restart           measure nothing but what prints on disk are worth after a restart; needs -server
//	-uploads           measure nothing but uploads a second, beside other ways to keep files; needs -server
//	-tusd FILE         one of these ways, with -uploads: this tusd, with its filestore
//	-sync-time TIME    with -uploads: how long each sync is held up, on a disk that is faster than others; needs strace
//	-rounds N          of these three (default 6)
//	-sweep DIR         measure nothing but the encoders, and write sweep.md and sweep.svg there; needs -server
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // an answer was wrong, or the measurement could not be made
	exitUsage  = 2
)

type options struct {
	server, serverArgs, url string
	pid                     int
	photos                  string
	clients                 int
	duration                time.Duration
	json                    string
	isolation               bool
	restart                 bool
	uploads                 bool
	tusd                    string
	syncTime                time.Duration
	rounds                  int
	sweep                   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the program with the given arguments; it returns the exit status.
func run(ctx context.Context, args []string, out, progress io.Writer) int {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&o.server, "server", "", "start this `program` and measure it")
	flags.StringVar(&o.serverArgs, "server-args", "", "further `arguments` for it, separated by spaces")
	flags.StringVar(&o.url, "url", "http://127.0.0.1:8080", "the server to measure without -server; loopback only")
	flags.IntVar(&o.pid, "pid", 0, "its `process`, to measure its CPU time and memory")
	flags.StringVar(&o.photos, "photos", "", "the `folder` of the JPEG files to upload (default "+corpus+" where it exists, else 4 made ones)")
	flags.IntVar(&o.clients, "clients", 0, "connections (default 8, and 64 for hits)")
	flags.DurationVar(&o.duration, "duration", 10*time.Second, "of each scenario")
	flags.StringVar(&o.json, "json", "", "write the results to this `file`, too")
	flags.BoolVar(&o.isolation, "isolation", false, "measure nothing but what --isolation costs, by two servers in alternation; needs -server")
	flags.BoolVar(&o.restart, "restart", false, "measure nothing but what prints on disk are worth after a restart; needs -server")
	flags.BoolVar(&o.uploads, "uploads", false, "measure nothing but uploads a second, beside other ways to keep files; needs -server")
	flags.StringVar(&o.tusd, "tusd", "", "one of these ways, with -uploads: this `program` with its filestore")
	flags.DurationVar(&o.syncTime, "sync-time", 0, "with -uploads: how long each sync is held up, on a disk that is faster than others; needs strace")
	flags.IntVar(&o.rounds, "rounds", 6, "of these three")
	flags.StringVar(&o.sweep, "sweep", "", "measure nothing but the encoders, and write sweep.md and sweep.svg into this `folder`; needs -server")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if flags.NArg() > 0 || o.clients < 0 || o.duration <= 0 || o.syncTime < 0 || o.rounds <= 0 {
		fmt.Fprintln(progress, "bench: clients, duration and rounds are positive, and there are no arguments beside the flags")
		return exitUsage
	}

	switch {
	case o.isolation:
		c, err := compareIsolation(ctx, o, progress)
		return finish(o, c, c != nil, err, out, progress)
	case o.restart:
		r, err := measureRestarts(ctx, o, progress)
		return finish(o, r, r != nil, err, out, progress)
	case o.uploads:
		u, err := measureUploads(ctx, o, progress)
		return finish(o, u, u != nil, err, out, progress)
	}
	if o.sweep != "" {
		if err := runSweep(ctx, o, out, progress); err != nil {
			fmt.Fprintln(progress, "bench:", err)
			return exitFailed
		}
		return exitOK
	}
	report, err := measureAll(ctx, o, progress)
	if report != nil {
		report.print(out)
		if o.json != "" {
			err = errors.Join(err, writeJSON(o.json, report))
		}
	}
	if err != nil {
		fmt.Fprintln(progress, "bench:", err)
	}
	if err != nil || report.failed() {
		return exitFailed
	}
	return exitOK
}

// finish tells what was measured, if anything was, and returns the exit status.
func finish(o options, measured interface{ print(out io.Writer) }, any bool, err error, out, progress io.Writer) int {
	if any {
		measured.print(out)
		if o.json != "" {
			err = errors.Join(err, writeJSON(o.json, measured))
		}
	}
	if err != nil {
		fmt.Fprintln(progress, "bench:", err)
		return exitFailed
	}
	return exitOK
}

// measureAll runs every scenario. Beside an error, the report holds what was measured before it, or is nil.
func measureAll(ctx context.Context, o options, progress io.Writer) (r *report, err error) {
	photos, from, err := choosePhotos(o.photos)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%d photos: %s\n", len(photos), from)

	address, pid, stop, err := findServer(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()

	b := &bench{address: address, pid: pid, photos: photos, clients: o.clients, duration: o.duration, progress: progress}
	r = newReport(o, photos, from)
	err = b.scenarios(ctx, r)
	r.PeakMemory = peakMemory(pid)
	return r, err
}

// findServer returns the address and the process, or 0, of the server to measure, and what ends it if it was started.
func findServer(ctx context.Context, o options) (address string, pid int, stop func() error, err error) {
	if o.server == "" {
		address, err = loopback(o.url)
		return address, o.pid, func() error { return nil }, err
	}
	dir, err := os.MkdirTemp("", "calotype-bench-")
	if err != nil {
		return "", 0, nil, err
	}
	s, err := startServer(ctx, o.server, strings.Fields(o.serverArgs), dir)
	if err != nil {
		return "", 0, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s.address, s.pid(), func() error { return errors.Join(s.stop(), os.RemoveAll(dir)) }, nil
}

// loopback returns the address, host and port, of an http URL. Load is put on this machine only.
func loopback(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("-url %q is not of the form http://127.0.0.1:8080", raw)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", fmt.Errorf("-url %q is not a loopback address", raw)
	}
	return u.Host, nil
}
