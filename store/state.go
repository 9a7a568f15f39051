package store

import "errors"

// State is what can be told of a store at any time, at no cost.
type State struct {
	Damaged uint64 // blobs that were found damaged since the store was opened
	Full    bool   // uploads are refused for lack of room
}

// State returns the present state.
func (s *Store) State() State {
	return State{Damaged: s.damages.total.Load(), Full: errors.Is(s.room.take(0), ErrFull)}
}
