package disk

import (
	"errors"
	"testing"
	"time"
)

// A disk that fails to read is not asked again for a while: all is a miss, at once.
func TestUnreadableDisk(t *testing.T) {
	c := open(t, t.TempDir())
	put(t, c, key("a"), "", "body")
	c.reading.blow(errors.New("a fault of the disk"))
	mustMiss(t, c, key("a"))
	if !c.Stats().Failing {
		t.Errorf("%+v", c.Stats())
	}
	c.reading.until.Store(time.Now().UnixNano())
	mustGet(t, c, key("a"), "", "body")
	if s := c.Stats(); s.Failing || s.Failures != 1 {
		t.Errorf("%+v", s)
	}
}

// Readers that the disk does not answer hold up nobody for long.
func TestDiskThatDoesNotAnswer(t *testing.T) {
	c := open(t, t.TempDir())
	put(t, c, key("a"), "", "body")
	for range readersAtOnce {
		c.readers <- struct{}{} // all are stuck
	}
	begun := time.Now()
	mustMiss(t, c, key("a"))
	mustMiss(t, c, key("a"))
	if took := time.Since(begun); took > 2*longestRead || !c.Stats().Failing {
		t.Errorf("it took %v, %+v", took, c.Stats())
	}
}
