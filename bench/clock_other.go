//go:build !linux

package main

import (
	"errors"
	"time"
)

// processClock is known on Linux only.
func processClock(int) (time.Duration, error) {
	return 0, errors.New("the CPU time of another process can be measured on Linux only")
}
