package admission

import (
	"container/heap"
	"time"
)

// A lane holds the waiting jobs of one class in fair order: start-time fair queueing among clients, first in first
// out within a client. A client's tag is the virtual time at which its next job is due. A job that starts moves the
// tag on by the job's cost, and the clock by each client's part of that cost. A client that comes, or comes back, is
// due at the clock or at its old tag, whichever is later: being away earns nothing.
type lane struct {
	all     line
	load    load          // of all
	clock   time.Duration // virtual
	turns   uint64
	flows   map[string]*flow // by client: all that are in one of the heaps
	waiting flows            // with jobs
	resting flows            // without, but ahead of the clock, which must be remembered if they come back
}

// A flow is what a lane knows of one client.
type flow struct {
	client string
	jobs   line
	load   load // of jobs
	tag    time.Duration
	turn   uint64 // orders flows with the same tag
	index  int    // in its heap
}

func newLane() lane {
	return lane{all: line{by: byLane}, flows: map[string]*flow{}}
}

// add puts t at the end of its client's line.
func (l *lane) add(t *Ticket) {
	l.all.add(t)
	l.load.add(t.load)
	f := l.flows[t.Client]
	first := f == nil || f.jobs.count == 0
	if first {
		f = l.take(t.Client)
	}
	t.flow = f
	f.jobs.add(t)
	f.load.add(t.load)
	if first {
		l.put(f)
	}
}

// remove takes t out of its client's line.
func (l *lane) remove(t *Ticket) {
	l.all.remove(t)
	l.load.remove(t.load)
	f := t.flow
	t.flow = nil
	f.jobs.remove(t)
	f.load.remove(t.load)
	if f.jobs.count == 0 {
		heap.Remove(&l.waiting, f.index)
		l.put(f)
	}
}

// serve accounts for a job of client that starts.
func (l *lane) serve(client string, cost time.Duration) {
	f := l.take(client)
	l.clock = max(l.clock, f.tag)
	// One client more than there are: so one that is served alone is still a little ahead of the next to come. And
	// the clock moves with every job: if it stood still while there are ever new clients, old ones would starve.
	l.clock += cost / time.Duration(len(l.waiting)+2)
	f.tag += cost
	l.put(f)
	for len(l.resting) > 0 && l.resting[0].tag <= l.clock {
		delete(l.flows, l.resting[0].client)
		heap.Pop(&l.resting)
	}
}

// forget drops what is remembered of clients without jobs.
func (l *lane) forget() {
	for _, f := range l.resting {
		delete(l.flows, f.client)
	}
	clear(l.resting)
	l.resting = l.resting[:0]
}

// take returns the flow of client, in no heap, for put.
func (l *lane) take(client string) *flow {
	f := l.flows[client]
	switch {
	case f == nil:
		return &flow{client: client, tag: l.clock}
	case f.jobs.count > 0:
		heap.Remove(&l.waiting, f.index)
	default:
		heap.Remove(&l.resting, f.index)
	}
	return f
}

func (l *lane) put(f *flow) {
	l.turns++
	f.turn = l.turns
	l.flows[f.client] = f
	switch {
	case f.jobs.count > 0:
		heap.Push(&l.waiting, f)
	case f.tag > l.clock:
		heap.Push(&l.resting, f)
	default:
		delete(l.flows, f.client)
	}
}

// ahead returns the load that is served before a newcomer of client with the load own: all that waits, or less if
// the client has so little waiting that the others' turns do not all come before its own.
func (l *lane) ahead(client string, own load) load {
	clients := len(l.waiting)
	if f := l.flows[client]; f != nil && f.jobs.count > 0 {
		own.add(f.load)
	} else {
		clients++
	}
	return load{slot: turns(own.slot, clients, l.load.slot), memory: turns(own.memory, clients, l.load.memory)}
}

// turns returns n times d, but at most all; the product may be out of range.
func turns(d time.Duration, n int, all time.Duration) time.Duration {
	if float64(d)*float64(n) >= float64(all) {
		return all
	}
	return d * time.Duration(n)
}

func (f *flow) before(g *flow) bool {
	if f.tag != g.tag {
		return f.tag < g.tag
	}
	return f.turn < g.turn
}

// flows is a heap, for container/heap.
type flows []*flow

func (h flows) Len() int           { return len(h) }
func (h flows) Less(i, j int) bool { return h[i].before(h[j]) }

func (h flows) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *flows) Push(f any) {
	f.(*flow).index = len(*h)
	*h = append(*h, f.(*flow))
}

func (h *flows) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return f
}
