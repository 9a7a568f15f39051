//go:build !race

package metrics

import "testing"

func TestCountingAnAnswerDoesNotAllocate(t *testing.T) {
	m := New("", "")
	for _, status := range usualStatuses {
		if n := testing.AllocsPerRun(100, func() { m.Answered(status) }); n != 0 {
			t.Errorf("Answered(%d) allocates %v times", status, n)
		}
	}
}
