package handler

import (
	"bytes"
	"slices"
	"time"

	"github.com/valyala/fasthttp"
)

// decided evaluates the conditions of a request for what has the given entity tag and date (RFC 9110, 13.2.2). Either the
// client has it already, and is answered 304; or it is not what the client wants to go on with, which is errPrecondition;
// or nothing is decided, and it is to be sent. The headers of the answer must have been set. Where there is no date, which is
// nil then, conditions of time say nothing.
func decided(ctx *fasthttp.RequestCtx, tag, modified []byte, created time.Time) (bool, error) {
	request := &ctx.Request.Header
	if lists := request.PeekAll("If-Match"); len(lists) > 0 {
		if !slices.ContainsFunc(lists, func(list []byte) bool { return matches(list, tag, false) }) {
			return false, errPrecondition
		}
	} else if since := request.PeekBytes(headerUnmodifiedSince); len(since) > 0 && modified != nil {
		if when, err := fasthttp.ParseHTTPDate(since); err == nil && created.Truncate(time.Second).After(when) {
			return false, errPrecondition
		}
	}
	if !known(request, tag, modified, created) {
		return false, nil
	}
	sendUnchanged(ctx)
	return true, nil
}

// sendUnchanged makes 304 of an answer, and takes out what would tell of its body.
func sendUnchanged(ctx *fasthttp.RequestCtx) {
	ctx.SetStatusCode(fasthttp.StatusNotModified)
	ctx.Response.ResetBody()
	header := &ctx.Response.Header
	header.SetContentType("")
	header.DelBytes(headerDisposition)
	header.DelBytes(headerDigest)
	header.DelBytes(headerAcceptRanges)
}

// known tells whether the client has what has the given entity tag and date.
func known(request *fasthttp.RequestHeader, tag, modified []byte, created time.Time) bool {
	if lists := request.PeekAll("If-None-Match"); len(lists) > 0 {
		return slices.ContainsFunc(lists, func(list []byte) bool { return matches(list, tag, true) })
	}
	since := request.PeekBytes(headerSince)
	if len(since) == 0 || modified == nil {
		return false
	}
	if bytes.Equal(since, modified) {
		return true
	}
	when, err := fasthttp.ParseHTTPDate(since)
	return err == nil && !created.Truncate(time.Second).After(when)
}

// matches tells whether a list of entity tags names tag. In a weak comparison W/ does not count; in a strong one a tag that
// has it names nothing.
func matches(list, tag []byte, weakly bool) bool {
	for len(list) > 0 {
		var entry []byte
		if i := bytes.IndexByte(list, ','); i >= 0 {
			entry, list = list[:i], list[i+1:]
		} else {
			entry, list = list, nil
		}
		entry = bytes.TrimSpace(entry)
		if len(entry) == 1 && entry[0] == '*' {
			return true
		}
		if weakly {
			entry = bytes.TrimPrefix(entry, weak)
		}
		if bytes.Equal(entry, tag) {
			return true
		}
	}
	return false
}

var weak = []byte("W/")
