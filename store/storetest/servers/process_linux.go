package servers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// dieWithParent makes a process end when the test's process does, however that ends.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }

// family returns a process and all that descend from it, parents first.
func family(root int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name, in parentheses, may hold anything; behind it are the state and the parent.
		var state string
		var parent int
		behind := content[bytes.LastIndexByte(content, ')')+1:]
		if _, err := fmt.Sscan(string(behind), &state, &parent); err != nil {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = slices.Concat(all, children[all[i]])
	}
	return all
}

// stopped tells whether every thread of a process has stopped, or ended: a signal only asks for that.
func stopped(pid int) bool {
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		state := bytes.TrimSpace(content[bytes.LastIndexByte(content, ')')+1:])
		if len(state) > 0 && !bytes.ContainsRune([]byte("TZX"), rune(state[0])) {
			return false
		}
	}
	return true
}
