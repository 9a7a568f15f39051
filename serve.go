package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"calotype/cache/disk"
	"calotype/handler"
	"calotype/handler/preset"
	"calotype/handler/purge"
	"calotype/transform"
)

// serveCommand is the service. The table of options in the README is made from this declaration.
type serveCommand struct {
	Listen        string   `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on. Everyone who reaches it may see the images whose addresses he knows."`
	AdminListen   string   `default:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"Address for those who run the service: /livez, /readyz, /metrics, /debug/pprof; off for none."`
	Token         []string `placeholder:"TOKEN" help:"Secrets of those who may upload, list and delete, 16 characters or more each. Other users of the machine see what stands in a command: use CALOTYPE_TOKEN, or --token-file."`
	TokenFile     string   `placeholder:"FILE" help:"File of further tokens, one in a line. A change counts within seconds."`
	Open          bool     `help:"Everyone who reaches the address may upload, list and delete. Without it and without tokens only this machine may, on a loopback address."`
	Sign          string   `default:"remote" enum:"off,remote,transforms,all" placeholder:"off|remote|transforms|all" help:"Which addresses of images must be signed: those of originals that live elsewhere; those of all prints too; or all."`
	SignKeys      []string `placeholder:"NAME:HEX" help:"Keys whose signatures are good, each a name and 32 bytes or more; the first signs what this server signs itself. Best given as CALOTYPE_SIGN_KEYS."`
	SignKeysFile  string   `placeholder:"FILE" help:"File of further keys, one in a line. It is read again at SIGHUP."`
	Tenants       string   `placeholder:"FILE" help:"YAML file of further tenants, each with hosts, tokens and limits of its own: docs/tenants.md. To all other hosts belongs what these options say. It is read again at SIGHUP, as --token-file is."`
	Trusted       []string `placeholder:"CIDR" help:"Networks of proxies that are believed for whom they ask, by Forwarded or X-Forwarded-For: limits go by client. The word loopback stands for those on this machine."`
	ProxyProtocol bool     `help:"The proxies in the trusted networks speak the PROXY protocol, version 1 or 2, before HTTP."`
	storage
	sources
	Memory          byteSize      `default:"auto" placeholder:"SIZE" help:"Memory that server, cache and workers take together; auto is half of what the machine or its container has."`
	CacheBytes      byteSize      `default:"auto" placeholder:"SIZE" help:"Part of it for finished prints; auto is a quarter, 1 GiB at most."`
	CacheDir        string        `placeholder:"DIR" help:"Folder for finished prints too, so that a restart does not start cold; none unless it is named."`
	CacheDirBytes   byteSize      `default:"10GB" placeholder:"SIZE" help:"What they may take of its disk."`
	MaxUploadBytes  byteSize      `default:"32MB" placeholder:"SIZE" help:"Largest image that is taken."`
	ResumeWithin    time.Duration `default:"24h" placeholder:"TIME" help:"How long an upload that can be resumed is kept without a further byte."`
	ScrubEvery      time.Duration `default:"720h" placeholder:"TIME" help:"Time in which each original in --data is read once, in the background, to see whether the disk has damaged it; 0 for never."`
	MinFree         byteSize      `default:"256MB" placeholder:"SIZE" help:"What uploads leave free on the disk of --data: beyond it they are refused with 507. 0 lets them fill it."`
	MaxPixels       int64         `default:"50000000" placeholder:"N" help:"Most pixels of an image, all frames together, before and after every step."`
	MaxSide         int           `default:"16384" placeholder:"N" help:"Longest side of a print, and of its picture after every step, in pixels."`
	Formats         []string      `placeholder:"NAME,..." enum:"svg,pdf" help:"Formats of originals that are off unless named here, of svg and pdf: what draws them is far more than a decoder."`
	Deadline        time.Duration `default:"10s" placeholder:"TIME" help:"Longest time that a print may take, waiting included."`
	QueueWait       time.Duration `default:"5s" placeholder:"TIME" help:"Longest time that a print may be expected to wait for a worker; beyond it the answer is 503 at once."`
	Workers         int           `default:"0" placeholder:"N" help:"Prints made at once, each by a process of its own; 0 means one for each core."`
	JobsPerWorker   int           `default:"1000" placeholder:"N" help:"Prints after which a worker is replaced; 1 shares no process between two prints."`
	Isolation       string        `default:"on" enum:"on,off" placeholder:"on|off" help:"Whether images are decoded in locked-in worker processes. Off is for measuring: a malicious image can then take over the server."`
	PrintsPerHour   int           `default:"2000" placeholder:"N" help:"Most different prints made of one original in an hour, and a hundred times as many for one client; 0 is no limit. A loopback address without trusted proxies has none."`
	ServerTiming    bool          `help:"Say in a Server-Timing header of every print how long it waited and took; a CDN keeps and repeats it."`
	Canonical       string        `default:"link" enum:"link,redirect,strict" placeholder:"link|redirect|strict" help:"What becomes of an image's address that is not spelled canonically: it is answered, with a Link to the canonical one; sent there by 301; or refused by 400."`
	UnknownQuery    string        `default:"ignore" enum:"ignore,refuse" placeholder:"ignore|refuse" help:"What becomes of a query behind an image's address, which means nothing there. Refuse where a CDN keeps a copy for each."`
	Presets         string        `placeholder:"FILE" help:"File of presets, which are chains that have names (docs/presets.md); SIGHUP reads it again. More can be sent to a running server."`
	PresetsOnly     bool          `help:"Serve originals and, of prints, those of one preset, in any format: whoever writes presets says what is made."`
	Operations      []string      `placeholder:"NAME,..." help:"Operations and settings that addresses may have; without it all. Presets, and what is in them, are always served."`
	Sizes           []int         `placeholder:"N,..." help:"Sides that a resize may have, in pixels; without it all. With it dpr is 1, 2, 3 or 4."`
	Snap            bool          `help:"A side between two of --sizes becomes the larger one; without it it is refused by 403."`
	UploadOrigins   []string      `placeholder:"ORIGIN,..." help:"Sites whose pages may upload from a browser, as in https://example.org; without it none but Calotype's own."`
	CacheTags       []string      `default:"Cache-Tag" placeholder:"HEADER,..." enum:"Cache-Tag,Surrogate-Key,Edge-Cache-Tag,xkey,none" help:"Headers that carry the tags by which a CDN can purge; none for none."`
	Purge           []string      `placeholder:"HOOK,..." help:"Caches in front that are told of deletions and purges: varnish+http://HOST:PORT, nginx+http://HOST:PORT, cloudflare:ZONE, fastly:SERVICE, cloudfront:DISTRIBUTION (with the usual AWS variables), or http+https://HOST/PATH, which is sent JSON."`
	PurgeToken      string        `placeholder:"SECRET" help:"Bearer token for purge hooks of kind http. Secrets are best given by the environment."`
	CloudflareToken string        `placeholder:"SECRET" help:"API token for purges at Cloudflare."`
	FastlyToken     string        `placeholder:"SECRET" help:"API token for purges at Fastly."`
	IdleTimeout     time.Duration `default:"2m" placeholder:"TIME" help:"Longest time that a connection is kept without a request. It must be above that of who pulls: 920s for Cloudflare."`
	DrainWait       time.Duration `default:"0s" placeholder:"TIME" help:"Time after SIGTERM in which /readyz says no and what needs no worker is still answered, so that a load balancer can turn away."`
	ShutdownWait    time.Duration `default:"20s" placeholder:"TIME" help:"Longest time after that to finish what runs."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *serveCommand) Validate() error {
	switch {
	case c.CacheDirBytes < disk.LeastBytes:
		return fmt.Errorf("--cache-dir-bytes must be at least %dMiB", disk.LeastBytes>>20)
	case c.MaxUploadBytes < 1:
		return errors.New("--max-upload-bytes must be at least 1")
	case c.ResumeWithin < time.Minute:
		return errors.New("--resume-within must be at least 1m")
	case c.ScrubEvery < 0:
		return errors.New("--scrub-every must not be negative")
	case c.MinFree < 0:
		return errors.New("--min-free must be a size")
	case c.MaxPixels < 1:
		return errors.New("--max-pixels must be at least 1")
	case c.MaxSide < 1:
		return errors.New("--max-side must be at least 1")
	case c.Deadline <= 0:
		return errors.New("--deadline must be above 0")
	case c.QueueWait <= 0:
		return errors.New("--queue-wait must be above 0")
	case c.Workers < 0:
		return errors.New("--workers must not be negative")
	case c.JobsPerWorker < 1:
		return errors.New("--jobs-per-worker must be at least 1")
	case c.IdleTimeout <= 0:
		return errors.New("--idle-timeout must be above 0")
	case c.PrintsPerHour < 0:
		return errors.New("--prints-per-hour must not be negative")
	case len(c.CacheTags) > 1 && slices.Contains(c.CacheTags, "none"):
		return errors.New("--cache-tags=none stands alone")
	}
	for _, o := range c.UploadOrigins {
		if !handler.IsOrigin(o) {
			return fmt.Errorf("--upload-origins takes origins as browsers write them, as https://example.org or http://localhost:3000, not %q", o)
		}
	}
	if _, err := c.hooks(); err != nil {
		return err
	}
	if _, err := c.policy(); err != nil {
		return err
	}
	if err := c.sources.validate(); err != nil {
		return err
	}
	return c.validateAccess()
}

// policy says which chains are served; nil is all.
func (c *serveCommand) policy() (*transform.Policy, error) {
	p, err := transform.NewPolicy(transform.Policy{PresetsOnly: c.PresetsOnly, Names: c.Operations, Sizes: c.Sizes, Snap: c.Snap})
	if err != nil {
		return nil, fmt.Errorf("--operations, --sizes and --snap: %w", err)
	}
	return p, nil
}

// presets are those of the file.
func (c *serveCommand) presets() ([]transform.Preset, error) {
	if c.Presets == "" {
		return nil, nil
	}
	list, err := preset.ReadFile(c.Presets)
	if err != nil {
		return nil, fmt.Errorf("--presets: %w", err)
	}
	return list, nil
}

// hooks are the caches in front.
func (c *serveCommand) hooks() ([]*purge.Hook, error) {
	hooks, err := purge.New(c.Purge, purge.Secrets{
		Token: c.PurgeToken, Cloudflare: c.CloudflareToken, Fastly: c.FastlyToken,
		AWS: purge.AWS{KeyID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), Session: os.Getenv("AWS_SESSION_TOKEN")},
	})
	if err != nil {
		return nil, fmt.Errorf("--purge: %w", err)
	}
	return hooks, nil
}

// cacheTags are the headers that carry cache tags.
func (c *serveCommand) cacheTags() []string {
	return slices.DeleteFunc(slices.Clone(c.CacheTags), func(name string) bool { return name == "none" })
}

// diskDir is the folder for prints, "" for none. It is one of the program's own in the folder that is named, which others may write to.
func (c *serveCommand) diskDir() string {
	if c.CacheDir == "" {
		return ""
	}
	return filepath.Join(c.CacheDir, "prints")
}

// diskIndex is the memory that it takes to know what is on disk, in bytes.
func (c *serveCommand) diskIndex() int64 {
	if c.CacheDir == "" {
		return 0
	}
	return disk.Memory(int64(c.CacheDirBytes))
}

// originalsOfClient is how many times as many prints a client may have as there may be of one original: it may be a CDN, which asks for many.
const originalsOfClient = 100

// printsPerHour bounds the prints of one original; 0 is no bound, as for those who do not come from elsewhere.
func (c *serveCommand) printsPerHour(listener net.Listener) int {
	if c.forThisMachine(listener) {
		return 0
	}
	return c.PrintsPerHour
}

// forThisMachine tells whether nobody else reaches a listener, through a proxy either.
func (c *serveCommand) forThisMachine(listener net.Listener) bool {
	tcp, ok := listener.Addr().(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback() && len(c.Trusted) == 0
}
