package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// photosForAll makes the photos of all tests once: that takes long under the race detector.
var photosForAll = sync.OnceValue(func() []photo { return syntheticPhotos(2, 1000, 750) })

// photoFolder returns a folder with two photos and files that are none.
func photoFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	photos := photosForAll()
	for _, p := range photos {
		write(p.name+".jpg", p.data)
	}
	write("photo.png", photos[0].data)
	write("cut short.jpg", photos[0].data[:4000])
	write("small.JPEG", syntheticPhotos(1, 100, 75)[0].data)
	write("none.jpg", []byte("text"))
	return dir
}

// runBench runs the program and returns its exit status and what it printed.
func runBench(t *testing.T, args ...string) (status int, out, progress string) {
	t.Helper()
	var o, p bytes.Buffer
	status = run(t.Context(), args, &o, &p)
	return status, o.String(), p.String()
}

func TestBenchOfARunningServer(t *testing.T) {
	f := &fake{}
	file := filepath.Join(t.TempDir(), "results.json")
	status, out, progress := runBench(t, "-url", f.start(t), "-photos", photoFolder(t), "-duration", "50ms", "-clients", "4", "-json", file)
	if status != exitOK {
		t.Fatalf("status %d\n%s%s", status, progress, out)
	}
	if !strings.Contains(progress, "2 of the 5 JPEG files") {
		t.Errorf("photos: %s", progress)
	}
	for _, name := range []string{"jpeg 720 wide", "webp 720 wide", "crop 200x200 far corner", "rotate 90, 720 wide", "original", "hits", "hits, floor"} {
		if !strings.Contains(out, "\n| "+name+" ") {
			t.Errorf("the table lacks %q", name)
		}
	}
	t.Log(out)

	asked := 0
	for path, times := range f.asked {
		asked += times
		cold := strings.ContainsAny(path, ":") && strings.HasPrefix(path, "/download/id-") && !hot(path)
		if cold && times > 1 {
			t.Errorf("%s asked for %d times", path, times)
		}
	}
	seen := map[string]bool{}
	for _, upload := range f.uploads {
		if seen[string(upload)] {
			t.Error("the same bytes uploaded twice")
		}
		seen[string(upload)] = true
	}

	var r report
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	counted := hotPrints // which were fetched before they were hammered
	for _, m := range r.Results {
		if m.Requests == 0 || m.P50 <= 0 || m.P50 > m.P99 || m.P99 > m.Max || m.MegabytesPerSecond <= 0 || m.Clients != 4 {
			t.Errorf("%+v", m)
		}
		if m.CPUMilliseconds != nil {
			t.Errorf("%s: CPU time of a process that was not named", m.Scenario)
		}
		if m.Scenario != floorName {
			counted += m.Requests
		}
	}
	if counted != asked {
		t.Errorf("%d requests reported, %d were made", counted, asked)
	}
	if len(r.Results) != 7 || r.HitsToFloor <= 0 || r.Photos != 2 || r.Megapixels != 0.75 || r.PeakMemory != nil {
		t.Errorf("%+v", r)
	}
}

// hot reports whether the path is of the copies uploaded last: those of the hits.
func hot(path string) bool {
	return strings.HasPrefix(path, "/download/id-11/") || strings.HasPrefix(path, "/download/id-12/")
}

func TestBenchStartsAndStopsTheServer(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	file := filepath.Join(t.TempDir(), "results.json")
	status, out, progress := runBench(t, "-server", program, "-photos", photoFolder(t), "-duration", "50ms", "-json", file)
	if status != exitOK {
		t.Fatalf("status %d\n%s%s", status, progress, out)
	}
	if left, err := os.ReadDir(temporary); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	var r report
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Results {
		want := runtime.GOOS == "linux" && m.Scenario != floorName
		if known := m.CPUMilliseconds != nil; known != want {
			t.Errorf("%s: CPU time known: %v, want %v", m.Scenario, known, want)
		}
		want64 := m.Scenario == hits.name || m.Scenario == floorName
		if want := map[bool]int{true: 64, false: 8}[want64]; m.Clients != want {
			t.Errorf("%s: %d clients, want %d", m.Scenario, m.Clients, want)
		}
	}
	if runtime.GOOS == "linux" && (r.PeakMemory == nil || r.PeakMemory.Server < 1<<20) {
		t.Errorf("peak memory: %+v", r.PeakMemory)
	}
}

func TestServerThatDoesNotStart(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	status, _, progress := runBench(t, "-server", program, "-server-args", "--broken", "-photos", photoFolder(t))
	if status != exitFailed || !strings.Contains(progress, "exit status 3") || !strings.Contains(progress, "the fake server will not start") {
		t.Errorf("status %d, %s", status, progress)
	}
}

func TestWrongAnswersFail(t *testing.T) {
	f := func(want string, spoil func(ctx *fasthttp.RequestCtx)) {
		t.Helper()
		spoiled := func(ctx *fasthttp.RequestCtx) {
			if strings.HasSuffix(string(ctx.RequestURI()), ".webp") {
				spoil(ctx)
			}
		}
		status, out, progress := runBench(t, "-url", (&fake{spoil: spoiled}).start(t), "-photos", photoFolder(t), "-duration", "20ms")
		if status != exitFailed || !strings.Contains(out, "webp 720 wide: ") || !strings.Contains(out, want) {
			t.Errorf("want status 1 and %q, got %d\n%s%s", want, status, progress, out)
		}
	}
	f("status 503", func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(fasthttp.StatusServiceUnavailable) })
	f(`content type "image/jpeg", not "image/webp"`, func(ctx *fasthttp.RequestCtx) { ctx.SetContentType("image/jpeg") })
	f("no body", func(ctx *fasthttp.RequestCtx) { ctx.ResetBody() })
}

