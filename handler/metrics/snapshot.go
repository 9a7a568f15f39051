package metrics

import (
	"maps"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"calotype/store/remote"
	"calotype/transform/worker"
)

// A Snapshot tells what is so at one moment, and, where it counts, what has happened since the start.
type Snapshot struct {
	QueueRunning, QueueWaiting int           // jobs
	QueueOldest                time.Duration // that the longest waiting job has waited
	QueueMemory                int64         // bytes set aside for the running jobs

	WorkersReady, WorkersBusy, WorkersStarting int // processes
	WorkerStarts                               uint64
	WorkerEnds                                 map[string]uint64 // by cause, see worker.Ends; must not change any more
	WorkerMemory                               int64             // resident bytes of all workers

	Poisoned int // originals and prints that are refused for what they did

	CacheHits, CacheMisses, CacheJoined uint64
	CacheBytes, CacheEntries            int64

	// Of the cache on disk.
	DiskHits, DiskMisses, DiskWrites, DiskDropped, DiskDamaged, DiskEvictions, DiskFailures uint64
	DiskBytes, DiskEntries                                                                  int64
	DiskFailing                                                                             bool

	Sources remote.Stats

	DamagedOriginals uint64
	StoreFull        bool

	// Of uploads that can be resumed.
	Uploads        int
	UploadBytes    int64
	UploadsExpired uint64

	PurgesPending map[string]int // deletions that a hook has not been told of

	QuotaRefused uint64
	WrongTokens  uint64
	Draining     bool
}

// Watch has take called at every scrape, which may be concurrently with another. Until it is called, and for whatever take
// leaves out, the numbers are 0.
func (m *Metrics) Watch(take func() Snapshot) { m.state.take.Store(&take) }

// state collects readings of a snapshot.
type state struct {
	take atomic.Pointer[func() Snapshot]
}

func (s *state) Describe(descriptions chan<- *prometheus.Desc) {
	for _, r := range readings {
		descriptions <- r.description
	}
}

func (s *state) Collect(found chan<- prometheus.Metric) {
	var now Snapshot
	if take := s.take.Load(); take != nil {
		now = (*take)()
	}
	for _, r := range readings {
		r.values(now, func(value float64, labels ...string) {
			found <- prometheus.MustNewConstMetric(r.description, r.kind, value, labels...)
		})
	}
}

// A reading makes series of one name out of a snapshot.
type reading struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	values      func(s Snapshot, put func(value float64, labels ...string))
}

func gauge[N int | int64](name, help string, value func(Snapshot) N) reading {
	return single(prometheus.GaugeValue, name, help, func(s Snapshot) float64 { return float64(value(s)) })
}

func counter(name, help string, value func(Snapshot) uint64) reading {
	return single(prometheus.CounterValue, name, help, func(s Snapshot) float64 { return float64(value(s)) })
}

func single(kind prometheus.ValueType, name, help string, value func(Snapshot) float64) reading {
	return reading{
		prometheus.NewDesc(name, help, nil, nil), kind,
		func(s Snapshot, put func(float64, ...string)) { put(value(s)) },
	}
}

