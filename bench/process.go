package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc: Linux reports 100 a second on every machine that Go runs on.
const tick = 10 * time.Millisecond

// A processStat is what /proc/<pid>/stat says of a process (proc_pid_stat(5)).
type processStat struct {
	parent int
	cpu    time.Duration // user and system, its own and that of children that have ended
}

func parseStat(line []byte) (processStat, error) {
	// The name, in brackets, may itself hold spaces and brackets.
	_, rest, ok := bytes.Cut(line[max(0, bytes.LastIndexByte(line, ')')):], []byte(") "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 15 {
		return processStat{}, fmt.Errorf("not a line of /proc/<pid>/stat: %q", line)
	}
	parent, err := strconv.Atoi(fields[1]) // fields 4 and 14 to 17 of the line, counted from 1
	var ticks int64
	for _, field := range fields[11:15] {
		n, parseErr := strconv.ParseInt(field, 10, 64)
		err = errors.Join(err, parseErr)
		ticks += n
	}
	return processStat{parent, time.Duration(ticks) * tick}, err
}

// processTree returns the process with the given id and all that descend from it; nothing for 0, which stands for a
// process that is not known, and where there is no /proc.
func processTree(root int) map[int]processStat {
	if root == 0 {
		return nil
	}
	all := map[int]processStat{}
	paths, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		if stat, err := parseStat(line); err == nil {
			all[pid] = stat
		}
	}
	tree := map[int]processStat{}
	for pid, stat := range all {
		// The bound ends the walk if an id was taken by another process meanwhile.
		for ancestor, steps := pid, 0; ancestor != 0 && steps < 100; steps++ {
			if ancestor == root {
				tree[pid] = stat
				break
			}
			ancestor = all[ancestor].parent
		}
	}
	return tree
}

// cpuTime returns what a process and all its descendants, those that have ended included, have used so far. It
// reports false where that cannot be known.
func cpuTime(pid int) (time.Duration, bool) {
	tree := processTree(pid)
	var sum time.Duration
	for _, stat := range tree {
		sum += stat.cpu
	}
	return sum, len(tree) > 0
}

// A memory is the largest resident set that processes have had, in bytes.
type memory struct {
	Server    int64 `json:"server"`
	Children  int64 `json:"children"`  // the sum of theirs, of those alive; memory shared between processes counts in each
	Processes int   `json:"processes"` // how many children
}

// peakMemory returns the peak of a process and its descendants, or nil where that cannot be known.
func peakMemory(pid int) *memory {
	tree := processTree(pid)
	if len(tree) == 0 {
		return nil
	}
	var m memory
	for id := range tree {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
		if err != nil {
			continue // it has ended since
		}
		if peak := parsePeak(string(status)); id == pid {
			m.Server = peak
		} else {
			m.Children += peak
			m.Processes++
		}
	}
	return &m
}

// parsePeak returns VmHWM of /proc/<pid>/status in bytes, or 0 for a process that has no memory any more.
func parsePeak(status string) int64 {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kibibytes, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kibibytes << 10
		}
	}
	return 0
}
