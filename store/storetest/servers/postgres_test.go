//go:build servers

package servers

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestPostgres(t *testing.T) {
	p := Postgres(t, "max_connections=7")
	psql := find(t, "psql")
	ask := func(database, query string) (string, error) {
		out, err := exec.Command(psql, database, "-Atc", query).CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	f := func(database, query, want string) {
		t.Helper()
		if got, err := ask(database, query); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", query, got, err, want)
		}
	}
	f(p.URL, "show max_connections", "7")
	f(p.URL, "show fsync", "off")
	f(p.URL, "create table prints(id int); insert into prints values (1)", "CREATE TABLE\nINSERT 0 1")
	f(p.NewDatabase(), "select count(*) from pg_tables where tablename = 'prints'", "0")

	p.Restart()
	f(p.URL, "select id from prints", "1")
	p.Kill()
	if got, err := ask(p.URL, "select 1"); err == nil {
		t.Errorf("after its end it answers %q", got)
	}
	p.Start()
	f(p.URL, "select id from prints", "1")

	proxy := NewProxy(t, p.Address)
	behind := p.Through(proxy.Address)
	f(behind, "select id from prints", "1")
	proxy.Set(Fault{Refuse: true})
	if got, err := ask(behind, "select 1"); err == nil || !strings.Contains(got, "refused") {
		t.Errorf("got %q, %v, want a refused connection", got, err)
	}
	proxy.Heal()
	f(behind, "select id from prints", "1")
	const much = "select length(repeat('x', 100000)), repeat('x', 100000)"
	proxy.Set(Fault{ResetAfterReceived: 50_000})
	if got, err := ask(behind, much); err == nil {
		t.Errorf("got %d bytes, want a reset connection", len(got))
	}

	// Both kinds of silence end with their cause.
	for _, c := range []struct {
		name        string
		hush, speak func()
	}{
		{"a paused server", p.Pause, p.Resume},
		{"a paused proxy", func() { proxy.Set(Fault{Pause: true}) }, proxy.Heal},
	} {
		proxy.Heal()
		c.hush()
		answered := make(chan string)
		go func() { got, _ := ask(behind, "select id from prints"); answered <- got }()
		select {
		case got := <-answered:
			t.Errorf("%s: answers %q", c.name, got)
		case <-time.After(300 * time.Millisecond):
			c.speak()
			if got := <-answered; got != "1" {
				t.Errorf("%s: got %q when it went on, want 1", c.name, got)
			}
		}
	}
}
