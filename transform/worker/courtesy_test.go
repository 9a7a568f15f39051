package worker

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A figure is a process that notes when it stands still.
type figure struct {
	mutex sync.Mutex
	still bool
	since time.Time
	stood time.Duration // in all
	most  time.Duration // at a time
}

func (f *figure) Signal(s os.Signal) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	now := time.Now()
	if f.still && s == syscall.SIGCONT {
		f.stood += now.Sub(f.since)
		f.most = max(f.most, now.Sub(f.since))
	}
	f.still, f.since = s == syscall.SIGSTOP, now
	return nil
}

func (f *figure) standsStill() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.still
}

// crowded is so many jobs that the processors are few for them.
func crowded(c *courtesy) { c.others += runtime.NumCPU() }

// A yielding job stands still while another runs, whichever began first, and goes on when there is none.
func TestYieldingJobsStandStillWhileOthersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, yielding, other := newCourtesy(), &figure{}, &figure{}
		c.others = -1 + max(0, runtime.NumCPU()/2-1) // as many processors as there are
		endYielding := c.begin(yielding, true)
		c.others++
		if yielding.standsStill() {
			t.Error("it stands still before there is another job")
		}
		endOther := c.begin(other, false)
		if !yielding.standsStill() || other.standsStill() {
			t.Error("it does not stand still while there is another job, or the other does")
		}
		c.others = 1
		endOther()
		if yielding.standsStill() {
			t.Error("it stands still after the other job")
		}
		endYielding()
		if len(c.yielding) != 0 || c.others != 0 {
			t.Errorf("%d yielding jobs and %d others are left", len(c.yielding), c.others)
		}
	})
}

// However much others have to do, a yielding job runs half of its time.
func TestYieldingJobsRunHalfOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, yielding := newCourtesy(), &figure{}
		crowded(c)
		end := c.begin(yielding, true)
		began := time.Now()
		for range 1000 {
			done := c.begin(&figure{}, false)
			time.Sleep(7 * time.Millisecond)
			done()
		}
		end()
		if yielding.most > mostPause {
			t.Errorf("it stood still for %v at a time", yielding.most)
		}
		if whole := time.Since(began); yielding.stood > whole/2+mostPause || yielding.stood < whole/4 {
			t.Errorf("it stood still for %v of %v", yielding.stood, whole)
		}
		if yielding.still {
			t.Error("it stands still at its end")
		}
	})
}

// A process that stands still does so, and can be killed.
func TestYieldingProcessStandsStill(t *testing.T) {
	command := exec.Command("sleep", "60")
	if err := command.Start(); err != nil {
		t.Skip("there is no sleep to start: ", err)
	}
	c := newCourtesy()
	crowded(c)
	end := c.begin(command.Process, true)
	c.yielding[command.Process].timer.Stop() // this machine may be slow
	if runtime.GOOS == "linux" {
		state := ""
		for end := time.Now().Add(10 * time.Second); state != "T" && time.Now().Before(end); time.Sleep(time.Millisecond) {
			status, err := os.ReadFile("/proc/" + strconv.Itoa(command.Process.Pid) + "/stat")
			if err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(status), ") ")
			state = rest[:1]
		}
		if state != "T" {
			t.Errorf("its state is %s, want T", state)
		}
	}
	if err := command.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := command.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	end() // of one that has ended
}
