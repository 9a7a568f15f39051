package handler

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// requestIDs makes names for requests that come without one: the same for all of one process, and a number.
type requestIDs struct {
	process string
	count   atomic.Uint64
}

func newRequestIDs() requestIDs { return requestIDs{process: rand.Text()[:12] + "-"} }

// name sees to it that a request has an id, which the client or the proxy before us may have given it, and that the answer
// tells it.
func (r *requestIDs) name(ctx *fasthttp.RequestCtx) {
	id := requestID(ctx)
	if !isRequestID(id) {
		var room [40]byte
		id = strconv.AppendUint(append(room[:0], r.process...), r.count.Add(1), 36)
		ctx.Request.Header.SetCanonical(headerRequestID, id)
	}
	ctx.Response.Header.SetCanonical(headerRequestID, id)
}

// requestID returns the id of a request; it is valid as long as ctx, and empty if it has none.
func requestID(ctx *fasthttp.RequestCtx) []byte { return ctx.Request.Header.PeekBytes(headerRequestID) }

// isRequestID tells whether what a client calls its request can be handed on and logged as it is.
func isRequestID(id []byte) bool {
	const longest = 128
	for _, b := range id {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case b == '-', b == '_', b == '.', b == ':', b == '+', b == '/', b == '=', b == '~', b == '@':
		default:
			return false
		}
	}
	return 1 <= len(id) && len(id) <= longest
}
