package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// folded returns a name as it is searched in, and what is searched for: UTF-8 in which letters are of one case, in the form of Unicode that
// composes them. What is no UTF-8, and the NUL that PostgreSQL does not take, are U+FFFD. It has at most five times the bytes.
func folded(name string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), "\x00", "\uFFFD")
	return norm.NFC.String(cases.Fold().String(name))
}

// containing returns the pattern for `like … escape '\'` of what has a text in it.
func containing(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%"
}

// foldPage is how many names are folded in one transaction.
const foldPage = 200

// foldNames folds the names of records of programs that did not, some at a time: it can be ended at any time, and goes on from there.
func foldNames(ctx context.Context, db *sql.DB) error {
	for {
		n, err := foldSome(ctx, db)
		if err != nil {
			return fmt.Errorf("fold names: %w", err)
		}
		if n < foldPage {
			return nil
		}
	}
}

func foldSome(ctx context.Context, db *sql.DB) (n int, err error) {
	rows, err := db.QueryContext(ctx, fmt.Sprintf("select id, name from original where folded is null and removed is null order by id limit %d", foldPage))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var of, ids strings.Builder
	var arguments []any
	for ; rows.Next(); n++ {
		var id, name []byte
		if err := rows.Scan(&id, &name); err != nil {
			return 0, err
		}
		fmt.Fprintf(&of, " when $%d then $%d", len(arguments)+1, len(arguments)+2)
		fmt.Fprintf(&ids, ", $%d", len(arguments)+1)
		arguments = append(arguments, id, folded(string(name)))
	}
	if err := rows.Err(); err != nil || n == 0 {
		return 0, err
	}
	rows.Close()
	_, err = db.ExecContext(ctx, "update original set folded = case id"+of.String()+" end where id in ("+ids.String()[2:]+") and removed is null", arguments...)
	return n, err
}
