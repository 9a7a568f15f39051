// Package metrics counts what the service does, in the way that Prometheus reads. No label has a value that a client can
// choose: statuses, formats, kinds of job, outcomes, causes and purge hooks are all that there are, so the number of series is bounded.
package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"calotype/handler/purge"
	"calotype/store/remote"
	"calotype/transform"
)

// usualStatuses are those that the service answers with. Others are counted as well, only not as fast, and have no series
// before the first.
var usualStatuses = []int{
	200, 201, 204, 206, 301, 302, 304,
	400, 401, 403, 404, 405, 409, 410, 412, 413, 414, 415, 416, 422, 423, 429, 431, 460,
	500, 502, 503, 504, 507,
}

// noFormat stands in the label of jobs that make no print.
const noFormat = "none"

var (
	// Prints of small originals take some milliseconds. The usual deadline is 10 seconds; no job is there for longer.
	seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	// From 1 MiB to 1 GiB, which is what all jobs together usually may have.
	memory = prometheus.ExponentialBuckets(1<<20, 2, 11)
)

// Metrics are the numbers of one service, with those of its process and of Go's runtime. All methods may be called
// concurrently.
type Metrics struct {
	registry *prometheus.Registry
	state    state

	answers  *prometheus.CounterVec
	byStatus [600]prometheus.Counter // nil for statuses that are not usual

	jobs, purges, news *prometheus.CounterVec
	newsAge            prometheus.Histogram
	waited, cpu, held  prometheus.Histogram
	ran                *prometheus.HistogramVec

	fetches    *prometheus.CounterVec
	fetched    prometheus.Counter
	fetchTimes prometheus.Histogram
}

// New returns metrics in which every series exists and nothing has happened yet. The versions are of the program and of
// libvips.
func New(version, libvips string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &m.state,
	)
	in := promauto.With(m.registry)
	in.NewGauge(prometheus.GaugeOpts{
		Name:        "calotype_build_info",
		Help:        "Always 1. The labels tell which versions of the program and of libvips run.",
		ConstLabels: prometheus.Labels{"version": version, "libvips": libvips},
	}).Set(1)
	m.answers = in.NewCounterVec(prometheus.CounterOpts{
		Name: "calotype_answers_total",
		Help: "Answers on the public listener by HTTP status. 503 says that there was too much to do, 500 that a fault is ours: " +
			"see the log.",
	}, []string{"status"})
	m.purges = in.NewCounterVec(prometheus.CounterOpts{
		Name: "calotype_purges_total",
		Help: "What the caches in front said when they were told what to forget, by hook and outcome: accepted; failed, which is " +
			"tried again; refused, which is for you to mend.",
	}, []string{"hook", "outcome"})
	m.news = in.NewCounterVec(prometheus.CounterOpts{
		Name: "calotype_news_total",
		Help: "What was heard of other servers with the same originals, by what it was: removed and purged are forgotten here, too; " +
			"missed, at the first start or after a day out of reach, is that everything was.",
	}, []string{"what"})
	m.newsAge = in.NewHistogram(prometheus.HistogramOpts{
		Name:    "calotype_news_age_seconds",
		Help:    "How old it was when it was heard.",
		Buckets: seconds,
	})
	m.jobs = in.NewCounterVec(prometheus.CounterOpts{
		Name: "calotype_jobs_total",
		Help: "Jobs that have ended, by kind (open: look whether an upload can be decoded, print: make a print) and by outcome. " +
			"Made is good; broken, crashed, expensive and poisoned lie with the image; refused, stalled and lost with the machine.",
	}, []string{"job", "outcome"})
	m.waited = in.NewHistogram(prometheus.HistogramOpts{
		Name: "calotype_job_wait_seconds",
		Help: "How long jobs waited until they ran, or until nobody waited for them any more. Those that were refused do not " +
			"count.",
		Buckets: seconds,
	})
	m.ran = in.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "calotype_job_run_seconds",
		Help:    "How long jobs ran, however they ended, by the format of the print (none: an upload was looked at).",
		Buckets: seconds,
	}, []string{"format"})
	m.cpu = in.NewHistogram(prometheus.HistogramOpts{
		Name:    "calotype_job_cpu_seconds",
		Help:    "Processor time that workers took for a job. Far less than the job ran means that processors or disks are short.",
		Buckets: seconds,
	})
	m.held = in.NewHistogram(prometheus.HistogramOpts{
		Name:    "calotype_job_memory_bytes",
		Help:    "The most resident memory that the worker of a job has held, beyond what it held at its start.",
		Buckets: memory,
	})
	m.fetches = in.NewCounterVec(prometheus.CounterOpts{
		Name: "calotype_source_fetches_total",
		Help: "Fetches of sources by outcome. Fetched and unchanged are good; missing, unusable, too_large and forbidden lie with the source; timed_out " +
			"and failed with its host, which is resting once it has failed too often; ended with this server.",
	}, []string{"outcome"})
	m.fetched = in.NewCounter(prometheus.CounterOpts{
		Name: "calotype_source_fetched_bytes_total",
		Help: "Bytes of sources that have come, those of fetches that failed among them.",
	})
	m.fetchTimes = in.NewHistogram(prometheus.HistogramOpts{
		Name:    "calotype_source_fetch_seconds",
		Help:    "How long fetches of sources took, however they ended, but for those that were not tried.",
		Buckets: seconds,
	})
	m.fill()
	return m
}

