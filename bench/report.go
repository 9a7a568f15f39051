package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A report is everything that -json writes.
type report struct {
	Time        time.Time `json:"time"`
	Server      string    `json:"server"` // how it was started, or its URL
	System      string    `json:"system"`
	CPUs        int       `json:"cpus"`
	Photos      int       `json:"photos"`
	PhotosFrom  string    `json:"photos_from"`
	Megapixels  float64   `json:"megapixels"` // mean
	Results     []result  `json:"results"`
	HitsToFloor float64   `json:"hits_to_floor,omitempty"` // requests/s of the hits to those of the floor
	PeakMemory  *memory   `json:"peak_memory_bytes"`       // null where it is not known
}

func newReport(o options, photos []photo, from string) *report {
	r := &report{
		Time:       time.Now().UTC().Truncate(time.Second),
		Server:     o.url,
		System:     runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:       runtime.NumCPU(),
		Photos:     len(photos),
		PhotosFrom: from,
	}
	if o.server != "" {
		r.Server = strings.TrimSpace(filepath.Base(o.server) + " serve " + o.serverArgs)
	}
	for _, p := range photos {
		r.Megapixels += float64(p.width) * float64(p.height) / 1e6 / float64(len(photos))
	}
	return r
}

func (r *report) add(measured result) { r.Results = append(r.Results, measured) }

// failed reports whether any answer was not as it should be, or a scenario had none: that measures nothing.
func (r *report) failed() bool {
	return slices.ContainsFunc(r.Results, func(m result) bool { return m.Failures > 0 || m.Requests == 0 })
}

// writeJSON writes what was measured to a file.
func writeJSON(path string, measured any) error {
	data, err := json.MarshalIndent(measured, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// print writes the report as text, with the results in a Markdown table.
func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "%s on %s, %d CPUs; %d photos of %.1f megapixels on average\n\n", r.Server, r.System, r.CPUs, r.Photos, r.Megapixels)
	rows := [][]string{{"scenario", "clients", "requests", "requests/s", "p50 ms", "p99 ms", "max ms", "MB/s", "CPU ms/request"}}
	for _, m := range r.Results {
		cpu := "-"
		if m.CPUMilliseconds != nil {
			cpu = number(*m.CPUMilliseconds)
		}
		rows = append(rows, []string{
			m.Scenario, fmt.Sprint(m.Clients), fmt.Sprint(m.Requests), number(m.RequestsPerSecond),
			number(m.P50), number(m.P99), number(m.Max), number(m.MegabytesPerSecond), cpu,
		})
	}
	fmt.Fprintln(out, table(rows))
	if r.HitsToFloor > 0 {
		fmt.Fprintf(out, "Hits reach %.0f %% of the floor.\n", 100*r.HitsToFloor)
	}
	if m := r.PeakMemory; m != nil {
		fmt.Fprintf(out, "Peak memory of the server: %d MiB, and of its %d child processes: %d MiB.\n", m.Server>>20, m.Processes, m.Children>>20)
	} else {
		fmt.Fprintln(out, "Peak memory of the server: -")
	}
	for _, m := range r.Results {
		if m.Exhausted {
			fmt.Fprintf(out, "%s ended after %.1f s: every URL had been asked for.\n", m.Scenario, m.Seconds)
		}
		if m.Requests == 0 {
			fmt.Fprintf(out, "%s: NO good answer.\n", m.Scenario)
		}
		if m.Failures > 0 {
			fmt.Fprintf(out, "%s: %d FAILED.\n", m.Scenario, m.Failures)
			for _, kind := range m.FailureKinds {
				fmt.Fprintf(out, "  %s\n", kind)
			}
		}
	}
}

// table lays rows out as a Markdown table; the first row is its head, the first column is text and the others are numbers.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for r, row := range rows {
		for i, cell := range row {
			if i == 0 {
				fmt.Fprintf(&out, "| %-*s |", widths[i], cell)
			} else {
				fmt.Fprintf(&out, " %*s |", widths[i], cell)
			}
		}
		out.WriteByte('\n')
		if r == 0 {
			for i, width := range widths {
				if i == 0 {
					out.WriteString("|" + strings.Repeat("-", width+2) + "|")
				} else {
					out.WriteString(strings.Repeat("-", width+1) + ":|")
				}
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// number writes x with three significant digits, or all digits before the point; "-" if it is not known.
func number(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "-"
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}
