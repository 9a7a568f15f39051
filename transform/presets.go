package transform

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Preset is a chain that was given a name.
type Preset struct {
	Name    string // letters, digits, hyphens and underscores; lower case
	Version int    // from 1; 0 if the name has no versions, and so none that could be meant for ever
	Chain   string // as in an address, without the id: crop:ar=1x1/resize:160/quality:70.webp
}

// Presets are what the presets of addresses stand for. They do not change, and may be used concurrently. Nil has none.
type Presets struct {
	newest map[string]int // version by name
	chains map[presetKey]*expansion
}

type presetKey struct {
	name    string
	version int
}

// A PresetError says what is wrong with a preset.
type PresetError struct {
	Name    string
	Version int
	Err     error // of type *SyntaxError, or wraps ErrNoPreset, ErrTooLong or ErrPath
}

func (e *PresetError) Error() string {
	return fmt.Sprintf("preset %s: %v", presetKey{clip(e.Name), e.Version}, e.Err)
}

func (e *PresetError) Unwrap() error { return e.Err }

// NewPresets checks presets and writes them out, whatever their order. It returns what is wrong, by name and version, and all presets
// that are right: those that stand in each other in a circle are not, nor are those that name one that is not.
func NewPresets(list []Preset) (*Presets, []*PresetError) {
	b := presetBuilder{
		presets: Presets{newest: map[string]int{}, chains: map[presetKey]*expansion{}},
		parsed:  map[presetKey]*Chain{}, faults: map[presetKey]error{},
	}
	for _, p := range list {
		b.read(p)
	}
	for _, key := range slices.SortedFunc(maps.Keys(b.parsed), presetKey.compare) { // in order, so that one fault is told in one way
		b.build(key)
	}
	var faults []*PresetError
	for _, key := range slices.SortedFunc(maps.Keys(b.faults), presetKey.compare) {
		faults = append(faults, &PresetError{Name: key.name, Version: key.version, Err: b.faults[key]})
	}
	return &b.presets, faults
}

// String says which preset it is, for a message.
func (k presetKey) String() string {
	if k.version == 0 {
		return k.name
	}
	return fmt.Sprintf("%s, version %d", k.name, k.version)
}

func (k presetKey) compare(other presetKey) int {
	return cmp.Or(cmp.Compare(k.name, other.name), cmp.Compare(k.version, other.version))
}

// Uses returns the presets that stand in the newest version of one, in presets of it too. An unknown one has none.
func (p *Presets) Uses(name string) []Use {
	if p == nil {
		return nil
	}
	if e := p.chains[presetKey{name, p.newest[name]}]; e != nil {
		return e.uses
	}
	return nil
}

// find returns what a call of preset stands for.
func (p *Presets) find(call *Call) (*expansion, Use, error) {
	key, pinned, err := p.resolve(call)
	if err != nil {
		return nil, Use{}, err
	}
	e := p.chains[key]
	if e == nil {
		return nil, Use{}, fmt.Errorf("%w: %s", ErrNoPreset, key)
	}
	return e, Use{Name: key.name, Version: key.version, Pinned: pinned}, nil
}

// resolve returns which version a call means, and whether it names it.
func (p *Presets) resolve(call *Call) (key presetKey, pinned bool, err error) {
	key = presetKey{call.Text(), int(call.Number("version"))}
	if p == nil {
		return key, false, fmt.Errorf("%w: %s", ErrNoPreset, key)
	}
	newest, known := p.newest[key.name]
	if !known || newest == 0 && key.version > 0 {
		return key, false, fmt.Errorf("%w: %s", ErrNoPreset, key)
	}
	if key.version == 0 {
		return presetKey{key.name, newest}, false, nil
	}
	return key, true, nil
}

// A presetBuilder makes Presets.
type presetBuilder struct {
	presets Presets
	parsed  map[presetKey]*Chain
	faults  map[presetKey]error
	open    []presetKey // those that are being written out, each for the sake of the one before
}

// read checks what can be said of a preset without the others.
func (b *presetBuilder) read(p Preset) {
	key := presetKey{p.Name, p.Version}
	if b.parsed[key] != nil {
		b.faults[key] = &SyntaxError{Operation: preset.Name, Expected: "is there twice"}
		return
	}
	c, err := p.parse()
	if err != nil {
		b.faults[key] = err
	}
	b.parsed[key] = &c
	b.presets.newest[p.Name] = max(b.presets.newest[p.Name], p.Version)
}

