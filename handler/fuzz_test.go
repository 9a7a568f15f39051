package handler

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/store"
	"calotype/transform"
)

// fuzzedID stands for the id of the only image in targets of the corpus: a real one is another in every run.
const fuzzedID = "01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f"

// targets are addresses to begin with: one of each kind, each example, each spelling, and what is wrong in known ways.
func targets() []string {
	list := []string{
		"/", "//", "*", "", "/upload-image", "/capabilities", "/openapi.json", "/assets/", "/nothing", "http://h/download", "http://h", "://", "h:80",
		"/download", "/download?exts=jpeg|jpg|png|gif", "/download?exts=png&limit=1&before=" + fuzzedID, "/download?id=" + fuzzedID, "/download?id=x", "/download?%", "/download?exts=%00",
		"/download/", "/download/x", "/download/../x", "/download/%2e%2e/x", "/download/%2F", "/download//" + fuzzedID, "/download/" + fuzzedID + "?v=1", "/download/" + strings.ReplaceAll(fuzzedID, "-", ""),
	}
	image, picture := "/download/"+fuzzedID, "/srcset/"+fuzzedID
	for _, rest := range []string{
		"", ".auto", ".auto?widths=8,16&sizes=50vw&alt=a&loading=eager&base=https://h&as=json", "/crop:0,0,9,9/rotate:90.png?placeholder=0&widths=1-9/3", "/trim.jpg", "/dpr:2.jpg",
		".json", "/resize:9,9,pad.webp?", ".jpg?x", "/resize:9999,9999,stretch,up.png", strings.Repeat("/flip:h", 32) + ".png?widths=1",
	} {
		list = append(list, picture+rest)
	}
	for _, f := range transform.Formats {
		list = append(list, image+"."+f.Extension, image+"/format:"+f.Extension+".json", image+"/format:auto."+f.Extension)
	}
	for _, o := range transform.Operations {
		for _, example := range o.Examples {
			list = append(list, image+"/"+example, image+"/"+example+".png", image+"/"+strings.NewReplacer(":", "=", ",", "~").Replace(strings.ToUpper(example))+".auto")
		}
	}
	for _, setting := range transform.Settings {
		list = append(list, image+"/"+setting.Example, image+"/resize:1/"+setting.Example+".auto", image+"/"+setting.Example+"/"+setting.Example)
	}
	for _, rest := range []string{
		".auto", ".json", ".exe", "/crop:0,0,1,1/rotate:90.png", "/crop%3A0%2C0%2C1%2C1.png", "/crop:9,9,1,1.png", "/resize:9999,9999,stretch,up.png", "/rotate:0.001",
		"/rotate:-0", "/resize:0.1p.png", "/crop:99.999p,0,0,0.png", "/blur:250", "/dpr:4/resize:2,up", "/resize:2,2,pad,bg=transparent,fp=1x0", "/a:,,,", "/crop:,", "/crop:0,0,2,2,",
		"/crop:ar=0.001x65535.png", "/crop:-0,-0,1,1", "/%", "/%zz", "/%ff", "/%00", "/\\", "/é", "/.", "/..", "/x/..", "///", "/rotate:90/", "/rotate:1e9", "/rotate:nan",
		strings.Repeat("/rotate:90", 33), strings.Repeat("/", 4096), "/resize:" + strings.Repeat("9", 100), "/" + strings.Repeat(",", 100), "/orient:6/rotate:90.gif", "/rotate:90/orient:6",
	} {
		list = append(list, image+rest)
	}
	return list
}

// FuzzTarget: whatever stands in a request line, the answer is one that the API names, and a print has one address at
// which it is the same again.
func FuzzTarget(f *testing.F) {
	engine, err := transform.NewEngine(transform.Options{
		Workers: 2, Deadline: 20 * time.Second, Limits: transform.Limits{Pixels: 20_000, Side: 2000}, InProcess: true,
	})
	if err != nil {
		f.Fatal(err)
	}
	originals, err := store.Open(f.Context(), store.Options{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { originals.Close() })
	h, err := New(Options{Store: originals, Engine: engine, Presets: transform.ExamplePresets, CacheBytes: 1 << 20, MaxUploadBytes: 1 << 20, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(h.Close)
	spool, err := originals.Spool()
	if err != nil {
		f.Fatal(err)
	}
	defer spool.Discard()
	if _, err := spool.Write(turned(encodeJPEG(f, photo(24, 16, 1)), 6)); err != nil {
		f.Fatal(err)
	}
	found, err := engine.Inspect(context.Background(), spool.File(), transform.Asker{})
	if err != nil {
		f.Fatal(err)
	}
	original, err := originals.Add(f.Context(), spool, store.Original{
		Format: found.Format, Width: found.Size.Width, Height: found.Size.Height, Orientation: found.Orientation, Frames: found.Frames, Depth: found.Depth,
	}, store.Usage{})
	if err != nil {
		f.Fatal(err)
	}

	var statuses []int
	for _, p := range problems {
		statuses = append(statuses, p.status)
	}
	for _, target := range targets() {
		f.Add([]byte(target), "")
		f.Add([]byte(target), chrome)
	}
	f.Fuzz(func(t *testing.T, target []byte, accept string) {
		target = bytes.ReplaceAll(target, []byte(fuzzedID), []byte(original.ID.String()))
		first := ask(h, target, accept)
		switch first.status {
		case 200, 302:
		default:
			if !slices.Contains(statuses, first.status) {
				t.Fatalf("%q: %d %s", target, first.status, first.body)
			}
			if first.code == "" || first.nosniff != "nosniff" {
				t.Errorf("%q: problem %q, %q", target, first.code, first.nosniff)
			}
			return
		}
		if first.cacheStatus == "" {
			return // not a print
		}
		path := first.location
		if len(path) == 0 {
			path, _, _ = bytes.Cut(target, []byte("?"))
		}
		if link, is := bytes.CutPrefix(first.link, []byte("<")); is {
			path, _, _ = bytes.Cut(link, []byte(">"))
		}
		for range 2 {
			again := ask(h, path, accept)
			if again.status != 200 || !bytes.Equal(again.body, first.body) || !bytes.Equal(again.tag, first.tag) {
				t.Fatalf("%q is not what is at %q: %d", target, path, again.status)
			}
			if again.link != nil {
				t.Fatalf("%q, canonical for %q, is not so for itself: %s", path, target, again.link)
			}
		}
	})
}

// fuzzed is what FuzzTarget looks at in an answer.
type fuzzed struct {
	status                     int
	code, nosniff, cacheStatus string
	link, location, tag, body  []byte
}

// ask has h answer a GET without a connection.
func ask(h *Handler, target []byte, accept string) fuzzed {
	var ctx fasthttp.RequestCtx
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	ctx.Init2(server, quiet{}, true)
	ctx.Request.Header.SetHost("h")
	ctx.Request.Header.SetRequestURIBytes(target)
	ctx.Request.Header.Set("Accept", accept)
	h.Serve(&ctx)
	response := &ctx.Response
	header := func(name string) []byte { return bytes.Clone(response.Header.Peek(name)) }
	return fuzzed{
		status: response.StatusCode(), code: string(header("Calotype-Error")), nosniff: string(header("X-Content-Type-Options")),
		cacheStatus: string(header("Cache-Status")), link: header("Link"), location: header("Content-Location"), tag: header("ETag"),
		body: bytes.Clone(response.Body()),
	}
}
