//go:build cdn || servers || remote

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// These tests put the real nginx, Varnish and HAProxy, with the files of deploy/ as they are but for addresses and folders, between a
// client and the program, all on loopback addresses and in temporary folders.

// freePort returns a loopback port that nothing listens on now, and that is not returned twice.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 20000 + rand.IntN(12000) // below those that the system gives to clients
		if _, taken := takenPorts.LoadOrStore(port, true); taken {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port was found")
	return 0
}

var takenPorts sync.Map

// A daemon is a process that a test has started and ends.
type daemon struct {
	command *exec.Cmd
	log     *os.File
	ended   chan struct{}
}

// begin starts a process, whose output goes to a file in folder.
func begin(t testing.TB, folder, program string, arguments ...string) *daemon {
	t.Helper()
	log, err := os.CreateTemp(folder, filepath.Base(program)+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{command: exec.Command(program, arguments...), log: log, ended: make(chan struct{})}
	d.command.Dir, d.command.Stdout, d.command.Stderr = folder, log, log
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		d.command.Wait()
		close(d.ended)
	}()
	t.Cleanup(func() { d.end(syscall.SIGTERM) })
	return d
}

// end sends a signal and waits until the process is gone.
func (d *daemon) end(signal syscall.Signal) {
	d.command.Process.Signal(signal)
	select {
	case <-d.ended:
	case <-time.After(20 * time.Second):
		d.command.Process.Kill()
		<-d.ended
	}
	d.log.Close()
}

// output is what the process has written.
func (d *daemon) output() string {
	text, _ := os.ReadFile(d.log.Name())
	return string(text)
}

// answers waits until a port takes connections.
func (d *daemon) answers(t testing.TB, port int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			return
		}
		select {
		case <-d.ended:
			t.Fatalf("%s does not start:\n%s", d.command.Path, d.output())
		default:
		}
	}
	t.Fatalf("%s does not listen:\n%s", d.command.Path, d.output())
}

// An origin is the program on ports that stay the same when it is started anew.
type origin struct {
	*daemon
	t           testing.TB
	port, admin int
	arguments   []string
}

// newOrigin starts the program with a data folder of the test's own, unless the arguments name one.
func newOrigin(t testing.TB, arguments ...string) *origin {
	t.Helper()
	o := &origin{t: t, port: freePort(t), admin: freePort(t), arguments: arguments}
	o.start()
	return o
}

// start runs the program with the arguments of newOrigin, or with others.
func (o *origin) start(arguments ...string) {
	o.t.Helper()
	if len(arguments) == 0 {
		arguments = o.arguments
	}
	all := []string{"serve", "--listen", fmt.Sprintf("127.0.0.1:%d", o.port), "--admin-listen", fmt.Sprintf("127.0.0.1:%d", o.admin)}
	if !slices.Contains(arguments, "--open=false") && !slices.Contains(arguments, "--token") {
		all = append(all, "--open") // what comes through a cache is not from this machine
	}
	if !slices.Contains(arguments, "--data") {
		all = append(all, "--data", filepath.Join(o.t.TempDir(), "data"))
	}
	o.daemon = begin(o.t, o.t.TempDir(), binary(o.t), append(all, arguments...)...)
	o.answers(o.t, o.port)
	o.answers(o.t, o.admin)
}

func (o *origin) address() string { return fmt.Sprintf("http://127.0.0.1:%d", o.port) }

// numbers are the metrics, by name and labels as they are written.
func (o *origin) numbers() map[string]float64 {
	o.t.Helper()
	a := get(o.t, fmt.Sprintf("http://127.0.0.1:%d", o.admin), "/metrics")
	all := map[string]float64{}
	for line := range strings.Lines(string(a.body)) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			all[series] = number
		}
	}
	return all
}

// prints is how many prints were made or tried.
func (o *origin) prints() (n int) {
	o.t.Helper()
	for series, value := range o.numbers() {
		if strings.HasPrefix(series, `calotype_jobs_total{job="print"`) {
			n += int(value)
		}
	}
	return n
}

// asked is how often prints were asked for: from memory, to be made, or together with others.
func (o *origin) asked() int {
	o.t.Helper()
	n := o.numbers()
	return int(n["calotype_cache_hits_total"] + n["calotype_cache_misses_total"] + n["calotype_cache_joined_total"])
}

