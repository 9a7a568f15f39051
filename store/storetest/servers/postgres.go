package servers

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// A PostgresServer is a PostgreSQL with an empty database.
type PostgresServer struct {
	*Server
	Address string // host:port
	URL     string // of the database, for --index: postgres://…

	databases int
	createdb  func(name string) *exec.Cmd
}

// Postgres starts a PostgreSQL. The settings, as "max_connections=20", are added to those of a server for tests, which does not wait for
// the disk: it survives the end of its processes, and that of the machine only with "fsync=on".
func Postgres(t testing.TB, settings ...string) *PostgresServer {
	t.Helper()
	initdb, postgres, isReady, createdb := find(t, "initdb"), find(t, "postgres"), find(t, "pg_isready"), find(t, "createdb")

	// It runs as somebody else, to whom the folder of t.TempDir is closed.
	folder, err := os.MkdirTemp("", "calotype-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	owner := unprivileged(t)
	if owner != nil {
		if err := os.Chown(folder, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	run := func(program string, arguments ...string) *exec.Cmd {
		command := exec.Command(program, arguments...)
		command.Dir = folder
		command.Env = append(os.Environ(), "HOME="+folder, "LC_ALL=C", "TZ=UTC")
		command.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
		return command
	}
	data := filepath.Join(folder, "data")
	out, err := run(initdb, "--pgdata", data, "--username", "calotype", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}

	host, port, address := freeAddress(t)
	arguments := []string{"-D", data, "-h", host, "-p", port}
	for _, setting := range append([]string{"unix_socket_directories=", "fsync=off"}, settings...) {
		arguments = append(arguments, "-c", setting)
	}
	p := &PostgresServer{
		Address: address,
		createdb: func(name string) *exec.Cmd {
			return run(createdb, "-h", host, "-p", port, "-U", "calotype", name)
		},
	}
	p.Server = start(t, syscall.SIGINT, // which ends its connections too
		func() bool { return run(isReady, "-q", "-h", host, "-p", port).Run() == nil },
		func() *exec.Cmd { return run(postgres, arguments...) })
	p.URL = p.NewDatabase()
	return p
}

// NewDatabase returns the URL of another empty database of the server, which runs.
func (p *PostgresServer) NewDatabase() string {
	p.t.Helper()
	p.databases++
	name := fmt.Sprintf("calotype%d", p.databases)
	if out, err := p.createdb(name).CombinedOutput(); err != nil {
		p.t.Fatalf("createdb: %v\n%s", err, out)
	}
	return (&url.URL{Scheme: "postgres", User: url.User("calotype"), Host: p.Address, Path: name, RawQuery: "sslmode=disable"}).String()
}

// Through returns the URL of the first database as one that is reached at another address, that of a Proxy.
func (p *PostgresServer) Through(address string) string {
	p.t.Helper()
	parsed, err := url.Parse(p.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	parsed.Host = address
	return parsed.String()
}

// unprivileged is whom a server runs as that refuses to run as root: nil, which is the user of the test, unless that is root.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			continue
		}
		if gid, err := strconv.ParseUint(found.Gid, 10, 32); err == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("the test runs as root, which the server refuses, and there is nobody else")
	return nil
}
