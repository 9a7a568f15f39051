package handler

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"
)

// ConnectionMemory is what a connection with a request under way takes at most, in bytes: its buffers and its goroutine. The body
// of an answer is not part of it.
const ConnectionMemory = 96 << 10

// Server returns an HTTP server for h.
func Server(h *Handler) *fasthttp.Server {
	return &fasthttp.Server{
		Handler: h.Serve,
		ErrorHandler: func(ctx *fasthttp.RequestCtx, err error) {
			h.refuse(ctx, err)
		},
		// A request target of 4 KiB and the headers that browsers and CDNs add must fit.
		ReadBufferSize: 16 << 10,
		// A print of usual size goes out with its head in one system call.
		WriteBufferSize: 64 << 10,
		// For the head of a request; uploads extend it as long as bytes come.
		ReadTimeout: 30 * time.Second,
		// For a whole answer: 32 MB reach a client of 300 kbit/s.
		WriteTimeout: 15 * time.Minute,
		// Above the idle time of those who pull: AWS and nginx keep connections for 60 s.
		IdleTimeout: 2 * time.Minute,
		// Bodies are read by the upload alone, as they come, and limited there; what is read ahead is bounded by this.
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		MaxRequestBodySize:           64 << 10,
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		CloseOnShutdown:              true,
		Logger:                       quiet{},
	}
}

// quiet drops what fasthttp says of connections that clients cut.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// refuse answers what is not even a request.
func (h *Handler) refuse(ctx *fasthttp.RequestCtx, err error) {
	cause := errBadRequest
	var small *fasthttp.ErrSmallBuffer
	if errors.As(err, &small) {
		cause = errLongHead
	}
	ctx.Response.Reset()
	h.ids.name(ctx)
	h.fail(ctx, cause)
	h.metrics.Answered(ctx.Response.StatusCode())
	ctx.SetConnectionClose()
}
