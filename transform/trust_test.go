package transform

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestSuspects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour) // the bubble's clock begins at a time that is not zero
		var known trust
		known.worked("good")
		want := func(when string, good, new bool) {
			t.Helper()
			if known.suspects("good") != good || known.suspects("new") != new || known.suspects("") != new {
				t.Errorf("%s: a proven original %t, a new one %t, one without a name %t", when,
					known.suspects("good"), known.suspects("new"), known.suspects(""))
			}
		}
		want("at first", false, false)
		for range 10 {
			known.failed()
			time.Sleep(alarmWindow / 2)
			want("few fail", false, false)
		}
		time.Sleep(alarmWindow)
		for range alarmFailures {
			want("not enough have failed", false, false)
			known.failed()
		}
		want("alarm", false, true)
		time.Sleep(alarmTime - 1)
		want("alarm", false, true)
		known.failed()
		time.Sleep(alarmTime - 1)
		want("prolonged", false, true)
		time.Sleep(time.Nanosecond)
		want("over", false, false)
	})
}

func TestProvenAreBounded(t *testing.T) {
	var known trust
	for i := range mostProven + 500 {
		known.worked(fmt.Sprint(i))
	}
	known.until = time.Now().Add(time.Hour)
	if len(known.proven) > mostProven || known.suspects(fmt.Sprint(mostProven+499)) {
		t.Errorf("%d are proven, the last one is suspect: %t", len(known.proven), known.suspects(fmt.Sprint(mostProven+499)))
	}
}
