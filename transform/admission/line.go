package admission

// A line is a list of waiting jobs, oldest first. A job stands in two: that of its client and that of its lane.
type line struct {
	first, last *Ticket
	count       int
	by          int // which of a ticket's links it uses
}

const (
	byClient = iota
	byLane
)

type link struct{ previous, next *Ticket }

func (l *line) next(t *Ticket) *Ticket { return t.links[l.by].next }

func (l *line) add(t *Ticket) {
	t.links[l.by] = link{previous: l.last}
	if l.last == nil {
		l.first = t
	} else {
		l.last.links[l.by].next = t
	}
	l.last = t
	l.count++
}

func (l *line) remove(t *Ticket) {
	at := t.links[l.by]
	if at.previous == nil {
		l.first = at.next
	} else {
		at.previous.links[l.by].next = at.next
	}
	if at.next == nil {
		l.last = at.previous
	} else {
		at.next.links[l.by].previous = at.previous
	}
	t.links[l.by] = link{}
	l.count--
}
