// Package docs is the reference of operations, settings and formats: what their declarations in transform say, put together with the texts
// around them and with the samples. The file operations.md and the page /docs are made of it.
package docs

import (
	"fmt"
	"slices"
	"strings"

	"calotype/transform"
)

// An Entry is an operation or a setting.
type Entry struct {
	Name, Doc string
	Forms     []Form // ways to write it
	Examples  []Example
}

// A Form is one way to write an operation or a setting.
type Form struct {
	Signature string // crop:left,top,width,height
	Doc       string // "" where there is only one
	Params    []Param
}

// A Param is an argument.
type Param struct{ Name, Doc, Value, Default string }

// An Example is a call, or several with slashes between them. Sample is the file of Samples that shows what it does; "" if none does.
type Example struct{ Chain, Sample string }

// A Format is one that a print can have.
type Format struct {
	Extensions []string // the first is the canonical one
	Name       string   // jpeg, or that of no format: auto, json
	Type       string   // a media type, or in words what is chosen
	Settings   string   // of its encoder
	Holds      string   // what not all formats hold
	Doc        string
}

// An Original is a format that is only read.
type Original struct{ Name, Type, Extension, Doc string }

// Operations are all operations, in the order of their declarations.
func Operations() []Entry {
	var entries []Entry
	for _, o := range transform.Operations {
		e := Entry{Name: o.Name, Doc: o.Doc}
		for _, f := range o.Forms {
			e.Forms = append(e.Forms, Form{Signature: f.Signature(o.Name), Doc: f.Doc, Params: params(f.Params)})
		}
		for _, chain := range o.Examples {
			e.Examples = append(e.Examples, Example{chain, SampleName(chain)})
		}
		entries = append(entries, e)
	}
	return entries
}

// Settings are all settings, in the order of their declarations.
func Settings() []Entry {
	var entries []Entry
	for _, s := range transform.Settings {
		entries = append(entries, Entry{
			Name: s.Name, Doc: s.Doc,
			Forms:    []Form{{Signature: s.Signature(), Params: params([]transform.Param{s.Param})}},
			Examples: []Example{{Chain: s.Example}},
		})
	}
	return entries
}

func params(declared []transform.Param) []Param {
	var list []Param
	for i := range declared {
		p := &declared[i]
		list = append(list, Param{Name: p.Name, Doc: p.Doc, Value: strings.TrimPrefix(p.Expected(), "must be "), Default: p.Default})
	}
	return list
}

// Formats are all that may stand behind the last dot of an address.
func Formats() []Format {
	var list []Format
	for _, f := range transform.Formats {
		list = append(list, Format{
			Extensions: append([]string{f.Extension}, f.Spellings...), Name: f.Name, Type: f.Type,
			Settings: formatSettings(f), Holds: holds(f), Doc: f.Doc,
		})
	}
	return append(list, autoFormat, jsonFormat)
}

// Originals are the formats that are only read.
func Originals() []Original {
	var list []Original
	for _, f := range transform.Originals {
		if !f.Written() {
			list = append(list, Original{Name: f.Name, Type: f.Type, Extension: f.Print.Extension, Doc: f.Doc})
		}
	}
	return list
}

// Unnamed says which formats of prints give way to another where an address names none.
func Unnamed() []string {
	var texts []string
	for _, f := range transform.Formats {
		if f.Print != nil {
			texts = append(texts, fmt.Sprintf("A print of %s whose address names no format is `.%s` as well.", f.Name, f.Print.Extension))
		}
	}
	return texts
}

func formatSettings(f *transform.Format) string {
	var names []string
	for _, s := range f.Settings {
		switch {
		case s.Name == "quality":
			names = append(names, fmt.Sprintf("quality (%d)", f.Quality))
		case s.Name == "effort":
			names = append(names, fmt.Sprintf("effort (%d)", f.Effort))
		default:
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}

func holds(f *transform.Format) string {
	var what []string
	for _, h := range []struct {
		name string
		is   bool
	}{{"transparency", f.Alpha}, {"animation", f.Animation}, {"16 bits", f.Deep}} {
		if h.is {
			what = append(what, h.name)
		}
	}
	return strings.Join(what, ", ")
}

// Named returns the operation or setting of that name, if there is one, so that others can lead to it.
func Named(name string) bool {
	return slices.ContainsFunc(transform.Operations, func(o *transform.Operation) bool { return o.Name == name }) ||
		slices.ContainsFunc(transform.Settings, func(s *transform.Setting) bool { return s.Name == name })
}
