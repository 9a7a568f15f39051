package transform

import (
	"slices"
	"strings"
)

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
	for k, argument := range arguments {
		i := matchNamed(params, argument)
		if k == 0 && len(params) > 0 && params[0].free() {
			i, next = 0, 1
		}
		if i < 0 {
			for next < len(params) && !params[next].positional() {
				next++
			}
			if next == len(params) {
				placed := slices.ContainsFunc(params, func(p Param) bool { return p.positional() })
				if w := unsetWord(&call); w != nil && (!placed || isLetter((argument + "0")[0])) {
					return Call{}, fail(w.Name, w.Expected(), argument)
				}
				return Call{}, fail("", "takes "+o.Forms[form].Signature(o.Name)+" there", argument)
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