var readings = []reading{
	gauge("calotype_queue_running", "Jobs that run now.", func(s Snapshot) int { return s.QueueRunning }),
	gauge("calotype_queue_waiting", "Jobs that wait for a worker or for memory now.",
		func(s Snapshot) int { return s.QueueWaiting }),
	single(prometheus.GaugeValue, "calotype_queue_oldest_seconds",
		"How long the job that waits longest has waited; 0 if none waits. Seconds of it mean that there are too few workers.",
		func(s Snapshot) float64 { return s.QueueOldest.Seconds() }),
	gauge("calotype_queue_reserved_bytes", "Memory that is set aside for the jobs that run now, as predicted.",
		func(s Snapshot) int64 { return s.QueueMemory }),

	{
		prometheus.NewDesc("calotype_workers", "Worker processes by what they do now: ready for a job, busy with one, starting.",
			[]string{"state"}, nil),
		prometheus.GaugeValue,
		func(s Snapshot, put func(float64, ...string)) {
			put(float64(s.WorkersReady), "ready")
			put(float64(s.WorkersBusy), "busy")
			put(float64(s.WorkersStarting), "starting")
		},
	},
	counter("calotype_worker_starts_total", "Worker processes that were started.",
		func(s Snapshot) uint64 { return s.WorkerStarts }),
	{
		prometheus.NewDesc("calotype_worker_ends_total",
			"Worker processes that have ended, by cause. Recycled and memory are routine, cancelled and refused common; "+
				"crashed, garbled and cpu are images that a decoder did not survive; lost is somebody else, such as the kernel short "+
				"of memory; failed did not come up.",
			[]string{"cause"}, nil),
		prometheus.CounterValue,
		func(s Snapshot, put func(float64, ...string)) {
			ends := map[string]uint64{}
			for _, cause := range worker.Ends {
				ends[string(cause)] = 0
			}
			maps.Copy(ends, s.WorkerEnds)
			for cause, number := range ends {
				put(float64(number), cause)
			}
		},
	},
	gauge("calotype_workers_resident_bytes", "Resident memory of all worker processes together; 0 where the system does not tell.",
		func(s Snapshot) int64 { return s.WorkerMemory }),
	gauge("calotype_poisoned", "Originals and prints that are refused for some minutes, since a worker did not survive them.",
		func(s Snapshot) int { return s.Poisoned }),

	counter("calotype_cache_hits_total", "Prints that were answered from memory.", func(s Snapshot) uint64 { return s.CacheHits }),
	counter("calotype_cache_misses_total", "Prints that were not in memory and had to be made or read from disk.",
		func(s Snapshot) uint64 { return s.CacheMisses }),
	counter("calotype_cache_joined_total", "Requests that waited for a print which another request was having made.",
		func(s Snapshot) uint64 { return s.CacheJoined }),
	gauge("calotype_cache_bytes", "Memory that finished prints occupy.", func(s Snapshot) int64 { return s.CacheBytes }),
	gauge("calotype_cache_entries", "Finished prints in memory.", func(s Snapshot) int64 { return s.CacheEntries }),

	{
		prometheus.NewDesc("calotype_purges_pending", "Deletions that a cache in front has not been told of yet, by hook. More than "+
			"0 for long: see calotype_purges_total and the log.", []string{"hook"}, nil),
		prometheus.GaugeValue,
		func(s Snapshot, put func(float64, ...string)) {
			for hook, n := range s.PurgesPending {
				put(float64(n), hook)
			}
		},
	},
	counter("calotype_disk_cache_hits_total", "Prints that were read from the cache on disk.", func(s Snapshot) uint64 { return s.DiskHits }),
	counter("calotype_disk_cache_misses_total", "Prints that the cache on disk was asked for and did not have.",
		func(s Snapshot) uint64 { return s.DiskMisses }),
	counter("calotype_disk_cache_writes_total", "Prints that were written to the cache on disk.", func(s Snapshot) uint64 { return s.DiskWrites }),
	counter("calotype_disk_cache_dropped_total",
		"Prints that were not written, since the disk is too slow for all of them, what is there is not known yet, or it fails.",
		func(s Snapshot) uint64 { return s.DiskDropped }),
	counter("calotype_disk_cache_damaged_total", "Files of the cache on disk that were not what was written. They were removed, and served to nobody.",
		func(s Snapshot) uint64 { return s.DiskDamaged }),
	counter("calotype_disk_cache_evictions_total", "Prints on disk that made room for others.", func(s Snapshot) uint64 { return s.DiskEvictions }),
	counter("calotype_disk_cache_failures_total", "Failures to read or change the cache on disk.", func(s Snapshot) uint64 { return s.DiskFailures }),
	gauge("calotype_disk_cache_bytes", "What prints take of the disk.", func(s Snapshot) int64 { return s.DiskBytes }),
	gauge("calotype_disk_cache_entries", "Prints on disk.", func(s Snapshot) int64 { return s.DiskEntries }),
	gauge("calotype_disk_cache_failing", "1 while the cache on disk is left alone because it has failed, 0 otherwise.",
		func(s Snapshot) int { return oneIf(s.DiskFailing) }),

	counter("calotype_source_hits_total", "Requests for sources that were answered by a fresh copy.", func(s Snapshot) uint64 { return s.Sources.Hits }),
	counter("calotype_source_joined_total", "Requests for sources that waited for a fetch which another request had begun.",
		func(s Snapshot) uint64 { return s.Sources.Joined }),
	counter("calotype_source_stale_total", "Requests for sources that were answered by a stale copy, while its host was asked, was slow or failed.",
		func(s Snapshot) uint64 { return s.Sources.Stale }),
	counter("calotype_source_refusals_total", "Requests for sources that were answered by an error without asking their host, which had just been.",
		func(s Snapshot) uint64 { return s.Sources.Negative }),
	gauge("calotype_source_fetching", "Sources that are being fetched now, or wait for that.", func(s Snapshot) int64 { return s.Sources.Fetching }),
	gauge("calotype_source_hosts_resting", "Hosts of sources that are not asked now, since they have failed too often.",
		func(s Snapshot) int64 { return s.Sources.Resting }),
	gauge("calotype_source_bytes", "What fetched sources take of the disk.", func(s Snapshot) int64 { return s.Sources.Bytes }),
	gauge("calotype_source_entries", "Fetched sources on disk.", func(s Snapshot) int64 { return s.Sources.Entries }),
	counter("calotype_source_evictions_total", "Fetched sources that made room for others.", func(s Snapshot) uint64 { return s.Sources.Evicted }),
	counter("calotype_source_damaged_total", "Files of fetched sources that were not what was written. They were removed, and served to nobody.",
		func(s Snapshot) uint64 { return s.Sources.Damaged }),

	counter("calotype_damaged_originals_total",
		"Originals whose bytes were found damaged or missing on the disk, each once until it is whole again. None is served: see the log.",
		func(s Snapshot) uint64 { return s.DamagedOriginals }),

	gauge("calotype_store_full", "1 while uploads are refused because the disk has no more free space than --min-free.",
		func(s Snapshot) int { return oneIf(s.StoreFull) }),

	gauge("calotype_resumable_uploads", "Uploads that can be resumed and are not images yet.", func(s Snapshot) int { return s.Uploads }),
	gauge("calotype_resumable_upload_bytes", "What has come of them, on the disk.", func(s Snapshot) int64 { return s.UploadBytes }),
	counter("calotype_resumable_uploads_expired_total", "Uploads that were dropped, since no further byte has come within --resume-within.",
		func(s Snapshot) uint64 { return s.UploadsExpired }),

	counter("calotype_quota_refusals_total", "Prints that were refused: their original or their client had used up its quota.",
		func(s Snapshot) uint64 { return s.QuotaRefused }),
	counter("calotype_wrong_tokens_total", "Tokens that were sent and are none. Many of them: somebody guesses.",
		func(s Snapshot) uint64 { return s.WrongTokens }),
	gauge("calotype_draining", "1 while the server finishes what runs before it stops, 0 otherwise.",
		func(s Snapshot) int { return oneIf(s.Draining) }),
}

func oneIf(so bool) int {
	if so {
		return 1
	}
	return 0
}