// upload stores an image and returns its id.
func (o *origin) upload(mediaType string, image []byte) string {
	o.t.Helper()
	response, err := http.Post(o.address()+"/upload-image", mediaType, bytes.NewReader(image))
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	var uploaded struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&uploaded); err != nil || uploaded.ID == "" {
		o.t.Fatalf("the upload is answered %d, without an id: %v", response.StatusCode, err)
	}
	return uploaded.ID
}

// landscape uploads the photo of the samples.
func (o *origin) landscape() string {
	o.t.Helper()
	photo, err := os.ReadFile(sample(o.t, "landscape.jpg"))
	if err != nil {
		o.t.Fatal(err)
	}
	return o.upload("image/jpeg", photo)
}

// A proxy is something between client and program.
type proxy struct {
	*daemon
	name    string
	address string
}

// program finds what a test needs. Where it is missing, the test says so and is skipped.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err != nil {
		t.Skipf("NOTICE: %s is not installed; make test-cdn installs it", name)
	}
	return path
}

// deployed writes a file of deploy/ to folder, with some texts replaced, each of which must be there.
func deployed(t testing.TB, folder, name string, replaced map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range slices.Sorted(maps.Keys(replaced)) {
		if !bytes.Contains(text, []byte(old)) {
			t.Fatalf("deploy/%s has no %q", name, old)
		}
		text = bytes.ReplaceAll(text, []byte(old), []byte(replaced[old]))
	}
	path := filepath.Join(folder, filepath.Base(name))
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// nginx starts nginx in front of a port. Further replacements in its file may be given in pairs.
func nginx(t testing.TB, port int, replacements ...string) *proxy {
	t.Helper()
	replaced := map[string]string{
		"127.0.0.1:8080":            fmt.Sprintf("127.0.0.1:%d", port),
		"127.0.0.1:8082":            fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		"/var/cache/nginx/calotype": filepath.Join(t.TempDir(), "cache"),
	}
	for i := 0; i < len(replacements); i += 2 {
		replaced[replacements[i]] = replacements[i+1]
	}
	return nginxWith(t, "calotype.conf", replaced)
}

// nginxWith starts nginx with a file of deploy/nginx, in which texts are replaced.
func nginxWith(t testing.TB, name string, replaced map[string]string) *proxy {
	t.Helper()
	folder, listen := t.TempDir(), freePort(t)
	replaced["listen 8081"] = fmt.Sprintf("listen 127.0.0.1:%d", listen)
	return nginxIn(t, folder, deployed(t, folder, "nginx/"+name, replaced), listen)
}

// nginxIn starts nginx in a folder with a file of its own that listens on a port.
func nginxIn(t testing.TB, folder, site string, listen int) *proxy {
	t.Helper()
	path := program(t, "nginx")
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // the folder is nobody else's
	}
	// What Debian has in /etc/nginx/nginx.conf, as far as it is needed.
	whole := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(whole, fmt.Appendf(nil, `%s
daemon off;
pid %[2]s/nginx.pid;
error_log %[2]s/error.log info;
worker_processes 2;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path %[2]s/body;
  proxy_temp_path %[2]s/proxy;
  fastcgi_temp_path %[2]s/fastcgi;
  uwsgi_temp_path %[2]s/uwsgi;
  scgi_temp_path %[2]s/scgi;
  include %[3]s;
}
`, user, folder, site), 0o644); err != nil {
		t.Fatal(err)
	}
	d := begin(t, folder, path, "-p", folder, "-e", filepath.Join(folder, "error.log"), "-c", whole)
	d.answers(t, listen)
	return &proxy{daemon: d, name: "nginx", address: fmt.Sprintf("http://127.0.0.1:%d", listen)}
}

