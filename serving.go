package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler"
	"calotype/handler/forwarded"
	"calotype/handler/metrics"
	"calotype/handler/quota"
	"calotype/store"
	"calotype/transform"
)

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, log *slog.Logger) error {
	return c.serve(ctx, log, os.Stdout)
}

// serve tells on out where it listens, once it does.
func (c *serveCommand) serve(ctx context.Context, log *slog.Logger, out io.Writer) error {
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	memory, err := newBudget(c.Memory, c.CacheBytes, c.diskIndex()+c.sourcesIndex(), c.Workers)
	if err != nil {
		return err
	}
	debug.SetMemoryLimit(memory.heap())
	originals, err := c.open(ctx, false, func(o *store.Options) {
		o.MinFree, o.ScrubEvery, o.ResumeWithin, o.Damaged = int64(c.MinFree), c.ScrubEvery, c.ResumeWithin, handler.LogDamage(log)
	})
	if err != nil {
		return err
	}
	defer originals.Close()
	counts := metrics.New(version, transform.LibvipsVersion())
	engine, err := c.newEngine(memory, counts, log)
	if err != nil {
		return err
	}
	defer engine.Close()
	trusted, err := forwarded.ParseNetworks(c.Trusted)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	access, err := c.access(ctx, listener, log)
	if err != nil {
		return err
	}
	elsewhere, err := c.openSources(listener, originals, engine, counts, log)
	if err != nil {
		return err
	}
	if elsewhere != nil {
		defer elsewhere.Close()
	}
	prints, usual := quota.NewBook(time.Hour), c.printsPerHour(listener)
	h, err := c.newHandler(handler.Options{
		Store: originals, Engine: engine, CacheBytes: memory.cache, Sources: elsewhere,
		Access: access, Trusted: trusted, Quota: prints.Quota("", usual, originalsOfClient*usual), Metrics: counts, Log: log,
	})
	if err != nil {
		return err
	}
	defer h.Close()
	tenants := func() ([]handler.Tenant, error) { return c.readTenants(prints, usual) }
	others, err := tenants()
	if err != nil {
		return err
	}
	h.SetTenants(h.Fallback(), others...)
	private, err := c.operate(h, counts, originals, engine, log)
	if err != nil {
		return err
	}
	defer private.Close()
	reload(ctx, log, c.readings(h, access, tenants))

	public := handler.Limit(listener, h, memory.requests())
	if c.ProxyProtocol {
		public = handler.Proxied(public, trusted)
	}
	server := handler.Server(h)
	done := make(chan error, 1)
	go func() { done <- server.Serve(public) }()
	if err := c.tellAddresses(out, listener, private); err != nil {
		return err
	}
	c.tellAccess(out, access)
	if c.Tenants != "" {
		fmt.Fprintf(out, "  whose images are kept apart:       %d tenants of %s\n", len(others), c.Tenants)
	}
	tellSafety(log, engine.Sandbox(), c.Workers, memory)

	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		log.Info("stopping: no new prints, finishing what runs")
		return c.stop(h, server, done)
	}
}

// newEngine starts what makes prints.
func (c *serveCommand) newEngine(memory budget, counts *metrics.Metrics, log *slog.Logger) (*transform.Engine, error) {
	return transform.NewEngine(transform.Options{
		Workers: c.Workers, Spare: memory.spare, JobsPerWorker: c.JobsPerWorker, InProcess: c.Isolation == "off",
		Waiting:  memory.requests() / 2,
		Deadline: c.Deadline, Wait: c.QueueWait, Memory: memory.jobs,
		Formats: c.Formats,
		Limits:  transform.Limits{Pixels: c.MaxPixels, Side: c.MaxSide},
		Observe: counts.Observe,
		Log:     func(message string, err error) { log.Warn(message, "error", err) },
	})
}

// newHandler makes the handler of what it stands on, and of what the options say beside that.
func (c *serveCommand) newHandler(o handler.Options) (*handler.Handler, error) {
	var err error
	if o.Hooks, err = c.hooks(); err != nil {
		return nil, err
	}
	if o.Keys, err = c.signKeys(); err != nil {
		return nil, err
	}
	if o.Presets, err = c.presets(); err != nil {
		return nil, err
	}
	if o.Policy, err = c.policy(); err != nil {
		return nil, err
	}
	if o.AllowedSources, err = c.allowed(); err != nil {
		return nil, err
	}
	o.DiskDir, o.DiskBytes = c.diskDir(), int64(c.CacheDirBytes)
	o.MaxUploadBytes, o.IdleTimeout, o.UploadOrigins = int64(c.MaxUploadBytes), c.IdleTimeout, c.UploadOrigins
	o.Canonical, o.UnknownQuery, o.CacheTags, o.ServerTiming = c.Canonical, c.UnknownQuery, c.cacheTags(), c.ServerTiming
	o.Sign, o.SourceHeaders = c.Sign, c.SourceHeaders
	return handler.New(o)
}

// readings are the files that may change while the server runs.
func (c *serveCommand) readings(h *handler.Handler, access handler.Access, tenants func() ([]handler.Tenant, error)) (list []reading) {
	add := func(option, path string, take func() error) {
		if path != "" {
			list = append(list, reading{option, path, take})
		}
	}
	add("--token-file", c.TokenFile, func() error { _, err := access.Tokens.Load(c.TokenFile); return err })
	add("--sign-keys-file", c.SignKeysFile, func() error {
		keys, err := c.signKeys()
		if err == nil {
			h.Change(func(t *handler.Tenant) { t.Keys = keys })
		}
		return err
	})
	add("--presets", c.Presets, func() error {
		presets, err := c.presets()
		if err == nil {
			err = h.MayLoadPresets(handler.Tenant{Presets: presets})
		}
		if err == nil {
			h.Change(func(t *handler.Tenant) { t.Presets = presets })
		}
		return err
	})
	add("--tenants", c.Tenants, func() error {
		others, err := tenants()
		if err == nil {
			err = h.MayLoadPresets(others...)
		}
		if err == nil {
			h.SetTenants(h.Fallback(), others...)
		}
		return err
	})
	return list
}

// tellAddresses tells people what to open.
func (c *serveCommand) tellAddresses(out io.Writer, listener net.Listener, private privateListener) error {
	address, err := onThisMachine(listener.Addr().String())
	if err != nil {
		return err
	}
	address = "http://" + address
	fmt.Fprintf(out, "Calotype %s with libvips %s serves %s\n  upload images:  %s/upload-image\n  see them all:   %s/download\n",
		version, transform.LibvipsVersion(), c.Data, address, address)
	if private.address != "" {
		fmt.Fprintf(out, "  operate it:     http://%s/metrics and /readyz\n", private.address)
	}
	return nil
}

// stop ends a server that is serving until done tells why it does not any more.
func (c *serveCommand) stop(h *handler.Handler, server *fasthttp.Server, done <-chan error) error {
	h.Drain()
	select {
	case err := <-done:
		return err
	case <-time.After(c.DrainWait):
	}
	wait, cancel := context.WithTimeout(context.Background(), c.ShutdownWait)
	defer cancel()
	if err := server.ShutdownWithContext(wait); err != nil {
		return fmt.Errorf("some requests did not end within %v: %w", c.ShutdownWait, err)
	}
	return nil
}