// Canonical returns the preset with its chain in the one spelling that it has. Errors are those of NewPresets, as far as they are of this
// preset alone.
func (p Preset) Canonical() (Preset, error) {
	c, err := p.parse()
	if err != nil {
		return p, err
	}
	p.Chain = strings.TrimPrefix(c.String(), "/")
	return p, nil
}

// parse reads the chain of a preset and checks what can be said of it without others.
func (p Preset) parse() (Chain, error) {
	refuse := func(expected, got string) error {
		return &SyntaxError{Operation: preset.Name, Expected: expected, Got: got}
	}
	params := preset.Forms[0].Params
	if name, ok := params[0].read(p.Name); !ok || name != p.Name {
		return Chain{}, refuse("has no right name: it "+params[0].Expected()+", in lower case", p.Name)
	}
	if p.Version < 0 || p.Version > int(params[1].Max) {
		return Chain{}, refuse("has no right version: it "+params[1].Expected(), strconv.Itoa(p.Version))
	}
	c, err := parseChain(p.Chain)
	if err != nil {
		return Chain{}, err
	}
	if c.Described {
		return Chain{}, refuse("must be of a print", ".json")
	}
	for i, s := range Settings {
		if c.settings[i].Set && (s.Delivery || s == describe) {
			return Chain{}, &SyntaxError{Operation: s.Name, Expected: "has no place in a preset: it says nothing of the print"}
		}
	}
	if c.Format != nil && !c.Negotiated {
		if err := c.refuseForeignSettings(); err != nil {
			return Chain{}, err
		}
	}
	if err := c.refuseContradictions(); err != nil {
		return Chain{}, err
	}
	effect := c
	effect.dropDefaults()
	if effect.IsOriginal() {
		return Chain{}, refuse("must change something", p.Chain)
	}
	return c, nil
}

// build writes a preset out, and before it those that stand in it, unless that is done.
func (b *presetBuilder) build(key presetKey) {
	if b.presets.chains[key] != nil || b.faults[key] != nil {
		return
	}
	if key.version == 0 && b.presets.newest[key.name] > 0 {
		b.faults[key] = &SyntaxError{Operation: preset.Name, Expected: "needs a version, since other chains of this name have one"}
		return
	}
	b.open = append(b.open, key)
	defer func() { b.open = b.open[:len(b.open)-1] }()
	e, err := b.parsed[key].expand(b.inside)
	if err == nil && e.depth >= maxDepth {
		err = &SyntaxError{Operation: preset.Name, Expected: fmt.Sprintf("must not stand deeper than %d in others", maxDepth)}
	}
	if whole := e.chain; err == nil {
		err = whole.finish()
	}
	if err != nil {
		b.faults[key] = err
		return
	}
	b.presets.chains[key] = &e
}

// inside is find for a preset in a preset.
func (b *presetBuilder) inside(call *Call) (*expansion, Use, error) {
	key, pinned, err := b.presets.resolve(call)
	if err == nil && b.parsed[key] == nil {
		err = fmt.Errorf("%w: %s", ErrNoPreset, key)
	}
	if err != nil {
		return nil, Use{}, err
	}
	if slices.Contains(b.open, key) {
		return nil, Use{}, &SyntaxError{Operation: preset.Name, Expected: fmt.Sprintf("must not stand in itself, as %s does by way of %s", key, b.open[len(b.open)-1])}
	}
	b.build(key)
	if fault := b.faults[key]; fault != nil {
		return nil, Use{}, fmt.Errorf("preset %s in it: %w", key, fault)
	}
	return b.presets.chains[key], Use{Name: key.name, Version: key.version, Pinned: pinned}, nil
}

// ExamplePresets are those that examples in the reference use.
var ExamplePresets = []Preset{
	{Name: "avatar", Version: 1, Chain: "crop:ar=1x1,fp=0.74x0.3/resize:160/round:max"},
	{Name: "card", Version: 1, Chain: "crop:ar=16x9/resize:240/border:6,white/quality:70"},
}
