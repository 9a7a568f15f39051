package admission

import "time"

// A share is what expensive jobs of one client, or of one original, hold. The methods of a nil share do nothing: it
// is that of an empty key, which is never held to one.
type share struct {
	key     string
	jobs    int           // that run or wait; the share is forgotten with the last
	running int           // slots held
	waiting time.Duration // predicted cost of those that wait
}

type shares map[string]*share

// hold returns the share of a key, for one more job, which must be dropped. It returns nil for an empty key.
func (s shares) hold(key string) *share {
	if key == "" {
		return nil
	}
	h := s[key]
	if h == nil {
		h = &share{key: key}
		s[key] = h
	}
	h.jobs++
	return h
}

func (s shares) drop(h *share) {
	if h == nil {
		return
	}
	if h.jobs--; h.jobs == 0 {
		delete(s, h.key)
	}
}

func (h *share) run(slots int) {
	if h != nil {
		h.running += slots
	}
}

func (h *share) wait(cost time.Duration) {
	if h != nil {
		h.waiting += cost
	}
}

// full tells whether all slots of the share are held.
func (h *share) full(slots int) bool { return h != nil && h.running >= slots }

// backlog returns the predicted cost of those that wait.
func (h *share) backlog() time.Duration {
	if h == nil {
		return 0
	}
	return h.waiting
}
