package admission

import "time"

// A load is what jobs are predicted to take up: the time of one slot, and the time of all memory. A job that needs a
// quarter of the memory for a second takes a quarter of a second of it.
type load struct{ slot, memory time.Duration }

func (l *load) add(o load) {
	l.slot += o.slot
	l.memory += o.memory
}

func (l *load) remove(o load) {
	l.slot -= o.slot
	l.memory -= o.memory
}

// predictedWait returns how long a newcomer that cannot start at once will wait for its slot. It looks at sums and at
// the running jobs, never at the line. It is what is to be done before, divided by the slots that do it:
//
//   - What waits in its lane counts in full, or as much as fair turns let pass before it.
//   - A cheap job passes the expensive ones. It waits for all slots to work off what is ahead, or, if that is less,
//     for those that no expensive job holds now.
//   - An expensive job waits for everything cheap besides, and has only the slots that expensive jobs may hold, and
//     no more than the share of its client and of its original.
//   - Where memory is scarcer than slots, memoryWait counts.
func (q *Queue) predictedWait(k *task, now time.Duration) time.Duration {
	ratio := q.pace.ratio()
	var cheap, expensive, memory float64 // seconds that running jobs have left
	for _, t := range q.running {
		taken := (now - t.started).Seconds() / t.load.slot.Seconds()
		left := max(0, ratio-taken)
		memory += left * t.load.memory.Seconds()
		if t.expensive {
			expensive += left * t.load.slot.Seconds()
		} else {
			cheap += left * t.load.slot.Seconds()
		}
	}
	ahead := q.lane(k.expensive).ahead(k.Client, k.load)
	if k.expensive {
		ahead.add(q.cheap.load)
	}
	work := ahead.slot.Seconds() * ratio
	var wait float64
	if k.expensive {
		backlog := max(k.client.backlog(), k.original.backlog()).Seconds() * ratio
		wait = max((work+cheap+expensive)/float64(q.expensiveSlots), backlog/float64(q.shareSlots))
	} else {
		wait = (work + cheap + expensive) / float64(q.options.Slots)
		if others := q.options.Slots - q.runningExpensive; others > 0 {
			wait = min(wait, (work+cheap)/float64(others))
		}
	}
	return time.Duration(max(wait, q.memoryWait(k, ahead.memory.Seconds()*ratio, memory)) * float64(time.Second))
}

// memoryWait returns how long all memory works off what is ahead and what running jobs have left of it, or, if that is
// less and k fits there, how long the memory that is free now works off what is ahead. All times are in seconds.
func (q *Queue) memoryWait(k *task, ahead, left float64) float64 {
	wait := ahead + left
	if free := q.options.Memory - q.memory; free > 0 && k.Memory <= free {
		wait = min(wait, ahead*float64(q.options.Memory)/float64(free))
	}
	return wait
}

// mostOff bounds how wrong predictions are taken to be: one job that hung must not close the door to all.
const mostOff = 8

// remembered is how many jobs, about, a pace remembers.
const remembered = 32

// A pace compares what jobs cost with what was predicted, as sums of seconds in which each job weighs a little less
// than the next. So the ratio is that of a typical second of work, not of a typical job.
type pace struct{ actual, predicted float64 }

// newPace returns a pace that has seen one second predicted rightly.
func newPace() pace { return pace{actual: 1, predicted: 1} }

func (p *pace) learn(predicted, actual time.Duration) {
	actual = min(max(actual, predicted/mostOff), predicted*mostOff)
	const keep = 1 - 1.0/remembered
	p.actual = p.actual*keep + actual.Seconds()
	p.predicted = p.predicted*keep + predicted.Seconds()
}

// ratio returns actual by predicted cost, from 1/mostOff to mostOff.
func (p *pace) ratio() float64 {
	return min(max(p.actual/p.predicted, 1.0/mostOff), mostOff)
}

// predict returns how long a job of that predicted cost will take.
func (p *pace) predict(cost time.Duration) time.Duration {
	return time.Duration(float64(cost) * p.ratio())
}
