package store

import "errors"

// State is what can be told of a store at any time, at no cost.
type State struct {
	Damaged uint64 // blobs that were found damaged since the store was opened
	Full    bool   // uploads are refused for lack of room

	Resumables     int    // uploads that come in parts, and that wait for more or for a client who asks what became of them
	ResumableBytes int64  // that have come of them
	Expired        uint64 // of those, since the store was opened, without having become complete
}

// State returns the present state.
func (s *Store) State() State {
	state := State{Damaged: s.damages.total.Load(), Full: errors.Is(s.room.take(0), ErrFull)}
	s.resumables.count(&state)
	return state
}
