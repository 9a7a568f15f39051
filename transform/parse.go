package transform

import (
	"fmt"
	"slices"
	"strings"
)

// Parse reads what follows /download/ in a request line, without the query: an id, calls, settings and an extension, as
// in 0193…/crop:0,0,200,200/rotate:90.png. It takes every spelling that reaches a server by way of browsers, proxies and
// templates: percent-encoding, upper case, = for :, ~ for , and repeated slashes.
//
// It never corrects a value. Errors are of type *SyntaxError or wrap ErrPath or ErrTooLong.
func Parse(raw string) (Target, error) {
	var room [maxSegments]segment
	segments, err := split(room[:0], raw)
	if err != nil {
		return Target{}, err
	}
	if len(segments) == 0 {
		return Target{}, fmt.Errorf("%w: an id is missing", ErrPath)
	}
	last := &segments[len(segments)-1]
	var extension string
	var extended bool
	last.text, extension, extended = cutExtension(last.text)

	target := Target{ID: strings.ToLower(segments[0].text)}
	if !isID(target.ID) {
		return Target{}, fmt.Errorf("%w: no image has an id like this", ErrPath)
	}
	chain := &target.Chain
	for _, s := range segments[1:] {
		if err := chain.parseSegment(s); err != nil {
			return Target{}, err
		}
	}
	if err := chain.settle(extension, extended, *last); err != nil {
		return Target{}, err
	}
	return target, nil
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
	if o.First && len(c.Calls) > 0 {
		e := s.fail("must stand before all other operations")
		e.Operation = o.Name
		return e
	}
	if o.Idle != nil && o.Idle(call) {
		return nil
	}
	if len(c.Calls) == maxCalls {
		return s.fail(fmt.Sprintf("is one operation too many: at most %d are taken", maxCalls))
	}
	c.Calls = append(c.Calls, call)
	return nil
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

// call matches arguments with the form of o that they fit.
func (o *Operation) call(s segment, arguments []string) (Call, error) {
	fail := func(parameter, expected, got string) error {
		return &SyntaxError{
			Segment: s.index, Offset: s.offset,
			Operation: o.Name, Parameter: parameter, Expected: expected, Got: got,
		}
	}
	form := o.chooseForm(arguments)
	if form < 0 {
		return Call{}, fail("", "takes "+o.Signatures(" or "), s.text)
	}
	call := Call{Operation: o, form: form}
	params := o.Forms[form].Params
	next := 0 // the next positional parameter
	for _, argument := range arguments {
		i := matchNamed(params, argument)
		if i < 0 {
			for next < len(params) && !params[next].positional() {
				next++
			}
			if next == len(params) {
				if w := unsetWord(&call); w != nil && isLetter((argument + "0")[0]) {
					return Call{}, fail(w.Name, w.Expected(), argument)
				}
				return Call{}, fail("", "takes "+o.Forms[form].signature(o.Name)+" there", argument)
			}
			i = next
			next++
		}
		p, text := &params[i], argument
		if p.Keyed {
			_, text, _ = strings.Cut(argument, "=")
		}
		if call.values[i].Set {
			return Call{}, fail(p.Name, "is given twice", argument)
		}
		v, ok := p.parse(text)
		if !ok {
			return Call{}, fail(p.Name, p.Expected(), text)
		}
		call.values[i] = v
	}
	for i := range params {
		p := &params[i]
		if !call.values[i].Set {
			if p.Required() {
				return Call{}, fail(p.Name, "is missing: it "+p.Expected(), "")
			}
			call.values[i] = p.fallback()
		}
		call.values[i] = p.normal(call.values[i])
	}
	if o.Check != nil {
		if parameter, expected := o.Check(call); expected != "" {
			return Call{}, fail(parameter, expected, s.text)
		}
	}
	return call, nil
}

// matchNamed returns the parameter that an argument names or, if it is a word, belongs to; -1 if its place decides.
func matchNamed(params []Param, argument string) int {
	argument = strings.ToLower(argument)
	key, _, keyed := strings.Cut(argument, "=")
	for i := range params {
		p := &params[i]
		switch {
		case keyed && p.Keyed && p.Name == key,
			!keyed && p.Kind == Word && !p.Keyed && slices.Contains(p.Words, argument),
			!keyed && p.Kind == Flag && p.Name == argument:
			return i
		}
	}
	return -1
}

// unsetWord returns the first parameter for a word that the call has not got yet, or nil.
func unsetWord(c *Call) *Param {
	params := c.Operation.Forms[c.form].Params
	for i := range params {
		if params[i].Kind == Word && !params[i].Keyed && !c.values[i].Set {
			return &params[i]
		}
	}
	return nil
}

// chooseForm returns the first form that has places for the arguments that no form knows by name, or -1.
func (o *Operation) chooseForm(arguments []string) int {
	if len(o.Forms) == 1 {
		return 0
	}
	placed := 0
	for _, argument := range arguments {
		named := slices.ContainsFunc(o.Forms, func(f Form) bool { return matchNamed(f.Params, argument) >= 0 })
		if !named {
			placed++
		}
	}
	return slices.IndexFunc(o.Forms, func(f Form) bool {
		least, most := 0, 0
		for i := range f.Params {
			if f.Params[i].positional() {
				most++
				if f.Params[i].Required() {
					least++
				}
			}
		}
		return least <= placed && placed <= most
	})
}

// settle combines the extension and the format setting into what the chain asks for.
func (c *Chain) settle(extension string, extended bool, last segment) error {
	word := c.Word(format)
	c.settings[format.index()] = Value{}
	for i, s := range Settings {
		if v := s.Param.normal(c.settings[i]); !v.Set {
			c.settings[i] = Value{}
		}
	}
	byWord := formatByExtension(word)
	c.Negotiated = word == "auto"
	c.Format = byWord
	if !extended {
		return nil
	}
	fail := func(expected string) error {
		return &SyntaxError{Segment: last.index, Offset: last.offset, Operation: "format", Expected: expected, Got: "." + extension}
	}
	switch byExtension := formatByExtension(extension); {
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

// unknownName says what could have been meant by the name of an operation or a setting that does not exist.
func unknownName(name string) string {
	names := make([]string, 0, len(Operations)+len(Settings))
	for _, o := range Operations {
		names = append(names, o.Name)
	}
	for _, s := range Settings {
		names = append(names, s.Name)
	}
	best, least := "", 3
	for _, n := range names {
		d := distance(name, n)
		if len(name) > 2 && strings.HasPrefix(n, name) {
			d = 0
		}
		if d < least {
			best, least = n, d
		}
	}
	if best != "" {
		return "did you mean " + best + "? An operation or setting was expected"
	}
	return "an operation (" + strings.Join(names[:len(Operations)], ", ") + ") or setting (" +
		strings.Join(names[len(Operations):], ", ") + ") was expected"
}

// distance is the Levenshtein distance of two names, or a large number if they are too unlike to matter.
func distance(a, b string) int {
	if len(a) > 32 || len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 99
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