// complaints are the lines of nginx's error log of the given level or worse.
func (p *proxy) complaints() (lines []string) {
	text, _ := os.ReadFile(filepath.Join(p.command.Dir, "error.log"))
	for line := range strings.Lines(string(text)) {
		for _, level := range []string{"[info] ", "[notice] ", "[debug] "} {
			if strings.Contains(line, level) {
				line = ""
			}
		}
		if line != "" {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// varnish starts Varnish in front of a port.
func varnish(t testing.TB, port int, replacements ...string) *proxy {
	t.Helper()
	program(t, "varnishd")
	if found, _ := filepath.Glob("/usr/lib/*/varnish/vmods/libvmod_xkey.so"); len(found) == 0 {
		t.Skip("NOTICE: the vmods xkey and accept are not installed: Debian has them in varnish-modules")
	}
	folder, listen := t.TempDir(), freePort(t)
	replaced := map[string]string{`.port = "8080"`: fmt.Sprintf(`.port = "%d"`, port)}
	for i := 0; i < len(replacements); i += 2 {
		replaced[replacements[i]] = replacements[i+1]
	}
	return varnishIn(t, folder, deployed(t, folder, "varnish/calotype.vcl", replaced), listen)
}

// varnishIn starts Varnish in a folder with a file of its own.
func varnishIn(t testing.TB, folder, vcl string, listen int) *proxy {
	t.Helper()
	path := program(t, "varnishd")
	d := begin(t, folder, path, "-F", "-n", folder, "-j", "none", "-T", "none", "-a", fmt.Sprintf("127.0.0.1:%d", listen), "-f", vcl, "-s", "malloc,128m")
	d.answers(t, listen)
	return &proxy{daemon: d, name: "Varnish", address: fmt.Sprintf("http://127.0.0.1:%d", listen)}
}

// counters are Varnish's.
func (p *proxy) counters(t testing.TB) map[string]int {
	t.Helper()
	out, err := exec.Command(program(t, "varnishstat"), "-n", p.command.Dir, "-1").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 1 {
			all[fields[0]], _ = strconv.Atoi(fields[1])
		}
	}
	return all
}

// An edge is an origin with nginx and Varnish in front of it, side by side.
type edge struct {
	*origin
	nginx, varnish *proxy
}

func newEdge(t testing.TB, arguments ...string) *edge {
	t.Helper()
	o := newOrigin(t, arguments...)
	return &edge{origin: o, nginx: nginx(t, o.port), varnish: varnish(t, o.port)}
}

func (e *edge) proxies() []*proxy { return []*proxy{e.nginx, e.varnish} }

// A received is what a client got.
type received struct {
	status int
	header http.Header
	body   []byte
}

// cache says what the proxy did: HIT, MISS, STALE and the like.
func (r received) cache() string { return r.header.Get("X-Cache") }

// plainClient is a client that adds nothing to what it is told to send, and follows no redirects.
var plainClient = &http.Client{
	Transport:     &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 200},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       time.Minute,
}

// sendTarget sends a request with the target as it is written. Headers are pairs.
func sendTarget(method, address, target string, headers ...string) (received, error) {
	request, err := http.NewRequest(method, address, nil)
	if err != nil {
		return received{}, err
	}
	request.URL = &url.URL{Scheme: "http", Host: request.URL.Host, Opaque: target}
	if strings.HasPrefix(target, "//") {
		request.URL.Opaque = "//" + request.URL.Host + target
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := plainClient.Do(request)
	if err != nil {
		return received{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return received{response.StatusCode, response.Header, body}, err
}

// askTarget is send that must be answered.
func askTarget(t testing.TB, method, address, target string, headers ...string) received {
	t.Helper()
	r, err := sendTarget(method, address, target, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return r
}

func get(t testing.TB, address, target string, headers ...string) received {
	t.Helper()
	return askTarget(t, http.MethodGet, address, target, headers...)
}

// must checks the status of a received, and what the proxy did, if that is given.
func (r received) must(t testing.TB, status int, cache string) received {
	t.Helper()
	if r.status != status || cache != "" && r.cache() != cache {
		t.Fatalf("got %d %s, want %d %s: %.200q", r.status, r.cache(), status, cache, r.body)
	}
	return r
}

// together runs n of f at once.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}

// until repeats f until it says yes, for at most the given time, and tells how long it took.
func until(limit time.Duration, f func() bool) (time.Duration, bool) {
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if f() {
			return time.Since(start), true
		}
		if time.Since(start) > limit {
			return time.Since(start), false
		}
	}
}
