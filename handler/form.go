package handler

import (
	"fmt"
	"io"
	"mime/multipart"
)

// Bounds of a form. What browsers and programs send is far below them.
const (
	maxFiles    = 1000
	maxParts    = 2 * maxFiles // files and plain fields
	maxPartHead = 16 << 10     // bytes of what stands before the content of a part
	maxBoundary = 70           // RFC 2046, 5.1.1
)

// A formReader finds the parts of a form as it comes. The package that it stands on takes ten megabytes of headers for each, and any
// number of parts.
type formReader struct {
	body  io.Reader
	form  *multipart.Reader
	part  *multipart.Part
	parts int
	left  int // bytes of the head that may still come; negative while a content is read
}

func newFormReader(body io.Reader, boundary string) (*formReader, error) {
	if boundary == "" || len(boundary) > maxBoundary {
		return nil, fmt.Errorf("%w: its Content-Type names no boundary of 1 to %d characters", errBadForm, maxBoundary)
	}
	f := &formReader{body: body, left: -1}
	f.form = multipart.NewReader(f, boundary)
	return f, nil
}

// next returns the next part, and io.EOF behind the last. What is left of the one before is skipped.
func (f *formReader) next() (*multipart.Part, error) {
	if f.part != nil {
		if err := f.part.Close(); err != nil {
			return nil, err
		}
	}
	f.left = maxPartHead
	part, err := f.form.NextRawPart()
	f.left = -1
	if err != nil {
		return nil, err
	}
	f.part = part
	if f.parts++; f.parts > maxParts {
		return nil, fmt.Errorf("%w: more than %d parts", errBadForm, maxParts)
	}
	return part, nil
}

// Read is for the multipart reader.
func (f *formReader) Read(p []byte) (int, error) {
	if f.left < 0 {
		return f.body.Read(p)
	}
	if f.left == 0 {
		return 0, fmt.Errorf("%w: the headers of a part are longer than %d bytes", errBadForm, maxPartHead)
	}
	n, err := f.body.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}
