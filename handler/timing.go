package handler

import (
	"bytes"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/transform"
)

// setTiming says in a Server-Timing header what took how long, in milliseconds: for a print made now how long it waited for
// a worker and how long that took, and for every answer all the time since the head of the request was read.
func setTiming(ctx *fasthttp.RequestCtx, r *transform.Rendition, status string) {
	var room [96]byte
	value := room[:0]
	if status != statusHit && r.Ran > 0 {
		value = appendTiming(value, "queue", r.Waited)
		value = appendTiming(append(value, ", "...), "render", r.Ran)
		value = append(value, ", "...)
	}
	ctx.Response.Header.SetCanonical(headerTiming, appendTiming(value, "total", time.Since(ctx.Time())))
}

func appendTiming(b []byte, name string, d time.Duration) []byte {
	b = append(append(b, name...), ";dur="...)
	b = strconv.AppendFloat(b, float64(d.Microseconds())/1000, 'f', 3, 64)
	return bytes.TrimSuffix(bytes.TrimRight(b, "0"), []byte("."))
}
