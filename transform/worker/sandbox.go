package worker

// A Sandbox tells what locks a process in.
type Sandbox struct {
	Locks   []string // that hold
	Missing []string // that this system does not have, each with the reason
}

func (s *Sandbox) tell(lock string, err error) {
	if err != nil {
		s.Missing = append(s.Missing, lock+" ("+err.Error()+")")
		return
	}
	s.Locks = append(s.Locks, lock)
}
