package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"

	"calotype/handler"
	"calotype/handler/admin"
	"calotype/handler/metrics"
	"calotype/store"
	"calotype/transform"
	"calotype/transform/worker"
)

// usualAdminListen is the address that need not be free: other programs have the same custom.
const usualAdminListen = "127.0.0.1:9090"

// A privateListener is for those who run the service.
type privateListener struct {
	address string // "" if there is none
	server  *http.Server
}

// operate opens the private listener, if one is wanted.
func (c *serveCommand) operate(
	h *handler.Handler, counts *metrics.Metrics, originals *store.Store, engine *transform.Engine, log *slog.Logger,
) (privateListener, error) {
	if c.AdminListen == "off" {
		return privateListener{}, nil
	}
	listener, err := net.Listen("tcp", c.AdminListen)
	if errors.Is(err, syscall.EADDRINUSE) && c.AdminListen == usualAdminListen {
		log.Warn("another program listens there: no metrics and no health are served; --admin-listen chooses another address", "address", c.AdminListen)
		return privateListener{}, nil
	}
	if err != nil {
		return privateListener{}, err
	}
	checks := []admin.Check{
		{Name: "store", Run: func(ctx context.Context) error { return butFull(originals.Check(ctx)) }},
		{Name: "room", Run: func(context.Context) error { return originals.Room(0) }, Advisory: true},
		{Name: "worker", Run: engine.CheckWorker},
		{Name: "queue", Run: engine.CheckQueue},
	}
	p := privateListener{
		address: listener.Addr().String(),
		server:  admin.Server(admin.Handler(counts.Gatherer(), checks, h.Draining)),
	}
	go p.server.Serve(listener)
	return p, nil
}

// butFull leaves out that there is no room for uploads. What is there is still served, and prints of it are made; a balancer that took a full
// machine away would take all of it away.
func butFull(err error) error {
	if errors.Is(err, store.ErrFull) {
		return nil
	}
	return err
}

// Close ends it, whatever is asked there.
func (p privateListener) Close() error {
	if p.server == nil {
		return nil
	}
	return p.server.Close()
}

// tellSafety says what holds a malicious image, and what does not.
func tellSafety(log *slog.Logger, s worker.Sandbox, workers int, b budget) {
	const mebi = 1 << 20
	log.Info("memory", "cache_mib", b.cache/mebi, "disk_index_mib", b.index/mebi, "connections_mib", b.connections/mebi, "garbage_mib", b.garbage/mebi, "idle_workers_mib", b.workers/mebi, "prints_mib", b.jobs/mebi)
	if len(s.Locks) > 0 {
		log.Info("images are decoded in processes of their own", "workers", workers, "spare", b.spare, "locked_in_by", strings.Join(s.Locks, ", "))
	}
	for _, missing := range s.Missing {
		log.Warn("images are not locked in as well as they could be", "missing", missing)
	}
}
