package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A byteSize is a number of bytes, written as 500000, 500kB, 32MB, 1GB (powers of 1000) or 512KiB, 32MiB, 1GiB (of 1024).
// Where an option says so, it can be auto.
type byteSize int64

// automatic leaves the size to the program.
const automatic byteSize = -1

var byteUnits = []struct {
	suffix string
	factor float64
}{
	{"kib", 1 << 10},
	{"mib", 1 << 20},
	{"gib", 1 << 30},
	{"kb", 1e3},
	{"mb", 1e6},
	{"gb", 1e9},
	{"b", 1},
	{"", 1},
}

// UnmarshalText is how the command line and the environment are read.
func (b *byteSize) UnmarshalText(text []byte) error {
	s := strings.ToLower(strings.TrimSpace(string(text)))
	if s == "auto" {
		*b = automatic
		return nil
	}
	for _, unit := range byteUnits {
		number, found := strings.CutSuffix(s, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(n) || n*unit.factor < 0 || n*unit.factor >= math.MaxInt64 {
			break
		}
		*b = byteSize(n * unit.factor)
		return nil
	}
	return fmt.Errorf("%q is no size; write it as 500000, 32MB or 1GiB", text)
}
