package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// How the session is kept.
const (
	roundSize   = 256 // wishes that are granted together
	pulse       = time.Second
	firstRepeat = 50 * time.Millisecond // from a failed attempt to connect to the next; each further one takes twice as long
	lastRepeat  = 500 * time.Millisecond
	// fence is how long a session rests that follows a lost one. What that let go of, another process may be using that does not know
	// of it yet: one that deletes a blob has asked just before whether it may.
	fence = time.Second
)

// A session is the one connection by which this process holds the guard's slots and adds records. PostgreSQL lets go of all that a
// session holds when it ends, so that after a hold that was lost no record can come. Another session takes the place of one that was
// lost; until then whatever is asked is ErrUnavailable, at once.
type session struct {
	config  *pgx.ConnConfig
	fence   time.Duration // how long it rests after a loss
	wishes  chan *wish
	stop    context.CancelFunc
	stopped chan struct{}

	mutex sync.Mutex
	held  [256]holding
}

// A holding is how this process holds a slot.
type holding byte

const (
	heldNot holding = iota
	heldShared
	heldAlone
	heldLost // it is held no more, and whoever thinks so does not know it yet
)

// A wish is what somebody asks of the session.
type wish struct {
	ctx    context.Context
	writes bool             // it is granted together with all others that write, in one transaction
	slots  []byte           // it is refused if one of them was lost
	queue  func(*pgx.Batch) // what is to be done, and what becomes of its results
	adds   []string         // the tenants whose originals it adds or removes
	done   chan error       // is told once; what was written is durable then
}

// openSession connects for the first time.
func openSession(ctx context.Context, config *pgx.ConnConfig, fence time.Duration) (*session, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &session{config: config, fence: fence, wishes: make(chan *wish, roundSize), stopped: make(chan struct{})}
	running, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.run(running, conn)
	return s, nil
}

// close ends the session. Nobody may ask it anything any more.
func (s *session) close() {
	s.stop()
	<-s.stopped
}

// run grants wishes until ctx ends.
func (s *session) run(ctx context.Context, conn *pgx.Conn) {
	defer close(s.stopped)
	for conn != nil {
		s.serve(ctx, conn)
		s.lose()
		closing, cancel := context.WithTimeout(context.Background(), pulse)
		conn.Close(closing)
		cancel()
		conn = s.reconnect(ctx)
	}
}

// serve grants wishes until the session is lost or ctx ends.
func (s *session) serve(ctx context.Context, conn *pgx.Conn) {
	beat := time.NewTicker(pulse)
	defer beat.Stop()
	for {
		var round []*wish
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
		case w := <-s.wishes:
			round = append(round, w)
		}
		for more := true; more && len(round) < roundSize; {
			select {
			case w := <-s.wishes:
				round = append(round, w)
			default:
				more = false
			}
		}
		if err := s.grant(ctx, conn, round); err != nil {
			return
		}
	}
}

// grant does all that is asked in a round, first what does not write. A round without wishes finds out whether the session is still
// there. It returns an error when the session is lost.
func (s *session) grant(ctx context.Context, conn *pgx.Conn, round []*wish) error {
	within, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if len(round) == 0 {
		return conn.Ping(within)
	}
	var asking, writing []*wish
	for _, w := range round {
		switch {
		case w.ctx.Err() != nil:
			w.done <- context.Cause(w.ctx)
		case w.writes:
			writing = append(writing, w)
		default:
			asking = append(asking, w)
		}
	}
	// After an error it is not known what is held, so that this session must end.
	asking = s.stillHeld(asking)
	err := s.send(within, conn, asking)
	tell(asking, err)
	if err != nil {
		tell(writing, err)
		return err
	}
	writing = s.stillHeld(writing)
	err = s.send(within, conn, writing)
	var refused *pgconn.PgError
	if len(writing) > 1 && errors.As(err, &refused) && !conn.IsClosed() {
		for _, w := range writing { // one of them is refused, and not for the others' sake
			tell([]*wish{w}, s.send(within, conn, []*wish{w}))
		}
	} else {
		tell(writing, err)
	}
	if conn.IsClosed() {
		return errors.New("the connection is closed")
	}
	return nil
}

// send has the statements of wishes executed as one transaction, which is durable when it returns.
func (s *session) send(ctx context.Context, conn *pgx.Conn, wishes []*wish) error {
	if len(wishes) == 0 {
		return nil
	}
	var batch pgx.Batch
	// First and in one order, so that no two processes wait for each other.
	for _, tenant := range tenantsOf(wishes) {
		batch.Queue(holdUsageSQL, tenant)
	}
	for _, w := range wishes {
		w.queue(&batch)
	}
	return conn.SendBatch(ctx, &batch).Close()
}

