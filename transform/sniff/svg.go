package sniff

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// svgHead is how far into an SVG its root element must begin and end.
const svgHead = 64 << 10

// readSVG reads up to the root element and refuses what no picture needs and XML bombs are made of: declarations of entities, which only a
// document type with an internal subset can have, and encodings other than UTF-8, in which they could hide. It refuses text, since
// a renderer that may open no file has no fonts. The size depends on units, and is left to the renderer.
func readSVG(c *cursor, _ *Header) error {
	d := xml.NewDecoder(io.LimitReader(io.NewSectionReader(c.reader, 0, c.size), svgHead))
	d.CharsetReader = func(name string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("%s: encoded as %.20q: %w", c.format, name, ErrKind)
	}
	for {
		token, err := d.RawToken()
		c.pos = d.InputOffset()
		switch {
		case errors.Is(err, ErrKind):
			return err
		case err != nil && c.pos >= svgHead:
			return c.broken("no root element within %d bytes", svgHead)
		case err != nil:
			return c.broken("%.100v", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			if strings.ContainsRune(string(t), '[') {
				return fmt.Errorf("%s: a document type that declares entities: %w", c.format, ErrKind)
			}
		case xml.StartElement:
			if t.Name.Local != "svg" {
				return c.broken("the root element is %.20q", t.Name.Local)
			}
			return c.findText()
		}
	}
}

// findText looks for an element called text in all of the file, with a prefix or without. It takes what stands in comments for one as well.
func (c *cursor) findText() error {
	in := bufio.NewReaderSize(io.NewSectionReader(c.reader, 0, c.size), lastWindow)
	for {
		// Every element begins behind a < of its own, and no attribute can have one.
		switch err := skipTo(in, '<'); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		const longest = 256
		name, err := in.Peek(longest)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if end := bytes.IndexAny(name, " \t\r\n/>"); end >= 0 {
			name = name[:end]
		}
		if string(name) == "text" || bytes.HasSuffix(name, []byte(":text")) {
			return fmt.Errorf("%s: text, which must be converted to paths, since there are no fonts to draw it with: %w", c.format, ErrKind)
		}
	}
}

// skipTo passes everything up to a byte, and the byte.
func skipTo(in *bufio.Reader, wanted byte) error {
	for {
		if _, err := in.ReadSlice(wanted); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}
