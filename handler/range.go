package handler

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"
)

// A byteRange is a part of a body: its first and its last byte, counted from 0.
type byteRange struct{ first, last int64 }

func (r byteRange) length() int64 { return r.last - r.first + 1 }

// A rangeError is a Range of which the body has nothing.
type rangeError struct{ size int64 }

func (e *rangeError) Error() string {
	return fmt.Sprintf("%v: it has %d bytes", errRange, e.size)
}

func (e *rangeError) Unwrap() error { return errRange }

// partOf tells which part of a body of size bytes a request is for, if not for all of it (RFC 9110, 13.1.5 and 14.2). The
// tag and the date are those of the body; the date is nil if other bytes may have had the same one. The headers of the
// answer must have been set; those of a part are added. The error is a *rangeError if there is no such part.
func partOf(ctx *fasthttp.RequestCtx, tag, modified []byte, size int64) (part byteRange, partial bool, err error) {
	request := &ctx.Request.Header
	asked := request.PeekBytes(headerRange)
	if len(asked) == 0 || !ctx.IsGet() {
		return byteRange{}, false, nil // the range of an answer to HEAD is not defined
	}
	if len(request.PeekAll("Range")) > 1 {
		return byteRange{}, false, nil // it is no list, so that this cannot be meant
	}
	if condition := request.PeekBytes(headerIfRange); len(condition) > 0 {
		if !bytes.Equal(condition, tag) && (modified == nil || !bytes.Equal(condition, modified)) {
			return byteRange{}, false, nil
		}
	}
	switch part, verdict := parseRange(asked, size); verdict {
	case rangeOutside:
		return byteRange{}, false, &rangeError{size}
	case rangePart:
		ctx.SetStatusCode(fasthttp.StatusPartialContent)
		value := make([]byte, 0, 64)
		value = append(value, "bytes "...)
		value = append(strconv.AppendInt(value, part.first, 10), '-')
		value = append(strconv.AppendInt(value, part.last, 10), '/')
		ctx.Response.Header.SetCanonical(headerContentRange, strconv.AppendInt(value, size, 10))
		return part, true, nil
	}
	return byteRange{}, false, nil
}

// What a Range header asks for.
const (
	rangeWhole   = iota // the whole body: the header is not understood, or asks for parts that lie apart, which need not be obeyed
	rangePart           // one part
	rangeOutside        // bytes beyond the end only
)

// mostRanges is how many ranges are looked at. Who asks for more gets the whole body.
const mostRanges = 64

// parseRange reads the value of a Range header, for a body of size bytes. Ranges that touch or overlap are one part, whatever
// their order. What is not well formed asks for the whole body.
func parseRange(value []byte, size int64) (byteRange, int) {
	unit, set, ok := bytes.Cut(value, []byte("="))
	if !ok || !bytes.EqualFold(unit, []byte("bytes")) {
		return byteRange{}, rangeWhole
	}
	var room [mostRanges]byteRange
	parts, valid := room[:0], false
	for more := true; more; {
		var spec []byte
		spec, set, more = bytes.Cut(set, []byte(","))
		spec = bytes.Trim(spec, " \t")
		if len(spec) == 0 {
			continue // lists may have empty elements
		}
		part, ok := parseSpec(spec, size)
		if !ok || len(parts) == mostRanges {
			return byteRange{}, rangeWhole
		}
		valid = true
		if part.first < size {
			part.last = min(part.last, size-1)
			parts = append(parts, part)
		}
	}
	switch {
	case !valid:
		return byteRange{}, rangeWhole
	case len(parts) == 0:
		return byteRange{}, rangeOutside
	}
	slices.SortFunc(parts, func(a, b byteRange) int { return cmp.Compare(a.first, b.first) })
	whole := parts[0]
	for _, part := range parts[1:] {
		if part.first > whole.last+1 {
			return byteRange{}, rangeWhole
		}
		whole.last = max(whole.last, part.last)
	}
	return whole, rangePart
}

// parseSpec reads one range: 0-99, 100- or -100. What lies beyond the end begins at size or behind it.
func parseSpec(spec []byte, size int64) (byteRange, bool) {
	first, last, ok := bytes.Cut(spec, []byte("-"))
	if !ok {
		return byteRange{}, false
	}
	from, hasFirst := parsePosition(first)
	to, hasLast := parsePosition(last)
	switch {
	case len(first) == 0 && hasLast:
		if to == 0 {
			return byteRange{size, size}, true
		}
		return byteRange{max(0, size-to), size - 1}, true
	case hasFirst && len(last) == 0:
		return byteRange{from, math.MaxInt64}, true
	case hasFirst && hasLast && from <= to:
		return byteRange{from, to}, true
	}
	return byteRange{}, false
}

// parsePosition reads digits. What is too large for an int64 is its largest value, which no body has.
func parsePosition(digits []byte) (int64, bool) {
	n := int64(0)
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		if n > (math.MaxInt64-9)/10 {
			n = math.MaxInt64
			continue
		}
		n = n*10 + int64(d-'0')
	}
	return n, len(digits) > 0
}

// A filePart is the stream of a part of a file, which it closes.
type filePart struct {
	io.LimitedReader
	file *os.File
}

// newFilePart returns the stream of a part of a file, which is then the stream's to close.
func newFilePart(file *os.File, part byteRange) (*filePart, error) {
	if _, err := file.Seek(part.first, io.SeekStart); err != nil {
		return nil, err
	}
	return &filePart{LimitedReader: io.LimitedReader{R: file, N: part.length()}, file: file}, nil
}

// WriteTo hands on the bare LimitedReader, by which the server knows that the kernel can send the file by itself.
func (p *filePart) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, &p.LimitedReader) }

func (p *filePart) Close() error { return p.file.Close() }
