package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// How news are heard.
const (
	newsChannel = "calotype_news"
	newsPage    = 1000
	newsPause   = 3 * time.Second // it is looked for news even if no word of them has come
	newsKept    = "1 day"
	newsSweep   = time.Hour
)

const (
	// Whoever tells something holds newsLock until that is committed, so that nothing with a lower number is committed later.
	newsLockSQL = `select pg_advisory_xact_lock($1::int4, $2::int4)`
	tellSQL     = `insert into news (seq, removed, message) select max(seq) + 1, $1, $2 from news returning seq`
	wakeSQL     = `select pg_notify('` + newsChannel + `', '')`

	// Of merged records those are told that the first statement has changed, as the number of the transaction in the row shows.
	mergeRemovedSQL = `update original set removed = gone.removed, name = '', folded = '', blurhash = '' from unnest($1::bytea[], $2::bigint[]) as gone (id, removed)
		where original.id = gone.id and original.removed is null`
	tellMergedSQL = `insert into news (seq, removed) select (select max(seq) from news) + row_number() over (order by id), id
		from original where id = any($1::bytea[]) and xmin::text = (txid_current() % (1::bigint << 32))::text`

	hearSQL   = `select seq, (extract(epoch from told) * 1000000)::bigint, removed, message, extract(epoch from clock_timestamp() - told)::float8 from news where seq >= $1 order by seq limit $2`
	newestSQL = `select seq, (extract(epoch from told) * 1000000)::bigint from news order by seq desc limit 1`
	// What is the newest for a whole day stays, so that nobody misses anything who is away for less.
	sweepSQL = `delete from news where seq < (select max(seq) from news where told < now() - interval '` + newsKept + `')`
)

// news are what the processes that have a PostgreSQL index open tell each other.
type news struct {
	config *pgx.ConnConfig
	file   string // keeps last over restarts
	last   place
	swept  time.Time

	mutex     sync.Mutex
	following bool
	own       map[int64]bool // numbers of what this process has told, knows to be committed, and has not heard yet
}

// A place is that of one piece of news, and of no other even if the database is restored from a backup and other news are told.
type place struct {
	seq  int64
	told int64 // microseconds since 1970 by the clock of PostgreSQL; 0 for no place
}

// newNews returns news of which those at the place in the file were heard last. Without such a file all was missed.
func newNews(config *pgx.ConnConfig, file string) *news {
	n := &news{config: config, file: file, own: map[int64]bool{}}
	if text, err := os.ReadFile(file); err == nil {
		if _, err := fmt.Sscan(string(text), &n.last.seq, &n.last.told); err != nil {
			n.last = place{}
		}
	}
	return n
}

// tell tells a removal or a message as part of a transaction, as its last statements: others who tell wait for its end.
func (n *news) tell(ctx context.Context, tx *sql.Tx, removed, message []byte) (seq int64, err error) {
	if _, err := tx.ExecContext(ctx, newsLockSQL, lockFamily, newsLock); err != nil {
		return 0, err
	}
	if err := tx.QueryRowContext(ctx, tellSQL, removed, message).Scan(&seq); err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, wakeSQL)
	return seq, err
}

// committed notes that what this process has told needs not be told to it. What it does not know to be committed it must hear.
func (n *news) committed(seq int64) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.following && seq > 0 {
		n.own[seq] = true
	}
}

// follow calls hear with all news until ctx ends.
func (n *news) follow(ctx context.Context, hear func(News)) {
	n.mutex.Lock()
	n.following = true
	n.mutex.Unlock()
	pause := firstRepeat
	for ctx.Err() == nil {
		began := time.Now()
		n.listen(ctx, hear) // until the connection is lost
		if time.Since(began) > lastRepeat {
			pause = firstRepeat
		}
		_ = sleep(ctx, pause) // its end is looked at above
		pause = min(2*pause, lastRepeat)
	}
}

// listen calls hear with all news until the connection is lost or ctx ends.
func (n *news) listen(ctx context.Context, hear func(News)) error {
	conn, err := pgx.ConnectConfig(ctx, n.config)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), pulse)
		defer cancel()
		conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, "listen "+newsChannel); err != nil {
		return err
	}
	for {
		// First, since what was told before the connection was made is heard by nobody else.
		if err := n.catchUp(ctx, conn, hear); err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(ctx, newsPause)
		_, err := conn.WaitForNotification(waiting)
		cancel()
		if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) || conn.IsClosed()) {
			return err
		}
	}
}

// catchUp calls hear with all that was told since the last time.
func (n *news) catchUp(ctx context.Context, conn *pgx.Conn, hear func(News)) error {
	for {
		within, cancel := context.WithTimeout(ctx, answerTime)
		page, missed, err := n.page(within, conn)
		cancel()
		if err != nil {
			return err
		}
		for _, heard := range page {
			if !n.isOwn(heard.seq) {
				hear(heard.News)
			}
			n.last = heard.place
		}
		if missed || len(page) > 0 {
			n.keep()
		}
		if missed {
			hear(News{Missed: true})
		}
		if len(page) < newsPage-1 {
			return nil
		}
	}
}

// heard is a piece of news and its place.
type heard struct {
	News
	place
}

// page returns what follows the last place. If that is not there any more, or never was, all between is missed and the newest place is
// the last.
func (n *news) page(ctx context.Context, conn *pgx.Conn) (list []heard, missed bool, err error) {
	if time.Since(n.swept) > newsSweep {
		if _, err := conn.Exec(ctx, sweepSQL); err != nil {
			return nil, false, err
		}
		n.swept = time.Now()
	}
	rows, err := conn.Query(ctx, hearSQL, n.last.seq, newsPage)
	if err != nil {
		return nil, false, err
	}
	list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (h heard, err error) {
		var removed []byte
		var age float64
		err = row.Scan(&h.seq, &h.told, &removed, &h.Message, &age)
		copy(h.Removed[:], removed)
		h.Age = time.Duration(age * float64(time.Second))
		return h, err
	})
	if err != nil {
		return nil, false, err
	}
	if len(list) > 0 && list[0].place == n.last {
		return list[1:], false, nil
	}
	err = conn.QueryRow(ctx, newestSQL).Scan(&n.last.seq, &n.last.told)
	return nil, true, err
}

// isOwn tells whether this process has told what has a number, and forgets that.
func (n *news) isOwn(seq int64) bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	own := n.own[seq]
	delete(n.own, seq)
	return own
}

// keep writes the last place to the file. If it cannot, more is heard again after a restart than need be.
func (n *news) keep() {
	next := n.file + ".next"
	if os.WriteFile(next, fmt.Appendf(nil, "%d %d\n", n.last.seq, n.last.told), 0o600) == nil {
		os.Rename(next, n.file)
	}
}
