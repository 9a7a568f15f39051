package transform

import (
	"encoding/base64"
	"slices"
)

// maxSettings is the number of settings that a chain has room for.
const maxSettings = 18

// A Chain is what a URL asks for: calls, in the order in which they run, settings, and the kind of answer.
type Chain struct {
	Calls []Call
	// Format is the format of the print; nil keeps the original's, or takes its Format.Print.
	Format *Format
	// Negotiated is set for .auto: the format is chosen by the Accept header; Format is then what those get who accept
	// nothing better, and nil leaves that choice to the picture.
	Negotiated bool
	// Described is set for .json: the answer tells of the print and has no pixels.
	Described bool
	settings  [maxSettings]Value
	// lent has a bit for each setting that comes from a preset: it gives way where it cannot be had.
	lent uint32
}

// A Target is a whole address below /download/ or /proxy/_/: whose print is asked for, and which one.
type Target struct {
	ID     string // below /download/: as written, in lower case; not checked
	Source string // below /proxy/_/: where the original lives, decoded; not checked
	Chain  Chain
}

// Get returns the value of a setting; its Set tells whether the URL has it, the rest is the default if there is one.
func (c *Chain) Get(s *Setting) Value {
	if v := c.settings[s.index()]; v.Set {
		return v
	}
	return s.Param.fallback()
}

// Word returns the word of a setting, or "".
func (c *Chain) Word(s *Setting) string {
	v := c.Get(s)
	if !v.Set && s.Param.Default == "" {
		return ""
	}
	return s.Param.Words[int(v.X)]
}

// Equal tells whether two chains ask for the same.
func (c *Chain) Equal(d *Chain) bool {
	return slices.Equal(c.Calls, d.Calls) && c.Format == d.Format && c.Negotiated == d.Negotiated &&
		c.Described == d.Described && c.settings == d.settings
}

// String returns the canonical spelling of the target, to follow /download/, or /proxy/_/ if it has a source. Targets with equal
// strings are the same work.
func (t Target) String() string {
	b := make([]byte, 0, 128)
	if t.Source != "" {
		b = base64.RawURLEncoding.AppendEncode(b, []byte(t.Source))
	}
	b = append(b, t.ID...)
	return string(t.Chain.append(b))
}

// String returns the canonical spelling of c, to follow an id or a source: with its slash or dot, and empty if it asks for nothing.
func (c Chain) String() string { return string(c.append(nil)) }

// Looks tells whether a description is to tell what the print looks like.
func (c *Chain) Looks() bool { return c.tells(tellLook) }

// TellsEXIF tells whether a description is to tell of the original's EXIF.
func (c *Chain) TellsEXIF() bool { return c.tells(tellEXIF) }

func (c *Chain) tells(word string) bool {
	return slices.Contains(describe.Param.wordsOf(c.Get(describe)), word)
}

// Print returns the chain of the print that c describes or sends in some way, with nothing that is not of the print itself.
func (c Chain) Print() Chain { return c.Sent().undelivered() }

// Sent returns the chain of the print that c describes, as it is sent.
func (c Chain) Sent() Chain {
	c.Described = false
	c.settings[describe.index()] = Value{}
	return c
}

// append writes the canonical spelling of c behind an id: calls in their order, settings in theirs, the extension.
func (c *Chain) append(b []byte) []byte {
	for i := range c.Calls {
		b = append(b, '/')
		b = c.Calls[i].append(b)
	}
	for i, s := range Settings {
		if v := c.settings[i]; v.Set {
			b = append(b, '/')
			b = append(b, s.Name...)
			b = append(b, ':')
			b = s.Param.append(b, v)
		}
	}
	switch {
	case c.Negotiated && c.Format != nil:
		b = append(append(b, "/format:auto."...), c.Format.Extension...)
	case c.Negotiated:
		b = append(b, ".auto"...)
	case c.Described && c.Format != nil:
		b = append(append(append(b, "/format:"...), c.Format.Extension...), ".json"...)
	case c.Described:
		b = append(b, ".json"...)
	case c.Format != nil:
		b = append(append(b, '.'), c.Format.Extension...)
	}
	return b
}

// append writes the canonical spelling of a call: positional arguments without trailing defaults, then words, then
// named arguments, each group in the order of the declaration.
func (c *Call) append(b []byte) []byte {
	b = append(b, c.Operation.Name...)
	params := c.Operation.Forms[c.form].Params
	last := -1
	for i := range params {
		if params[i].positional() && c.values[i].Set {
			last = i
		}
	}
	separator := byte(':')
	write := func(i int) {
		b = append(b, separator)
		separator = ','
		if params[i].Keyed {
			b = append(append(b, params[i].Name...), '=')
		}
		b = params[i].append(b, c.values[i])
	}
	for i := range params {
		if params[i].positional() && i <= last {
			write(i)
		}
	}
	for _, keyed := range []bool{false, true} {
		for i := range params {
			if !params[i].positional() && params[i].Keyed == keyed && c.values[i].Set {
				write(i)
			}
		}
	}
	return b
}

// String returns the canonical spelling of the call.
func (c Call) String() string { return string(c.append(nil)) }

// IsOriginal tells whether the chain asks for the uploaded bytes: no operation, no setting but those of delivery, no format.
func (c *Chain) IsOriginal() bool {
	return len(c.Calls) == 0 && c.undelivered().settings == [maxSettings]Value{} && c.Format == nil && !c.Negotiated && !c.Described
}
