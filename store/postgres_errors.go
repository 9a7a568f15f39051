package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// unavailableStates are the codes of errors by which PostgreSQL says that it cannot now, or their classes
// (https://www.postgresql.org/docs/15/errcodes-appendix.html).
var unavailableStates = []string{
	"08",    // connection exception
	"25006", // read-only transaction: a standby, or one that is becoming one
	"40",    // transaction rollback: deadlock, serialization failure
	"53",    // insufficient resources: too many connections, out of memory
	"55P03", // lock not available
	"57",    // operator intervention: shutting down, starting up, statement timeout
	"58",    // system error: a failing disk
}

// diskFull is the code of the only one among them that is no matter of waiting.
const diskFull = "53100"

// postgresError makes ErrUnavailable of what another machine is the reason for, unless it is that the caller has left.
func postgresError(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var answer *pgconn.PgError
	var refused *pgconn.ConnectError
	var network net.Error
	unavailable := false
	switch {
	case errors.As(err, &refused):
		unavailable = true
	case errors.As(err, &answer):
		unavailable = answer.Code != diskFull && slices.ContainsFunc(unavailableStates, func(state string) bool {
			return answer.Code == state || answer.Code[:min(2, len(answer.Code))] == state
		})
	case errors.As(err, &network), pgconn.Timeout(err), pgconn.SafeToRetry(err):
		unavailable = true
	default:
		unavailable = slices.ContainsFunc(
			[]error{io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone, pgconn.ErrConnClosed},
			func(known error) bool { return errors.Is(err, known) },
		)
	}
	if unavailable {
		return fmt.Errorf("PostgreSQL: %w: %w", ErrUnavailable, err)
	}
	return err
}

// isPostgresFull reports whether err is PostgreSQL's word for a full disk.
func isPostgresFull(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == diskFull
}
