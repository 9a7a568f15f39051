//go:build hostile

package test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// A report collects answers, from many goroutines, and fails the test for each that is wrong.
type report struct {
	t testing.TB

	mutex      sync.Mutex
	counts     map[row]map[int]int // answers by status
	slowest    []answer            // without bodies
	open       map[string]bool     // files that are being tried
	complaints int
}

type row struct{ family, request string }

func newReport(t testing.TB) *report {
	return &report{t: t, counts: map[row]map[int]int{}, open: map[string]bool{}}
}

func (r *report) begin(file string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.open[file] = true
}

func (r *report) end(file string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.open, file)
}

// unfinished are the files that were being tried when the program ended.
func (r *report) unfinished() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Sorted(maps.Keys(r.open))
}

func (r *report) add(a answer) {
	if err := a.check(); err != nil {
		r.complain(a, "%v", err)
	}
	a.body, a.header = nil, nil
	r.mutex.Lock()
	defer r.mutex.Unlock()
	key := row{specimen{name: a.file}.family(), a.request}
	if r.counts[key] == nil {
		r.counts[key] = map[int]int{}
	}
	r.counts[key][a.status]++
	const kept = 10
	at, _ := slices.BinarySearchFunc(r.slowest, a, func(x, y answer) int { return cmp.Compare(y.took, x.took) })
	if at < kept {
		r.slowest = slices.Insert(r.slowest, at, a)
		r.slowest = r.slowest[:min(len(r.slowest), kept)]
	}
}

// complain fails the test, and says why as long as someone may still be reading.
func (r *report) complain(a answer, what string, args ...any) {
	r.t.Helper()
	const most = 200
	r.mutex.Lock()
	r.complaints++
	number := r.complaints
	r.mutex.Unlock()
	switch {
	case number < most:
		r.t.Errorf("%s: %s %s", a.file, a.request, fmt.Sprintf(what, args...))
	case number == most:
		r.t.Errorf("and more, of which nothing is said")
	}
}

// String is a table of answers by family, request and status, and the slowest requests.
func (r *report) String() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	statuses := map[int]bool{}
	for _, counts := range r.counts {
		for status := range counts {
			statuses[status] = true
		}
	}
	columns := slices.Sorted(maps.Keys(statuses))
	rows := slices.SortedFunc(maps.Keys(r.counts), func(a, b row) int {
		return cmp.Or(cmp.Compare(a.family, b.family), cmp.Compare(len(b.request), len(a.request)))
	})
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "family\trequest\t")
	for _, status := range columns {
		if status == 0 {
			fmt.Fprint(w, "none\t")
			continue
		}
		fmt.Fprintf(w, "%d\t", status)
	}
	fmt.Fprintln(w)
	for _, key := range rows {
		fmt.Fprintf(w, "%s\t%s\t", key.family, key.request)
		for _, status := range columns {
			fmt.Fprintf(w, "%d\t", r.counts[key][status])
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Fprintln(&text, "slowest:")
	for _, a := range r.slowest {
		fmt.Fprintf(&text, "%8v  %d  %s  %s\n", a.took.Round(time.Millisecond), a.status, a.request, a.file)
	}
	return text.String()
}
