//go:build race

package transform

// slowdown is how many times as long tests take under the race detector: those that try very much try less of it.
const slowdown = 4
