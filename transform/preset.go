package transform

import (
	"fmt"
	"slices"
)

var preset = &Operation{
	Name: "preset",
	Doc: "Does what a chain does that was given a name on this server. Its operations are done at this place; its settings, and its " +
		"format if it has one, hold where the address says nothing else. Of two presets in an address the later one counts.",
	Forms: []Form{{Params: []Param{
		{Name: "name", Doc: "Name of the preset; upper and lower case are the same.", Kind: Name, Max: 64, Lower: true},
		{
			Name: "version", Doc: "Number of the one chain of that name which is meant, whatever comes after it; 0 is the newest.",
			Kind: Integer, Max: 999999, Usual: [2]float64{0, 20}, Default: "0",
		},
	}}},
	Examples: []string{"preset:avatar", "preset:avatar,1", "preset:card/grayscale"},
	Plan: func(_ Size, c Call) ([]Step, error) {
		return nil, fmt.Errorf("%w: %s is not written out", ErrNoPreset, c.Text())
	},
}

// maxDepth is how deep presets may stand in each other.
const maxDepth = 4

// A Use is a preset that a chain stands for in part.
type Use struct {
	Name    string
	Version int
	Pinned  bool // the version is named, so that it stays the same
}

// Settled tells whether a chain means the same for ever as far as its presets go: each version is named.
func Settled(uses []Use) bool {
	return !slices.ContainsFunc(uses, func(u Use) bool { return !u.Pinned })
}

func (c *Chain) hasPresets() bool {
	return slices.ContainsFunc(c.Calls, func(call Call) bool { return call.Operation == preset })
}

func (c *Chain) isLent(setting int) bool { return c.lent&(1<<setting) != 0 }

// Expand returns the chain with its presets written out, and which they are, each once, those in them too. What has no preset is returned as it is.
// The settings of presets are defaults: they give way to those of the chain itself, and to a format that lacks them (see In). Errors wrap
// ErrNoPreset, or are of type *SyntaxError for what is no chain any more once it is written out. presets may be nil.
func (c Chain) Expand(presets *Presets) (Chain, []Use, error) {
	if !c.hasPresets() {
		return c, nil, nil
	}
	e, err := c.expand(presets.find)
	if err != nil {
		return Chain{}, nil, err
	}
	return e.chain, e.uses, e.chain.finish()
}

// An expansion is a chain that is written out.
type expansion struct {
	chain Chain // in which settings stay set that are defaults
	uses  []Use
	depth int // of the presets in it, 0 if there are none
}

// expand writes out the presets of a chain, each as find says.
func (c *Chain) expand(find func(call *Call) (*expansion, Use, error)) (e expansion, err error) {
	out := &e.chain
	push := func(call Call) error {
		if expected := out.push(call); expected != "" {
			return &SyntaxError{Operation: call.Operation.Name, Expected: expected + " (presets written out)"}
		}
		return nil
	}
	for i := range c.Calls {
		if c.Calls[i].Operation != preset {
			if err := push(c.Calls[i]); err != nil {
				return e, err
			}
			continue
		}
		found, use, err := find(&c.Calls[i])
		if err != nil {
			return e, err
		}
		for _, call := range found.chain.Calls {
			if err := push(call); err != nil {
				return e, err
			}
		}
		out.lend(&found.chain)
		for _, u := range append([]Use{use}, found.uses...) {
			if !slices.Contains(e.uses, u) {
				e.uses = append(e.uses, u)
			}
		}
		e.depth = max(e.depth, found.depth+1)
	}
	out.override(c)
	return e, nil
}

// lend takes over the settings and the format of a preset.
func (c *Chain) lend(from *Chain) {
	for i := range Settings {
		if from.settings[i].Set {
			c.settings[i] = from.settings[i]
			c.lent |= 1 << i
		}
	}
	if from.Format != nil || from.Negotiated {
		c.Format, c.Negotiated = from.Format, from.Negotiated
	}
}

// override takes over what a chain says itself, in which presets stand, and leaves out what they say against it.
func (c *Chain) override(own *Chain) {
	for i := range Settings {
		if own.settings[i].Set {
			c.settings[i] = own.settings[i]
			c.lent &^= 1 << i
		}
	}
	if own.Format != nil || own.Negotiated {
		c.Format, c.Negotiated = own.Format, own.Negotiated
	}
	if own.Described { // which is of one format
		c.Described, c.Negotiated = true, false
	}
	for one, other := c.contradiction(); one != nil; one, other = c.contradiction() {
		switch {
		case c.isLent(one.index()):
			c.settings[one.index()] = Value{}
		case c.isLent(other.index()):
			c.settings[other.index()] = Value{}
		default:
			return // it contradicts itself, which is told when it is planned
		}
	}
}

// finish brings a chain that is written out into its canonical form, and refuses one that no address could say.
func (c *Chain) finish() error {
	c.dropDefaults()
	settings := 0
	for i := range Settings {
		if c.settings[i].Set {
			settings++
		}
	}
	const id = 36 // bytes
	if segments, bytes := 2+len(c.Calls)+settings, id+len(c.append(nil)); segments > maxSegments || bytes > MaxPath {
		return &SyntaxError{Expected: fmt.Sprintf("is too long once its presets are written out: %d segments and %d bytes, at most %d and %d are taken",
			segments, bytes, maxSegments, MaxPath)}
	}
	return nil
}