// fill makes every series exist, so that the first event is seen as a step up from 0.
func (m *Metrics) fill() {
	for _, status := range usualStatuses {
		m.byStatus[status] = m.answers.WithLabelValues(strconv.Itoa(status))
	}
	for _, job := range transform.Jobs {
		for _, outcome := range transform.Outcomes {
			m.jobs.WithLabelValues(job, string(outcome))
		}
	}
	for _, what := range []string{NewsRemoved, NewsPurged, NewsMissed} {
		m.news.WithLabelValues(what)
	}
	for _, outcome := range remote.Outcomes {
		m.fetches.WithLabelValues(string(outcome))
	}
	m.ran.WithLabelValues(noFormat)
	for _, format := range transform.Formats {
		m.ran.WithLabelValues(format.Name)
	}
}

// Gatherer is where the numbers are read.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Answered counts an answer with an HTTP status. It does not allocate for those that are usual.
func (m *Metrics) Answered(status int) {
	if status >= 0 && status < len(m.byStatus) && m.byStatus[status] != nil {
		m.byStatus[status].Inc()
		return
	}
	m.answers.WithLabelValues(strconv.Itoa(status)).Inc()
}

// Hooks makes the series of purge hooks exist. Their names are those of the configuration.
func (m *Metrics) Hooks(names []string) {
	for _, hook := range names {
		for _, outcome := range purge.Outcomes {
			m.purges.WithLabelValues(hook, outcome)
		}
	}
}

// Purged counts what became of a purge. It is meant for purge.Start.
func (m *Metrics) Purged(hook, outcome string) { m.purges.WithLabelValues(hook, outcome).Inc() }

// What is heard of other servers.
const (
	NewsRemoved = "removed"
	NewsPurged  = "purged"
	NewsMissed  = "missed"
)

// Heard counts a piece of news and notes how old it was, 0 if that is not known.
func (m *Metrics) Heard(what string, age time.Duration) {
	m.news.WithLabelValues(what).Inc()
	if age > 0 {
		m.newsAge.Observe(age.Seconds())
	}
}

// Fetched counts a fetch of a source that has ended. It is meant for remote.Options.
func (m *Metrics) Fetched(o remote.Observation) {
	m.fetches.WithLabelValues(string(o.Outcome)).Inc()
	m.fetched.Add(float64(o.Bytes))
	if o.Outcome != remote.Rested {
		m.fetchTimes.Observe(o.Took.Seconds())
	}
}

// Observe counts a job that has ended. It is meant for transform.Options.
func (m *Metrics) Observe(o transform.Observation) {
	m.jobs.WithLabelValues(o.Job, string(o.Outcome)).Inc()
	// A job that is not let in waits for nothing: under load these would make the wait look short.
	if o.Outcome != transform.Refused && o.Outcome != transform.Poisoned {
		m.waited.Observe(o.Waited.Seconds())
	}
	if o.Ran > 0 {
		format := o.Format
		if format == "" {
			format = noFormat
		}
		m.ran.WithLabelValues(format).Observe(o.Ran.Seconds())
	}
	if o.CPU > 0 {
		m.cpu.Observe(o.CPU.Seconds())
	}
	if o.Memory > 0 {
		m.held.Observe(float64(o.Memory))
	}
}