func TestRefusedUploadFails(t *testing.T) {
	url := (&fake{full: true}).start(t)
	status, _, progress := runBench(t, "-url", url, "-photos", photoFolder(t))
	if status != exitFailed || !strings.Contains(progress, "uploading made 1.jpg: status 507") {
		t.Errorf("status %d, %s", status, progress)
	}
}

func TestNoPhotos(t *testing.T) {
	status, _, progress := runBench(t, "-photos", t.TempDir())
	if status != exitFailed || !strings.Contains(progress, "no whole JPEG file") {
		t.Errorf("status %d, %s", status, progress)
	}
}

func TestServerThatIsGone(t *testing.T) {
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{}
	r := b.measure(t.Context(), address, 0, load{"gone", 2, time.Minute, func(int) (target, bool) { return target{path: "/"}, true }})
	if r.Failures < tooManyFailures || r.Seconds > 10 || len(r.FailureKinds) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestAScenarioWithoutAnAnswerFails(t *testing.T) {
	f := func(want bool, results ...result) {
		t.Helper()
		r := report{Results: results}
		var out bytes.Buffer
		r.print(&out)
		if got := r.failed(); got != want || strings.Contains(out.String(), "NO good answer") != want {
			t.Errorf("failed = %v, want %v\n%s", got, want, out.String())
		}
	}
	f(false, result{Scenario: "good", Requests: 1})
	f(true, result{Scenario: "good", Requests: 1}, result{Scenario: "empty"})
}

func TestComparisonOfIsolation(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	file := filepath.Join(t.TempDir(), "results.json")
	status, out, progress := runBench(t, "-isolation", "-rounds", "3", "-server", program, "-photos", photoFolder(t), "-json", file)
	if status != exitOK || !strings.Contains(out, "3 rounds of 8 prints") || !strings.Contains(out, "| throughput, on / off") {
		t.Fatalf("status %d\n%s%s", status, progress, out)
	}
	if left, err := os.ReadDir(temporary); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	var c comparison
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Rounds) != 3 || c.Prints != 8 || c.Rounds[0].Throughput <= 0 {
		t.Errorf("%+v", c)
	}
	if status, _, progress := runBench(t, "-isolation", "-photos", photoFolder(t)); status != exitFailed || !strings.Contains(progress, "-server") {
		t.Errorf("without a server: status %d, %s", status, progress)
	}
}

func TestRestarts(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	file := filepath.Join(t.TempDir(), "results.json")
	status, out, progress := runBench(t, "-restart", "-rounds", "3", "-server", program, "-photos", photoFolder(t), "-json", file)
	if status != exitOK || !strings.Contains(out, "3 restarts, each after 8 prints") || !strings.Contains(out, "| made / from disk") {
		t.Fatalf("status %d\n%s%s", status, progress, out)
	}
	if left, err := os.ReadDir(temporary); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	var r restarts
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rounds) != 3 || r.Prints != 8 || r.Rounds[0].Made <= 0 || r.Rounds[0].MadeToDisk <= 0 || r.Rounds[0].DiskToMemory <= 0 {
		t.Errorf("%+v", r)
	}
	if status, _, progress := runBench(t, "-restart", "-photos", photoFolder(t)); status != exitFailed || !strings.Contains(progress, "-server") {
		t.Errorf("without a server: status %d, %s", status, progress)
	}
}

// An answer that comes from elsewhere than it should measures nothing.
func TestRestartsWithoutADisk(t *testing.T) {
	s := &side{bench: bench{address: strings.TrimPrefix((&fake{}).start(t), "http://")}, ids: [][]string{{"a"}, {"b"}, {"c"}, {"d"}}}
	if _, err := s.ask(t.Context(), 0, 4, fromDisk); err == nil || !strings.Contains(err.Error(), "Cache-Status") {
		t.Errorf("got %v", err)
	}
}

// Two servers are asked for the same prints in the same order, and for none twice.
func TestMix(t *testing.T) {
	s := side{ids: [][]string{{"a", "b"}, {"c", "d"}, {"e", "f"}, {"g", "h"}}}
	if len(mix) != len(s.ids) {
		t.Fatalf("the mix has %d scenarios", len(mix))
	}
	seen := map[string]bool{}
	for n := 0; ; n++ {
		asked, ok := s.mixed(n)
		if !ok {
			break
		}
		if seen[asked.path] {
			t.Fatalf("%s is asked for twice", asked.path)
		}
		seen[asked.path] = true
	}
	if len(seen) < 480*2*len(mix) {
		t.Errorf("the mix has %d prints", len(seen))
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-clients", "-1"}, {"-duration", "0s"}, {"-rounds", "0"}, {"argument"}, {"-nonsense"}} {
		if status, _, progress := runBench(t, args...); status != exitUsage || progress == "" {
			t.Errorf("%v: status %d, %q", args, status, progress)
		}
	}
}

func TestLoopbackOnly(t *testing.T) {
	for raw, want := range map[string]string{
		"http://127.0.0.1:8080":       "127.0.0.1:8080",
		"http://localhost:8080/":      "localhost:8080",
		"http://[::1]:8080":           "[::1]:8080",
		"http://192.0.2.1:8080":       "",
		"http://example.com:80":       "",
		"http://127.0.0.1":            "",
		"https://127.0.0.1:8080":      "",
		"http://127.0.0.1:8080/path":  "",
		"127.0.0.1:8080":              "",
		"http://127.0.0.1.nip.io:808": "",
	} {
		if got, err := loopback(raw); got != want || (err == nil) != (want != "") {
			t.Errorf("loopback(%q) = %q, %v; want %q", raw, got, err, want)
		}
	}
}