// tenantsOf returns the tenants of wishes that are counted, in their order and each once.
func tenantsOf(wishes []*wish) (tenants []string) {
	for _, w := range wishes {
		tenants = append(tenants, w.adds...)
	}
	slices.Sort(tenants)
	return slices.DeleteFunc(slices.Compact(tenants), func(tenant string) bool { return tenant == "" })
}

func tell(wishes []*wish, err error) {
	for _, w := range wishes {
		w.done <- err
	}
}

// stillHeld returns the wishes whose slots were not lost since they were taken, and refuses the others.
func (s *session) stillHeld(wishes []*wish) (good []*wish) {
	for _, w := range wishes {
		held := true
		for _, slot := range w.slots {
			held = held && !s.lost(slot)
		}
		if held {
			good = append(good, w)
		} else {
			w.done <- fmt.Errorf("PostgreSQL: %w: the session that held the blob was lost", ErrUnavailable)
		}
	}
	return good
}

// lose notes that nothing is held any more.
func (s *session) lose() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for i, h := range s.held {
		if h != heldNot {
			s.held[i] = heldLost
		}
	}
}

// reconnect returns the next session, or nil if ctx ends, and refuses what is asked meanwhile.
func (s *session) reconnect(ctx context.Context) *pgx.Conn {
	next := make(chan *pgx.Conn, 1)
	go func() { next <- s.dial(ctx) }()
	for {
		select {
		case conn := <-next:
			return conn
		case w := <-s.wishes:
			w.done <- fmt.Errorf("PostgreSQL: %w: the session was lost", ErrUnavailable)
		}
	}
}

// dial connects until that succeeds and the fence is over. It returns nil if ctx ends before.
func (s *session) dial(ctx context.Context) *pgx.Conn {
	for pause := firstRepeat; ctx.Err() == nil; pause = min(2*pause, lastRepeat) {
		conn, err := pgx.ConnectConfig(ctx, s.config)
		if err == nil {
			if sleep(ctx, s.fence) == nil {
				return conn
			}
			conn.Close(context.WithoutCancel(ctx))
		}
		_ = sleep(ctx, pause) // its end is looked at above
	}
	return nil
}

// ask has a wish granted. It returns an error if that is not certain.
func (s *session) ask(w *wish) error {
	w.done = make(chan error, 1)
	closed := fmt.Errorf("PostgreSQL: %w: the index is closed", ErrUnavailable)
	select {
	case s.wishes <- w:
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	case <-s.stopped:
		return closed
	}
	select {
	case err := <-w.done:
		return err
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	case <-s.stopped:
		return closed
	}
}

// add adds a record. It may be there even if that fails.
func (s *session) add(ctx context.Context, e entry) error {
	added := false
	note := func(result pgconn.CommandTag) error {
		added = result.RowsAffected() == 1
		return nil
	}
	err := s.ask(&wish{ctx: ctx, writes: true, slots: []byte{e.Digest[0]}, adds: []string{e.Tenant}, queue: func(b *pgx.Batch) {
		if e.most == (Usage{}) {
			b.Queue(addSQL, values(e.Original)...).Exec(note)
		} else {
			b.Queue(addWithinSQL, e.values()...).Exec(note)
		}
	}})
	if err == nil && !added {
		err = fs.ErrExist
	}
	return err
}

// merge adds records as they are, and has the removals told that are new here.
func (s *session) merge(ctx context.Context, records []Record) error {
	var ids [][]byte
	var times []int64
	w := &wish{ctx: ctx, writes: true}
	for _, r := range records {
		w.adds = append(w.adds, r.Tenant)
		if r.Removed.IsZero() {
			w.slots = append(w.slots, r.Digest[0])
		} else {
			ids, times = append(ids, r.ID[:]), append(times, r.Removed.UnixMilli())
		}
	}
	w.queue = func(b *pgx.Batch) {
		if len(ids) > 0 {
			b.Queue(mergeRemovedSQL, ids, times)
			b.Queue(newsLockSQL, lockFamily, newsLock)
			b.Queue(tellMergedSQL, ids)
			b.Queue(wakeSQL)
		}
		for _, r := range records {
			b.Queue(mergeSQL, mergeValues(r)...)
		}
	}
	return s.ask(w)
}

// shared answers as Index.Shared does, if the blob is still held.
func (s *session) shared(ctx context.Context, d Digest) (there bool, err error) {
	err = s.ask(&wish{ctx: ctx, slots: []byte{d[0]}, queue: func(b *pgx.Batch) {
		b.Queue(sharedSQL, d[:]).QueryRow(func(row pgx.Row) error { return row.Scan(&there) })
	}})
	return there, err
}

// check finds out whether the session is there.
func (s *session) check(ctx context.Context) error {
	return s.ask(&wish{ctx: ctx, queue: func(b *pgx.Batch) { b.Queue("select 1") }})
}
