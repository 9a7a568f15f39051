package transform

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Parse reads what follows /download/ in a request line, without the query: an id, calls, settings and an extension, as
// in 0193…/crop:0,0,200,200/rotate:90.png. It takes every spelling that reaches a server by way of browsers, proxies and
// templates: percent-encoding, upper case, = for :, ~ for , and repeated slashes.
//
// It never corrects a value. Errors are of type *SyntaxError or wrap ErrPath or ErrTooLong; beside one the target says only whether
// its format was to be negotiated, as far as that could be read.
func Parse(raw string) (Target, error) { return parse(raw, false) }

// ParseProxied reads what follows /proxy/_/ in a request line in the same way: in place of the id stands where the original lives, in
// base64url without padding, or percent-encoded. Behind the latter no extension can stand, since the source may end in one.
func ParseProxied(raw string) (Target, error) { return parse(raw, true) }

func parse(raw string, proxied bool) (Target, error) {
	var room [maxSegments]segment
	segments, err := split(room[:0], raw, proxied)
	if err != nil {
		return Target{}, err
	}
	switch {
	case len(segments) > 0:
	case proxied:
		return Target{}, fmt.Errorf("%w: the address of an original is missing", ErrPath)
	default:
		return Target{}, fmt.Errorf("%w: an id is missing", ErrPath)
	}
	last := &segments[len(segments)-1]
	var extension string
	var extended bool
	if len(segments) > 1 || !isSource(last.text) {
		last.text, extension, extended = cutExtension(last.text)
	}
	var target Target
	if proxied {
		err = target.parseSource(segments[0])
	} else if target.ID = strings.ToLower(segments[0].text); !isID(target.ID) {
		err = fmt.Errorf("%w: no image has an id like this", ErrPath)
	}
	if err == nil {
		err = target.Chain.parse(segments[1:], extension, extended, *last)
	}
	if err != nil {
		return Target{Chain: Chain{Negotiated: negotiates(segments, extension)}}, err
	}
	return target, nil
}

// isSource tells whether a decoded segment is the address of an original as it is, and not in base64url, which has no colon.
func isSource(text string) bool { return strings.Contains(text, "://") }

