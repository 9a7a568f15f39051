package main

import (
	"context"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// An answer is what the measured server gave for a path.
type answer struct {
	path, contentType string
	body              []byte
}

// A floor is a server that does nothing but answer: what remains is HTTP, loopback and the load generator itself.
type floor struct {
	address string
	server  *fasthttp.Server
	served  chan struct{}
}

// startFloor serves the answers on a free loopback port.
func startFloor(answers []answer) (*floor, error) {
	byPath := make(map[string]answer, len(answers))
	for _, a := range answers {
		byPath[a.path] = a
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &floor{address: l.Addr().String(), served: make(chan struct{}), server: &fasthttp.Server{
		NoDefaultServerHeader: true,
		Handler: func(ctx *fasthttp.RequestCtx) {
			a, ok := byPath[string(ctx.RequestURI())]
			if !ok {
				ctx.SetStatusCode(fasthttp.StatusNotFound)
				return
			}
			ctx.Response.Header.SetContentType(a.contentType)
			ctx.Response.SetBodyRaw(a.body)
		},
	}}
	go func() {
		defer close(f.served)
		_ = f.server.Serve(l) // it ends when stop closes the listener; a failure before shows in the answers
	}()
	return f, nil
}

func (f *floor) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = f.server.ShutdownWithContext(ctx) // connections that linger end with this program
	<-f.served
}
