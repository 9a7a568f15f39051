package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/valyala/fasthttp"
)

// This test program, called as the server would be, is the fake server: `bench.test serve --listen … --data …`.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		os.Exit(serveFake(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func serveFake(args []string) int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	listen := flags.String("listen", "", "")
	data := flags.String("data", "", "")
	_ = flags.String("admin-listen", "", "")
	_ = flags.String("isolation", "", "")
	cacheDir := flags.String("cache-dir", "", "")
	broken := flags.Bool("broken", false, "")
	if err := flags.Parse(args); err != nil || *data == "" || *broken {
		fmt.Fprintln(os.Stderr, "the fake server will not start")
		return 3
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	f := &fake{}
	if *cacheDir != "" {
		if err := f.remember(*cacheDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	server := &fasthttp.Server{Handler: f.handle, CloseOnShutdown: true}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown()
	}()
	if err := server.Serve(l); err != nil {
		return 1
	}
	return 0
}

// A fake is a server that makes no prints: it answers as Calotype does, with some bytes.
type fake struct {
	spoil func(ctx *fasthttp.RequestCtx) // changes the answer to a download, if set
	full  bool                           // refuses uploads
	disk  *os.File                       // takes a line for each path that was asked for, if set
	known map[string]bool                // what stood there at the start

	mu      sync.Mutex
	uploads [][]byte
	asked   map[string]int // how often each path was downloaded
}

func (f *fake) handle(ctx *fasthttp.RequestCtx) {
	route := string(ctx.RequestURI())
	switch {
	case ctx.IsGet() && route == "/upload-image":
		ctx.SetBodyString("<form>")
	case ctx.IsPost() && f.full:
		ctx.SetStatusCode(fasthttp.StatusInsufficientStorage)
	case ctx.IsPost() && route == "/upload-image":
		f.mu.Lock()
		defer f.mu.Unlock()
		f.uploads = append(f.uploads, append([]byte(nil), ctx.PostBody()...))
		ctx.SetStatusCode(fasthttp.StatusCreated)
		fmt.Fprintf(ctx, `{"id":"id-%d"}`, len(f.uploads))
	case ctx.IsGet() && strings.HasPrefix(route, "/download/"):
		f.mu.Lock()
		if f.asked == nil {
			f.asked = map[string]int{}
		}
		f.asked[route]++
		if f.disk != nil {
			status := "calotype; fwd=uri-miss; stored"
			if f.asked[route] > 1 {
				status = "calotype; hit"
			} else if f.known[route] {
				status = "calotype; hit; detail=disk"
			}
			fmt.Fprintln(f.disk, route)
			ctx.Response.Header.Set("Cache-Status", status)
		}
		f.mu.Unlock()
		types := map[string]string{".webp": "image/webp", ".png": "image/png"}
		contentType, ok := types[path.Ext(route)]
		if !ok {
			contentType = "image/jpeg"
		}
		ctx.SetContentType(contentType)
		ctx.SetBodyString(strings.Repeat("x", 1000))
		if f.spoil != nil {
			f.spoil(ctx)
		}
	default:
		ctx.SetStatusCode(fasthttp.StatusNotFound)
	}
}

// remember has f know what was asked for in another life, and tell of this one.
func (f *fake) remember(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "asked")
	before, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	f.known = map[string]bool{}
	for _, path := range strings.Fields(string(before)) {
		f.known[path] = true
	}
	f.disk, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return err
}

// start serves f on a loopback port until the test ends, and returns its URL.
func (f *fake) start(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &fasthttp.Server{Handler: f.handle, CloseOnShutdown: true}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return "http://" + l.Addr().String()
}
