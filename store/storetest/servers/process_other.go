//go:build !linux

package servers

import "syscall"

// dieWithParent does nothing: other systems have no such promise. The test's Cleanup ends what it started.
func dieWithParent(*syscall.SysProcAttr) {}

// family returns the process alone: its children are not known here.
func family(root int) []int { return []int{root} }

// stopped is what is hoped for.
func stopped(int) bool { return true }
