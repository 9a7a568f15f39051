package metrics

import (
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"calotype/store/remote"
	"calotype/transform"
	"calotype/transform/worker"
)

// scrape returns what Prometheus would be told, line by line.
func scrape(t testing.TB, m *Metrics) []string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(m.Gatherer(), promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	return strings.Split(answer.Body.String(), "\n")
}

// mustSay checks that a scrape has the lines.
func mustSay(t testing.TB, m *Metrics, want ...string) {
	t.Helper()
	got := scrape(t, m)
	for _, line := range want {
		if !slices.Contains(got, line) {
			name, _, _ := strings.Cut(line, "{")
			name, _, _ = strings.Cut(name, " ")
			t.Errorf("no line %q, but these:", line)
			for _, other := range got {
				if strings.HasPrefix(other, name) {
					t.Error(other)
				}
			}
		}
	}
}

// series returns the names and labels of all series of our own.
func series(t testing.TB, m *Metrics) []string {
	t.Helper()
	var names []string
	for _, line := range scrape(t, m) {
		if strings.HasPrefix(line, "calotype_") {
			names = append(names, line[:strings.LastIndex(line, " ")])
		}
	}
	return names
}

// busy is a snapshot in which every number is another.
var busy = Snapshot{
	QueueRunning: 2, QueueWaiting: 3, QueueOldest: 1500 * time.Millisecond, QueueMemory: 4 << 20,
	WorkersReady: 5, WorkersBusy: 6, WorkersStarting: 7, WorkerStarts: 8, WorkerMemory: 9 << 20,
	WorkerEnds: map[string]uint64{"crashed": 10, "recycled": 11}, Poisoned: 12,
	DiskHits: 19, DiskMisses: 20, DiskWrites: 21, DiskDropped: 22, DiskDamaged: 23, DiskEvictions: 24, DiskFailures: 25,
	DiskBytes: 26 << 20, DiskEntries: 27, DiskFailing: true,
	Sources:   remote.Stats{Hits: 30, Stale: 31, Negative: 32, Joined: 33, Fetching: 34, Resting: 35, Bytes: 36 << 20, Entries: 37, Evicted: 38, Damaged: 39},
	CacheHits: 13, CacheMisses: 14, CacheJoined: 15, CacheBytes: 16 << 20, CacheEntries: 17, QuotaRefused: 18, WrongTokens: 28, DamagedOriginals: 29, StoreFull: true, Draining: true,
	Uploads: 40, UploadBytes: 41 << 20, UploadsExpired: 42,
}

func TestPurges(t *testing.T) {
	m := New("", "")
	m.Hooks([]string{"varnish h", "fastly s"})
	m.Purged("fastly s", "failed")
	m.Purged("fastly s", "failed")
	m.Watch(func() Snapshot { return Snapshot{PurgesPending: map[string]int{"varnish h": 0, "fastly s": 3}} })
	mustSay(t, m,
		`calotype_purges_total{hook="varnish h",outcome="accepted"} 0`,
		`calotype_purges_total{hook="varnish h",outcome="refused"} 0`,
		`calotype_purges_total{hook="fastly s",outcome="failed"} 2`,
		`calotype_purges_pending{hook="varnish h"} 0`,
		`calotype_purges_pending{hook="fastly s"} 3`,
	)
}

func TestNews(t *testing.T) {
	m := New("", "")
	m.Heard(NewsRemoved, 30*time.Millisecond)
	m.Heard(NewsMissed, 0)
	mustSay(t, m,
		`calotype_news_total{what="removed"} 1`,
		`calotype_news_total{what="purged"} 0`,
		`calotype_news_total{what="missed"} 1`,
		`calotype_news_age_seconds_bucket{le="0.025"} 0`,
		`calotype_news_age_seconds_bucket{le="0.05"} 1`,
		`calotype_news_age_seconds_count 1`,
	)
}

func TestFetchesOfSources(t *testing.T) {
	m := New("", "")
	m.Fetched(remote.Observation{Outcome: remote.Fetched, Bytes: 1000, Took: 30 * time.Millisecond})
	m.Fetched(remote.Observation{Outcome: remote.TimedOut, Bytes: 500, Took: 5 * time.Second})
	m.Fetched(remote.Observation{Outcome: remote.Rested})
	mustSay(t, m,
		`calotype_source_fetches_total{outcome="fetched"} 1`,
		`calotype_source_fetches_total{outcome="timed_out"} 1`,
		`calotype_source_fetches_total{outcome="resting"} 1`,
		`calotype_source_fetches_total{outcome="unchanged"} 0`,
		`calotype_source_fetched_bytes_total 1500`,
		`calotype_source_fetch_seconds_count 2`,
	)
}

