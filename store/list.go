package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// List implements Index.
func (x *sqlIndex) List(ctx context.Context, q Query) (list []Original, next ID, err error) {
	if err := q.check(); err != nil {
		return nil, ID{}, err
	}
	asked := q
	asked.Limit++ // one more tells whether there is a next page
	var end ID    // of what is searched through, if that is not all
	if q.Name != "" {
		if end, err = x.searchEnd(ctx, q); err != nil {
			return nil, ID{}, err
		}
	}
	query, arguments := listing(asked, end, x.limited)
	rows, err := x.reader.QueryContext(ctx, query, arguments...)
	if err != nil {
		return nil, ID{}, err
	}
	defer rows.Close()
	for rows.Next() {
		o, err := scan(rows)
		if err != nil {
			return nil, ID{}, err
		}
		list = append(list, o)
	}
	if err := rows.Err(); err != nil {
		return nil, ID{}, err
	}
	if len(list) > q.Limit {
		list = list[:q.Limit]
		return list, list[q.Limit-1].ID, nil
	}
	return list, end, nil
}

// searchEnd returns the last id that a search goes through, zero if it goes through all. It is asked for first: records that are added or
// removed meanwhile move it, but none between it and the beginning is passed over.
func (x *sqlIndex) searchEnd(ctx context.Context, q Query) (end ID, err error) {
	within, arguments := q.bounds()
	var id []byte
	query := fmt.Sprintf("%s%s order by id desc limit 1 offset %d", findSQL, within, MaxSearched-1)
	err = x.reader.QueryRowContext(ctx, query, arguments...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return ID{}, nil
	}
	copy(end[:], id)
	return end, err
}

// bounds returns the tenant and the times of q as arguments of listSQL or findSQL, and what follows these.
func (q Query) bounds() (within string, arguments []any) {
	before := q.Before[:]
	if q.Before == (ID{}) {
		before = bytes.Repeat([]byte{0xff}, len(q.Before))
	}
	if end := FirstID(q.Until); !q.Until.IsZero() && bytes.Compare(end[:], before) < 0 {
		before = end[:]
	}
	arguments = []any{q.Tenant, before}
	if !q.Since.IsZero() {
		since := FirstID(q.Since)
		arguments = append(arguments, since[:])
		within = " and id >= $3"
	}
	return within, arguments
}

// listing returns the statement for q and its arguments, that of a search down to the id end.
func listing(q Query, end ID, limited bool) (string, []any) {
	within, arguments := q.bounds()
	formats := slices.Compact(slices.Sorted(slices.Values(q.Formats)))
	parameter := func(value any) string {
		arguments = append(arguments, value)
		return fmt.Sprintf("$%d", len(arguments))
	}
	if q.Name != "" {
		return searching(q, within, end, formats, parameter), arguments
	}
	return walking(q, within, formats, limited, parameter), arguments
}

// walking lists without a name. Several formats are a union of one walk per format, because
// the databases merge those in order as far as the limit, where they would sort all that `format in (…)` finds. PostgreSQL does so
// only if each walk is ordered and has the limit, too, which SQLite does not allow.
func walking(q Query, within string, formats []string, limited bool, parameter func(any) string) string {
	walks := []string{listSQL + within}
	if len(formats) > 0 {
		walks = walks[:0]
		for _, format := range formats {
			walks = append(walks, fmt.Sprintf("%s%s and format = %s", listSQL, within, parameter(format)))
		}
	}
	last := " order by id desc limit " + parameter(q.Limit)
	if limited && len(walks) > 1 {
		for i, w := range walks {
			walks[i] = "(" + w + last + ")"
		}
	}
	return strings.Join(walks, " union all ") + last
}

// searching lists by a name: ids are found in an index that has all that is asked of a record, and then the records.
func searching(q Query, within string, end ID, formats []string, parameter func(any) string) string {
	find := findSQL + within
	if end != (ID{}) {
		find += " and id >= " + parameter(end[:])
	}
	find += " and folded like " + parameter(containing(folded(q.Name))) + ` escape '\'`
	if len(formats) > 0 {
		var list []string
		for _, format := range formats {
			list = append(list, parameter(format))
		}
		find += " and format in (" + strings.Join(list, ", ") + ")"
	}
	find += " order by id desc limit " + parameter(q.Limit)
	return "select " + columns + " from original where id in (" + find + ") order by id desc"
}
