package store

import (
	"strings"
	"testing"
)

// Whatever is wrong with a location, no error holds the password.
func TestLocationsOfPostgres(t *testing.T) {
	for _, good := range []string{
		"postgres://user:secret@127.0.0.1/calotype",
		"postgresql://user:secret@127.0.0.1:5433/calotype?sslmode=disable",
		"postgres://user:secret@one,two:5433/calotype?sslmode=disable",
	} {
		config, err := postgresConfig(good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if config.Password != "secret" || config.ConnectTimeout != connectTime || config.AfterConnect == nil {
			t.Errorf("%s: %+v", good, config)
		}
	}
	for _, bad := range []string{
		"", "secret", "user=u password=secret host=h", "mysql://user:secret@host/calotype", "postgres://user:secret@host:port/calotype",
		"postgres://user:secret/word@host:1:2/calotype", "postgres://user:sec%ret@host/calotype", "postgres://user:secret@host/calotype?sslmode=odd",
		"postgres://user:secret@host/calotype?target_session_attrs=secret", "postgres://user:\x00secret@host/%zz", "postgres://secret@[::1/",
		"postgres://user:secret@host/calotype?sslrootcert=/missing&sslmode=verify-ca",
	} {
		if _, err := postgresConfig(bad); err == nil {
			t.Errorf("%q is taken", bad)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec%ret") {
			t.Errorf("%q: the password is in %v", bad, err)
		}
	}
	if _, err := openPostgres(t.Context(), "postgres://user:secret@127.0.0.1:1/calotype", t.TempDir()+"/news"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody listens there: %v", err)
	}
}
