//go:build servers

package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"calotype/store/storetest/servers"
)

// PostgreSQL answers what a listing asks by walking as far as its limit, whether it plans for the values that it is given or for any.
func TestListingWalksAnIndexOfPostgres(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	p, err := openPostgres(t.Context(), server.URL, t.TempDir()+"/news")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	fillPostgres(t, server.URL, `insert into original (`+columns+`)
		select decode(lpad(to_hex(n), 32, '0'), 'hex'), sha256(n::text::bytea), 7, (array['png', 'jpeg', 'webp'])[n % 3 + 1], 1, 1, 1, 1, 8, false, '', 0, '', ''
		from generate_series(1, 30000) n`, "analyze")
	var before ID
	before[14] = 60
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		for _, q := range []Query{
			{Limit: 30},
			{Limit: 30, Before: before},
			{Limit: 1000},
			{Limit: 30, Formats: []string{"png"}},
			{Limit: 30, Formats: []string{"gif", "jpeg", "png", "webp"}, Before: before},
			{Limit: 30, Since: time.Unix(1, 0), Until: time.Unix(2, 0)},
		} {
			query, arguments := listing(q, ID{}, p.sql.limited)
			plan := p.explain(t, mode, query, arguments)
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort") && !strings.Contains(plan, "Merge Append") {
				t.Errorf("%s, %+v:\n%s", mode, q, plan)
			}
		}
		d := Digest{}
		rand.Read(d[:])
		for query, argument := range map[string][]byte{getSQL: before[:], sharedSQL: d[:]} {
			if plan := p.explain(t, mode, query, []any{argument}); strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s, %s:\n%s", mode, query, plan)
			}
		}
	}
}

// A search reads names in an index where it does not go through most of the table, and does so however rare what is searched for seems to be.
func TestASearchWalksAnIndexOfPostgres(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	p, err := openPostgres(t.Context(), server.URL, t.TempDir()+"/news")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	fillPostgres(t, server.URL, `insert into original (`+written+`)
		select decode(lpad(to_hex(n), 32, '0'), 'hex'), sha256(n::text::bytea), 7, 'png', 1, 1, 1, 1, 8, false, '', 0, '', '', 'name ' || n || '.png'
		from generate_series(1, 250000) n`, "vacuum analyze")
	end := ID{13: 240_000 >> 16, 14: 240_000 >> 8 & 0xff, 15: 240_000 & 0xff}
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		for _, q := range []Query{{Name: "name", Limit: 60}, {Name: "needle", Limit: 60}, {Name: "9.png", Limit: 60, Formats: []string{"gif", "png"}}} {
			query, arguments := listing(q, end, p.sql.limited)
			if plan := p.explain(t, mode, query, arguments); strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index Only Scan") {
				t.Errorf("%s, %+v:\n%s", mode, q, plan)
			}
		}
	}
	f := func(q Query, want, pages int) { t.Helper(); wantFound(t, p, q, want, pages) }
	f(Query{Name: "Name 7.PNG", Limit: 10}, 1, 2)
	f(Query{Name: "nowhere", Limit: 10}, 0, 2)
}

// What a program has added that folded no names, while this one served from the same database, is found once somebody opens it anew.
func TestOldNamesAreFoldedInPostgres(t *testing.T) {
	t.Parallel()
	server := servers.Postgres(t)
	p, err := openPostgres(t.Context(), server.URL, t.TempDir()+"/news")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i := range 2*foldPage + 1 {
		o := testOriginal(t, "png")
		o.Name = fmt.Sprintf("Bild %d.PNG\x00\xff", i)
		addRecord(t, p, o)
	}
	if _, err := p.sql.writer.Exec("update original set folded = null"); err != nil {
		t.Fatal(err)
	}
	again, err := openPostgres(t.Context(), server.URL, t.TempDir()+"/news")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := listIDs(t, p, Query{Name: "bild", Limit: MaxLimit}); len(got) != 2*foldPage+1 {
		t.Errorf("%d are found", len(got))
	}
}

// fillPostgres has statements done one after the other, on a connection without the server's limits, which filling a table on a busy machine may pass.
func fillPostgres(t *testing.T, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// explain returns how a query is answered.
func (p *postgres) explain(t *testing.T, mode, query string, arguments []any) string {
	t.Helper()
	conn, err := p.sql.reader.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var values []string
	for _, a := range arguments {
		switch a := a.(type) {
		case []byte:
			values = append(values, fmt.Sprintf(`'\x%x'`, a))
		case string:
			values = append(values, "'"+a+"'")
		default:
			values = append(values, fmt.Sprint(a))
		}
	}
	for _, statement := range []string{"set plan_cache_mode = " + mode, "prepare listing as " + query} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	defer conn.ExecContext(context.WithoutCancel(t.Context()), "deallocate listing")
	rows, err := conn.QueryContext(t.Context(), "explain execute listing ("+strings.Join(values, ", ")+")")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