func TestEverySeriesExistsFromTheStart(t *testing.T) {
	m := New("1.2.3", "8.18.7")
	mustSay(t, m,
		`calotype_build_info{libvips="8.18.7",version="1.2.3"} 1`,
		`calotype_answers_total{status="200"} 0`,
		`calotype_answers_total{status="429"} 0`,
		`calotype_answers_total{status="503"} 0`,
		`calotype_jobs_total{job="open",outcome="broken"} 0`,
		`calotype_jobs_total{job="print",outcome="made"} 0`,
		`calotype_job_wait_seconds_count 0`,
		`calotype_job_run_seconds_count{format="none"} 0`,
		`calotype_job_run_seconds_count{format="avif"} 0`,
		`calotype_job_cpu_seconds_count 0`,
		`calotype_job_memory_bytes_count 0`,
		`calotype_workers{state="ready"} 0`,
		`calotype_worker_ends_total{cause="lost"} 0`,
		`calotype_draining 0`,
	)
	before := series(t, m)
	for _, status := range usualStatuses {
		m.Answered(status)
	}
	for _, job := range transform.Jobs {
		for _, outcome := range transform.Outcomes {
			m.Observe(transform.Observation{Job: job, Outcome: outcome, Ran: 1, CPU: 1, Memory: 1})
		}
	}
	for _, outcome := range remote.Outcomes {
		m.Fetched(remote.Observation{Outcome: outcome, Bytes: 1, Took: 1})
	}
	for _, format := range transform.Formats {
		m.Observe(transform.Observation{Job: "print", Format: format.Name, Outcome: transform.Made, Ran: 1})
	}
	s := busy
	s.WorkerEnds = map[string]uint64{}
	for _, cause := range worker.Ends {
		s.WorkerEnds[string(cause)] = 1
	}
	m.Watch(func() Snapshot { return s })
	if after := series(t, m); !slices.Equal(before, after) {
		t.Errorf("at the start there were\n%s\nand then\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

func TestSnapshot(t *testing.T) {
	m := New("", "")
	m.Watch(func() Snapshot { return Snapshot{QueueRunning: 99} })
	m.Watch(func() Snapshot { return busy })
	mustSay(t, m,
		`calotype_queue_running 2`,
		`calotype_queue_waiting 3`,
		`calotype_queue_oldest_seconds 1.5`,
		`calotype_queue_reserved_bytes 4.194304e+06`,
		`calotype_workers{state="ready"} 5`,
		`calotype_workers{state="busy"} 6`,
		`calotype_workers{state="starting"} 7`,
		`calotype_worker_starts_total 8`,
		`calotype_workers_resident_bytes 9.437184e+06`,
		`calotype_worker_ends_total{cause="crashed"} 10`,
		`calotype_worker_ends_total{cause="recycled"} 11`,
		`calotype_worker_ends_total{cause="lost"} 0`,
		`calotype_poisoned 12`,
		`calotype_cache_hits_total 13`,
		`calotype_cache_misses_total 14`,
		`calotype_cache_joined_total 15`,
		`calotype_cache_bytes 1.6777216e+07`,
		`calotype_cache_entries 17`,
		`calotype_disk_cache_hits_total 19`,
		`calotype_disk_cache_misses_total 20`,
		`calotype_disk_cache_writes_total 21`,
		`calotype_disk_cache_dropped_total 22`,
		`calotype_disk_cache_damaged_total 23`,
		`calotype_disk_cache_evictions_total 24`,
		`calotype_disk_cache_failures_total 25`,
		`calotype_disk_cache_bytes 2.7262976e+07`,
		`calotype_disk_cache_entries 27`,
		`calotype_disk_cache_failing 1`,
		`calotype_source_hits_total 30`,
		`calotype_source_stale_total 31`,
		`calotype_source_refusals_total 32`,
		`calotype_source_joined_total 33`,
		`calotype_source_fetching 34`,
		`calotype_source_hosts_resting 35`,
		`calotype_source_bytes 3.7748736e+07`,
		`calotype_source_entries 37`,
		`calotype_source_evictions_total 38`,
		`calotype_source_damaged_total 39`,
		`calotype_quota_refusals_total 18`,
		`calotype_wrong_tokens_total 28`,
		`calotype_damaged_originals_total 29`,
		`calotype_store_full 1`,
		`calotype_resumable_uploads 40`,
		`calotype_resumable_upload_bytes 4.2991616e+07`,
		`calotype_resumable_uploads_expired_total 42`,
		`calotype_draining 1`,
	)
}

func TestSnapshotThatPanicsCostsOneScrape(t *testing.T) {
	m := New("", "")
	m.Watch(func() Snapshot { panic("lost count") })
	if _, err := m.Gatherer().Gather(); err == nil || !strings.Contains(err.Error(), "lost count") {
		t.Errorf("got error %v", err)
	}
	m.Watch(func() Snapshot { return busy })
	mustSay(t, m, `calotype_queue_running 2`)
}

func TestAnswers(t *testing.T) {
	m := New("", "")
	for _, status := range []int{200, 200, 422, 418, 418, 999, -1} {
		m.Answered(status)
	}
	mustSay(t, m,
		`calotype_answers_total{status="200"} 2`,
		`calotype_answers_total{status="422"} 1`,
		`calotype_answers_total{status="418"} 2`,
		`calotype_answers_total{status="999"} 1`,
		`calotype_answers_total{status="-1"} 1`,
		`calotype_answers_total{status="404"} 0`,
	)
}

func TestJobs(t *testing.T) {
	m := New("", "")
	m.Observe(transform.Observation{
		Job: "print", Format: "webp", Outcome: transform.Made,
		Waited: 2 * time.Millisecond, Ran: 40 * time.Millisecond, CPU: 30 * time.Millisecond, Memory: 3 << 20,
	})
	m.Observe(transform.Observation{Job: "open", Outcome: transform.Broken, Waited: time.Second, Ran: 4 * time.Millisecond})
	m.Observe(transform.Observation{Job: "print", Format: "jpeg", Outcome: transform.Canceled, Waited: 20 * time.Second})
	mustSay(t, m,
		`calotype_jobs_total{job="print",outcome="made"} 1`,
		`calotype_jobs_total{job="open",outcome="broken"} 1`,
		`calotype_jobs_total{job="print",outcome="canceled"} 1`,
		`calotype_jobs_total{job="open",outcome="made"} 0`,
		`calotype_job_wait_seconds_bucket{le="0.001"} 0`,
		`calotype_job_wait_seconds_bucket{le="0.0025"} 1`,
		`calotype_job_wait_seconds_bucket{le="1"} 2`,
		`calotype_job_wait_seconds_bucket{le="10"} 2`,
		`calotype_job_wait_seconds_bucket{le="+Inf"} 3`,
		`calotype_job_run_seconds_sum{format="webp"} 0.04`,
		`calotype_job_run_seconds_sum{format="none"} 0.004`,
		`calotype_job_run_seconds_count{format="jpeg"} 0`,
		`calotype_job_cpu_seconds_count 1`,
		`calotype_job_cpu_seconds_sum 0.03`,
		`calotype_job_memory_bytes_bucket{le="2.097152e+06"} 0`,
		`calotype_job_memory_bytes_bucket{le="4.194304e+06"} 1`,
		`calotype_job_memory_bytes_count 1`,
	)
}

func TestJobsThatAreNotLetInDoNotMakeTheWaitLookShort(t *testing.T) {
	m := New("", "")
	m.Observe(transform.Observation{Job: "print", Format: "jpeg", Outcome: transform.Refused, Waited: time.Microsecond})
	m.Observe(transform.Observation{Job: "print", Format: "jpeg", Outcome: transform.Poisoned})
	mustSay(t, m,
		`calotype_jobs_total{job="print",outcome="refused"} 1`,
		`calotype_jobs_total{job="print",outcome="poisoned"} 1`,
		`calotype_job_wait_seconds_count 0`,
		`calotype_job_run_seconds_count{format="jpeg"} 0`,
	)
}

func TestNamesAreThoseThatPrometheusAdvises(t *testing.T) {
	m := New("1.2.3", "8.18.7")
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, prefix := range []string{"go_goroutines", "process_start_time_seconds", "calotype_answers_total"} {
		found := slices.ContainsFunc(scrape(t, m), func(line string) bool { return strings.HasPrefix(line, prefix) })
		if !found {
			t.Errorf("there is no %s", prefix)
		}
	}
}

func TestCountingAndScrapingAtOnce(t *testing.T) {
	m := New("", "")
	var counting sync.WaitGroup
	for range 4 {
		counting.Go(func() {
			for range 100 {
				m.Answered(200)
				m.Answered(418)
				m.Observe(transform.Observation{Job: "print", Format: "png", Outcome: transform.Made, Ran: time.Millisecond})
			}
		})
	}
	counting.Go(func() {
		for range 5 {
			m.Watch(func() Snapshot { return busy })
			if _, err := m.Gatherer().Gather(); err != nil {
				t.Error(err)
			}
		}
	})
	counting.Wait()
	mustSay(t, m,
		`calotype_answers_total{status="200"} 400`,
		`calotype_answers_total{status="418"} 400`,
		`calotype_job_run_seconds_count{format="png"} 400`,
	)
}
