package main

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	line := "4242 (a) b (c) d) S 17 4242 4242 0 -1 4194304 100 200 0 0 11 22 33 44 20 0 9 0 12345 1000000 500\n"
	got, err := parseStat([]byte(line))
	if want := (processStat{parent: 17, cpu: 1100 * time.Millisecond}); got != want || err != nil {
		t.Errorf("parseStat = %+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"", "1", "1 (x", "1 (x) S 1 2", "1 (x) S p 2 3 4 5 6 7 8 9 10 11 12 13 14 15"} {
		if got, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("parseStat(%q) = %+v", bad, got)
		}
	}
}

func TestParsePeak(t *testing.T) {
	for status, want := range map[string]int64{
		"Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t   12345 kB\nVmRSS:\t1 kB\n": 12345 << 10,
		"Name:\tzombie\n": 0,
		"VmHWM:\n":        0,
	} {
		if got := parsePeak(status); got != want {
			t.Errorf("parsePeak(%q) = %d, want %d", status, got, want)
		}
	}
}

func TestOwnProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		if _, known := cpuTime(os.Getpid()); known {
			t.Error("CPU time known without /proc")
		}
		return
	}
	before, known := cpuTime(os.Getpid())
	for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
		// spend some
	}
	after, _ := cpuTime(os.Getpid())
	if !known || after <= before || after-before > time.Minute {
		t.Errorf("from %v to %v, known: %v", before, after, known)
	}
	if m := peakMemory(os.Getpid()); m == nil || m.Server < 1<<20 || m.Server > 1<<40 {
		t.Errorf("peak memory: %+v", m)
	}
	if tree := processTree(os.Getppid()); tree[os.Getpid()].parent != os.Getppid() {
		t.Error("this process is not below its parent")
	}
	if _, known := cpuTime(0); known {
		t.Error("process 0 is known")
	}
}
