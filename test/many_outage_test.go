//go:build servers

package test

import (
	"bytes"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"calotype/store/storetest/servers"
)

// While PostgreSQL is away, what is in memory is served, nothing else is said to be missing or done, and health says so. Soon after it is
// back all works again, without a restart.
func TestManyMachinesWithoutPostgres(t *testing.T) {
	photo, err := os.ReadFile(sample(t, "landscape.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	server := servers.Postgres(t)
	o := newOrigin(t, "--workers", "1", "--memory", "512MB", "--index", server.URL)
	admin := "http://127.0.0.1:" + strconv.Itoa(o.admin)
	ready := func(status int) func() bool {
		return func() bool { return get(t, admin, "/readyz").status == status }
	}
	id := o.landscape()
	for name, fault := range map[string]struct{ begin, heal func() }{
		"stopped": {server.Stop, server.Start},
		"killed":  {server.Kill, server.Start},
		"frozen":  {server.Pause, server.Resume},
	} {
		if _, well := until(10*time.Second, ready(200)); !well {
			t.Fatalf("%s: it is not ready before", name)
		}
		held := "/download/" + id + "/resize:20.png"
		get(t, o.address(), held).must(t, 200, "")
		fault.begin()
		unavailable := func(what string, got received) {
			t.Helper()
			after, err := strconv.Atoi(got.header.Get("Retry-After"))
			if got.status != http.StatusServiceUnavailable || got.header.Get("Calotype-Error") != "store-unavailable" || err != nil || after < 1 {
				t.Errorf("%s, %s: answered %d %s, to be asked again after %q", name, what, got.status, got.header.Get("Calotype-Error"), got.header.Get("Retry-After"))
			}
		}
		began := time.Now()
		uploaded, err := post(o.address()+"/upload-image", "image/jpeg", append(bytes.Clone(photo), name...))
		if err != nil {
			t.Fatal(err)
		}
		unavailable("an upload", uploaded)
		for range 20 {
			get(t, o.address(), held).must(t, 200, "")
			get(t, o.address(), held, "If-None-Match", "*").must(t, 304, "")
		}
		unavailable("an image that nobody knows", get(t, o.address(), "/download/01990000-0000-7000-8000-000000000000"))
		unavailable("the gallery", get(t, o.address(), "/download", "Accept", "application/json"))
		unavailable("a deletion", askTarget(t, "DELETE", o.address(), "/images/"+id))
		purged, err := post(o.address()+"/purge", "application/json", []byte(`{"ids": ["`+id+`"]}`))
		if err != nil {
			t.Fatal(err)
		}
		unavailable("a purge", purged)
		if _, told := until(10*time.Second, ready(503)); !told { // what was found out last is told for a moment
			t.Errorf("%s: it says that it is ready", name)
		}
		get(t, admin, "/livez").must(t, 200, "")
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s: all that has taken %v", name, took)
		}
		fault.heal()
		took, well := until(5*time.Second, func() bool {
			got, err := post(o.address()+"/upload-image", "image/jpeg", append(bytes.Clone(photo), name+" again"...))
			return err == nil && got.status == http.StatusCreated
		})
		if !well {
			t.Errorf("%s: no upload succeeds within 5 seconds", name)
		}
		t.Logf("%s: uploads succeed %v after PostgreSQL is back", name, took)
		get(t, o.address(), "/download/"+id).must(t, 200, "")
	}
}
