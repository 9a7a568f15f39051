package handler

import (
	"errors"
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

// ConnectionMemory is what a connection with a request under way takes at most, in bytes: its buffers and its goroutine. The body
// of an answer is not part of it.
const ConnectionMemory = 96 << 10

// headTime is how long the head of a request may take.
const headTime = 30 * time.Second

// Server returns an HTTP server for h.
func Server(h *Handler) *fasthttp.Server {
	return &fasthttp.Server{
		Handler:      h.Serve,
		ErrorHandler: h.refuse,
		// Without it a client would be told to go on before the request has been looked at.
		ExpectHandler: h.expect,
		// A request target of 4 KiB and the headers that browsers and CDNs add must fit.
		ReadBufferSize: 16 << 10,
		// A print of usual size goes out with its head in one system call.
		WriteBufferSize: 64 << 10,
		// Uploads extend it as long as bytes come.
		ReadTimeout: headTime,
		// Answers have no deadline of their own: see steadyConn.
		// Above the idle time of those who pull: a request that meets the end of its connection fails.
		IdleTimeout: h.options.IdleTimeout,
		// A goroutine without a connection is soon let go, with the stack that it has come to.
		MaxIdleWorkerDuration: 2 * time.Second,
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
	if conn, ok := ctx.Conn().(interface{ Begun() bool }); ok && !conn.Begun() {
		// A client that opens connections ahead would take an answer for that to its first request.
		ctx.Conn().Close()
		return
	}
	cause := errBadRequest
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &small):
		cause = errLongHead
	case errors.Is(err, os.ErrDeadlineExceeded):
		cause = errSlow
	}
	ctx.Response.Reset()
	h.turnDown(ctx, cause)
}

// expect tells a client that wants to know whether to send the body of its request: not if there is nothing to send it to,
// who sends it may not, or there is no room for it.
func (h *Handler) expect(ctx *fasthttp.RequestCtx) int {
	err := checkFraming(&ctx.Request.Header)
	if err == nil {
		var m *method
		_, m, err = h.find(ctx, pathOf(ctx))
		switch path := pathOf(ctx); {
		case err != nil || m == nil:
		case string(path) == uploadPath:
			err = h.mayUpload(ctx)
		case isFiles(path):
			err = h.mayFiles(ctx, m)
		}
	}
	if err == nil {
		return fasthttp.StatusContinue
	}
	h.turnDown(ctx, err)
	return ctx.Response.StatusCode()
}

// turnDown answers a request that Serve does not get to see, and has the connection closed.
func (h *Handler) turnDown(ctx *fasthttp.RequestCtx, cause error) {
	h.ids.name(ctx)
	h.fail(ctx, cause)
	ctx.SetConnectionClose()
	h.metrics.Answered(ctx.Response.StatusCode())
}