// parseSource reads the segment that says where the original lives.
func (t *Target) parseSource(s segment) error {
	if isSource(s.text) {
		t.Source = s.text
		return nil
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(s.text)
	switch {
	case strings.HasSuffix(s.text, ":") || strings.EqualFold(s.text, "http") || strings.EqualFold(s.text, "https"):
		return s.fail("must be the address of an original in base64url or percent-encoded: proxies take one of the two slashes of http:// away")
	case err != nil || !utf8.Valid(decoded) || !isSource(string(decoded)):
		return s.fail("must be the address of an original, in base64url without padding or percent-encoded")
	}
	t.Source = string(decoded)
	return nil
}

// parse reads the segments behind the id, of which the last has lost its extension.
func (c *Chain) parse(segments []segment, extension string, extended bool, last segment) error {
	for _, s := range segments {
		if err := c.parseSegment(s); err != nil {
			return err
		}
	}
	if !c.hasPresets() { // else a default that is written may be there to override what a preset says
		c.dropDefaults()
	}
	return c.settleFormat(extension, extended, last)
}

// negotiates tells whether an address in which something is wrong asks for negotiation all the same.
func negotiates(segments []segment, extension string) bool {
	return extension == "auto" || slices.ContainsFunc(segments, func(s segment) bool {
		return strings.EqualFold(strings.ReplaceAll(s.text, "=", ":"), "format:auto")
	})
}

// isID tells whether s could be the id of an image: letters, digits and hyphens.
func isID(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isLetter(s[i]) && !isDigit(s[i]) && s[i] != '-' {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 64
}

// parseSegment adds one call or setting to the chain.
func (c *Chain) parseSegment(s segment) error {
	name, arguments := s.text, []string(nil)
	if i := strings.IndexAny(s.text, ":="); i >= 0 {
		name = s.text[:i]
		arguments = splitArguments(s.text[i+1:])
	}
	name = strings.ToLower(name)
	if len(arguments) > maxArguments {
		e := s.fail(fmt.Sprintf("takes at most %d arguments", maxArguments))
		e.Operation = name
		return e
	}
	if i := slices.IndexFunc(Operations, func(o *Operation) bool { return o.Name == name }); i >= 0 {
		return c.addCall(s, Operations[i], arguments)
	}
	if i := slices.IndexFunc(Settings, func(o *Setting) bool { return o.Name == name }); i >= 0 {
		return c.addSetting(s, i, arguments)
	}
	e := s.fail(unknownName(name))
	e.Got = name
	return e
}

// splitArguments cuts at commas and at tildes, their stand-in.
func splitArguments(s string) []string {
	arguments := make([]string, 0, 4)
	for {
		i := strings.IndexAny(s, ",~")
		if i < 0 {
			return append(arguments, s)
		}
		arguments = append(arguments, s[:i])
		s = s[i+1:]
	}
}

func (c *Chain) addCall(s segment, o *Operation, arguments []string) error {
	call, err := o.call(s, arguments)
	if err != nil {
		return err
	}
	if expected := c.push(call); expected != "" {
		e := s.fail(expected)
		e.Operation = o.Name
		return e
	}
	return nil
}

// push adds a call, unless it does nothing. If there is no place for it, it returns what was expected.
func (c *Chain) push(call Call) (expected string) {
	o := call.Operation
	switch {
	case o.First && len(c.Calls) > 0:
		return "must stand before all other operations"
	case o.Idle != nil && o.Idle(call):
		return ""
	case len(c.Calls) == maxCalls:
		return fmt.Sprintf("is one operation too many: at most %d are taken", maxCalls)
	}
	c.Calls = append(c.Calls, call)
	if call.image() && len(c.Images()) > maxImages {
		return fmt.Sprintf("is one image too many: at most %d are taken", maxImages)
	}
	return ""
}

func (c *Chain) addSetting(s segment, i int, arguments []string) error {
	setting := Settings[i]
	fail := func(expected, got string) error {
		return &SyntaxError{
			Segment: s.index, Offset: s.offset, Operation: setting.Name, Expected: expected, Got: got,
		}
	}
	if c.settings[i].Set {
		return fail("is set twice", s.text)
	}
	if len(arguments) == 0 && setting.Param.Kind == Switch {
		arguments = []string{"1"}
	}
	if setting.Param.Kind == Words && len(arguments) > 0 {
		arguments = []string{strings.Join(arguments, ",")}
	}
	if len(arguments) != 1 {
		return fail("takes one value, which "+setting.Param.Expected(), s.text)
	}
	v, ok := setting.Param.parse(arguments[0])
	if !ok {
		return fail(setting.Param.Expected(), arguments[0])
	}
	c.settings[i] = v
	return nil
}

// settleFormat combines the extension and the format setting into what the chain asks for.
func (c *Chain) settleFormat(extension string, extended bool, last segment) error {
	word := c.Word(format)
	c.settings[format.index()] = Value{}
	byWord := FormatByExtension(word)
	c.Negotiated = word == "auto"
	c.Format = byWord
	if !extended {
		return nil
	}
	fail := func(expected string) error {
		return &SyntaxError{Segment: last.index, Offset: last.offset, Operation: "format", Expected: expected, Got: "." + extension}
	}
	switch byExtension := FormatByExtension(extension); {
	case extension == "json" && c.Negotiated:
		return fail("must be one format where the print is described, not auto")
	case extension == "json":
		c.Described = true
	case extension == "auto" && byWord != nil:
		return fail("must not contradict the extension")
	case extension == "auto":
		c.Negotiated = true
	case byExtension == nil:
		return fail("must be " + oneOf(extensions()))
	case byWord != nil && byWord != byExtension:
		return fail("must not contradict the extension")
	default:
		c.Format = byExtension
	}
	return nil
}

// dropDefaults makes settings unset that are set to what they are without.
func (c *Chain) dropDefaults() {
	for i, s := range Settings {
		if v := s.Param.normal(c.settings[i]); !v.Set {
			c.settings[i] = Value{}
		}
	}
}

// parseChain reads a chain and its extension without an id before it, as in crop:ar=1x1/resize:160.webp. Defaults that are written
// stay set. Places in errors count from the beginning of the text, the first segment being 0.
func parseChain(text string) (Chain, error) {
	segments, err := split(nil, text, false)
	if err != nil {
		return Chain{}, err
	}
	var c Chain
	if len(segments) == 0 {
		return c, &SyntaxError{Expected: "a chain was expected, and nothing stands there"}
	}
	last := &segments[len(segments)-1]
	var extension string
	var extended bool
	last.text, extension, extended = cutExtension(last.text)
	end := *last
	if end.text == "" { // an extension alone
		segments = segments[:len(segments)-1]
	}
	for _, s := range segments {
		if err := c.parseSegment(s); err != nil {
			return Chain{}, err
		}
	}
	return c, c.settleFormat(extension, extended, end)
}
