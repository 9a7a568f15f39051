package handler

import "calotype/handler/metrics"

// Drain begins the end: from now on all that needs a worker is refused, so that clients go elsewhere, and what is in memory or
// under way is still answered.
func (h *Handler) Drain() {
	h.draining.Store(true)
	h.engine.Drain()
	h.store.InterruptResumables() // what has come of them stays
}

// Draining tells whether Drain was called.
func (h *Handler) Draining() bool { return h.draining.Load() }

// snapshot is what the metrics show of the present.
func (h *Handler) snapshot() metrics.Snapshot {
	engine, prints, disk, originals := h.engine.Status(), h.prints.Stats(), h.disk.Stats(), h.store.State()
	ends := make(map[string]uint64, len(engine.Workers.Ended))
	for why, n := range engine.Workers.Ended {
		ends[string(why)] = n
	}
	return metrics.Snapshot{
		QueueRunning: engine.Queue.Running, QueueWaiting: engine.Queue.Waiting,
		QueueOldest: engine.Queue.Oldest, QueueMemory: engine.Queue.Memory,
		WorkersReady: engine.Workers.Ready, WorkersBusy: engine.Workers.Busy, WorkersStarting: engine.Workers.Starting,
		WorkerStarts: engine.Workers.Started, WorkerEnds: ends, WorkerMemory: engine.Workers.Memory,
		Poisoned:  engine.Poisoned,
		CacheHits: prints.Hits, CacheMisses: prints.Misses, CacheJoined: prints.Joined,
		CacheBytes: prints.Bytes, CacheEntries: prints.Entries,
		DiskHits: disk.Hits, DiskMisses: disk.Misses, DiskWrites: disk.Written, DiskDropped: disk.Dropped, DiskDamaged: disk.Damaged,
		DiskEvictions: disk.Evicted, DiskFailures: disk.Failures, DiskBytes: disk.Bytes, DiskEntries: disk.Entries, DiskFailing: disk.Failing,
		Sources:          h.options.Sources.Stats(),
		DamagedOriginals: originals.Damaged, StoreFull: originals.Full,
		Uploads: originals.Resumables, UploadBytes: originals.ResumableBytes, UploadsExpired: originals.Expired,
		PurgesPending: h.hooks.Pending(),
		QuotaRefused:  h.tenants.Load().refused(),
		WrongTokens:   h.attempts.Total(),
		Draining:      h.Draining(),
	}
}
