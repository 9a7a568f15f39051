package store

// State is what can be told of a store at any time, at no cost.
type State struct {
	Damaged uint64 // blobs that were found damaged since the store was opened
}

// State returns the present state.
func (s *Store) State() State {
	return State{Damaged: s.damages.total.Load()}
}
