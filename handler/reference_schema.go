package handler

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"maps"
	"slices"
	"strings"
)

// An apiSchema is a JSON schema, as far as the description of the API has need of them.
type apiSchema struct {
	Ref         string `json:"$ref"`
	Type        string
	Format      string
	Description string
	Properties  map[string]apiSchema
	Required    []string
	Items       *apiSchema
	OneOf       []apiSchema
	Enum        []any
	Const       any
	Default     any
	Minimum     *float64
	Maximum     *float64
}

// An apiField is a field of an object, or of one in it: images[].id.
type apiField struct {
	Name     string
	Required bool
	Schema   apiSchema
}

// Fields are those of an object, those that must be there first, each followed by those in it.
func (s apiSchema) Fields() []apiField {
	var list []apiField
	names := slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int {
		return cmp.Or(s.place(a)-s.place(b), strings.Compare(a, b))
	})
	for _, name := range names {
		p := s.Properties[name]
		list = append(list, apiField{name, slices.Contains(s.Required, name), p})
		within, inside := p, "."
		if p.Type == "array" && p.Items != nil {
			within, inside = *p.Items, "[]."
		}
		for _, f := range within.Fields() {
			f.Name = name + inside + f.Name
			list = append(list, f)
		}
	}
	return list
}

func (s apiSchema) place(name string) int {
	if i := slices.Index(s.Required, name); i >= 0 {
		return i
	}
	return len(s.Required)
}

// Kind says what a value is, with links to the schemas that others have need of as well.
func (s apiSchema) Kind() template.HTML {
	code := func(v any) string { return "<code>" + html.EscapeString(fmt.Sprint(v)) + "</code>" }
	list := func(values []any) string {
		var words []string
		for _, v := range values {
			words = append(words, code(v))
		}
		return strings.Join(words, ", ")
	}
	var text string
	switch {
	case s.Ref != "":
		name := html.EscapeString(s.Ref[strings.LastIndexByte(s.Ref, '/')+1:])
		text = `<a href="#` + name + `">` + name + "</a>"
	case len(s.OneOf) > 0:
		var words []string
		for _, one := range s.OneOf {
			words = append(words, string(one.Kind()))
		}
		text = strings.Join(words, " or ")
	case s.Const != nil:
		text = code(s.Const)
	case len(s.Enum) > 0:
		text = list(s.Enum)
	case s.Type == "array" && s.Items != nil:
		text = "list of " + string(s.Items.Kind())
	default:
		text = html.EscapeString(cmp.Or(map[string]string{"date-time": "time"}[s.Format], s.Type))
		if s.Minimum != nil && s.Maximum != nil {
			text += fmt.Sprintf(" from %v to %v", *s.Minimum, *s.Maximum)
		}
	}
	if s.Default != nil {
		text += "; " + code(s.Default) + " if left out"
	}
	return template.HTML(text)
}
