package store

import (
	"context"
	"io/fs"
)

// maxBatch is the most records that one transaction adds.
const maxBatch = 256

// A recorder adds records, all that wait at a time in one transaction: what a disk can sync in a second bounds the transactions, not the
// records. Nobody waits for others to come; those who come during a transaction share the next.
type recorder struct {
	incoming chan addition
	ended    chan struct{}
	most     int // records of a transaction

	// write adds records durably, and tells for each of them whether it was added: not if its id was recorded before, or its tenant has all it may. After an
	// error each of them may be there or not.
	write func(batch []entry) (added []bool, err error)
}

// An entry is a record that is to be added, unless its tenant has more than most with it.
type entry struct {
	Original
	most Usage
}

// An addition is a record that somebody waits for.
type addition struct {
	entry
	outcome chan<- error
}

// startRecorder returns a recorder that calls write from one goroutine of its own.
func startRecorder(write func(batch []entry) (added []bool, err error)) *recorder {
	r := &recorder{incoming: make(chan addition), ended: make(chan struct{}), most: maxBatch, write: write}
	go r.run()
	return r
}

// add records e and returns when the record is durable. One that is not added is fs.ErrExist. While it waits for
// its turn it is given up when ctx ends; once it is part of a transaction it is not, so that the record is there if and only if there is no
// error, as far as the database knows that.
func (r *recorder) add(ctx context.Context, e entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	outcome := make(chan error, 1)
	select {
	case r.incoming <- addition{e, outcome}:
		return <-outcome
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *recorder) run() {
	defer close(r.ended)
	for first := range r.incoming {
		batch := r.collect(first)
		entries := make([]entry, len(batch))
		for i, a := range batch {
			entries[i] = a.entry
		}
		added, err := r.write(entries)
		for i, a := range batch {
			switch {
			case err != nil:
				a.outcome <- err
			case !added[i]:
				a.outcome <- fs.ErrExist
			default:
				a.outcome <- nil
			}
		}
	}
}

// collect returns the first addition and those that wait behind it.
func (r *recorder) collect(first addition) []addition {
	batch := []addition{first}
	for len(batch) < r.most {
		select {
		case a, open := <-r.incoming:
			if !open {
				return batch
			}
			batch = append(batch, a)
		default:
			return batch
		}
	}
	return batch
}

// close waits until all is written. No add may be running or come later.
func (r *recorder) close() {
	close(r.incoming)
	<-r.ended
}
