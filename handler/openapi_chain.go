package handler

import (
	"fmt"
	"maps"
	"strings"

	"calotype/transform"
)

// callSchemas describes every form of every operation, and every setting, for tools that build chains.
func callSchemas() []any {
	var schemas []any
	for _, g := range transform.OperationGroups {
		for _, o := range g.Members {
			for i := range o.Forms {
				schemas = append(schemas, formSchema(g.Name, o, i))
			}
		}
	}
	for _, g := range transform.SettingGroups {
		for _, s := range g.Members {
			schemas = append(schemas, settingSchema(g.Name, s))
		}
	}
	return schemas
}

// formSchema describes one form of an operation that is listed under the name of a group.
func formSchema(group string, o *transform.Operation, form int) object {
	f := &o.Forms[form]
	title := o.Name
	if len(o.Forms) > 1 {
		title = fmt.Sprintf("%s (%d)", o.Name, form+1)
	}
	schema := object{
		"title": title, "description": strings.TrimSpace(o.Doc + " " + f.Doc), "type": "object",
		"x-name": o.Name, "x-group": group, "x-examples": o.Examples, "x-signature": o.Signatures(" or "),
		"x-start": o.Start(form), "properties": paramSchemas(f.Params),
	}
	if f.Doc != "" {
		schema["x-doc"], schema["x-form"] = o.Doc, f.Doc // which are both of the description
	}
	if f.Rectangle != nil {
		schema["x-rectangle"] = f.Rectangle
	}
	if required := requiredNames(f.Params); len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

// settingSchema describes a setting that is listed under the name of a group.
func settingSchema(group string, s *transform.Setting) object {
	_, start, _ := strings.Cut(s.Example, ":")
	schema := object{
		"title": s.Name, "description": s.Doc, "type": "object", "x-name": s.Name, "x-group": group, "x-setting": true,
		"x-examples": []string{s.Example}, "x-signature": s.Signature(), "x-start": object{s.Param.Name: start},
		"properties": paramSchemas([]transform.Param{s.Param}), "required": []string{s.Param.Name},
	}
	if s.Selects {
		schema["x-selects"] = true
	}
	return schema
}

// recipes are chains to begin with, for tools that build chains.
func recipes() []object {
	var list []object
	for _, r := range transform.Recipes {
		list = append(list, object{"title": r.Title, "chain": r.Chain})
	}
	return list
}

func requiredNames(params []transform.Param) []string {
	var names []string
	for i := range params {
		if params[i].Required() {
			names = append(names, params[i].Name)
		}
	}
	return names
}

func paramSchemas(params []transform.Param) object {
	properties := object{}
	for i := range params {
		properties[params[i].Name] = paramSchema(&params[i], i)
	}
	return properties
}

func paramSchema(p *transform.Param, place int) object {
	schema := object{"description": p.Doc, "x-place": place, "x-named": p.Keyed, "x-kind": p.Kind.String(), "x-expected": p.Expected()}
	bounds := func(s object) object {
		if p.Wrap == 0 {
			s["minimum"], s["maximum"] = p.Min, p.Max
		}
		if p.Step != 0 {
			s["multipleOf"] = p.Step
		}
		return s
	}
	switch p.Kind {
	case transform.Integer:
		number := bounds(object{"type": "integer"})
		if len(p.Words) > 0 {
			schema["oneOf"] = []any{number, object{"type": "string", "enum": p.Words}}
		} else {
			maps.Copy(schema, number)
		}
	case transform.Number:
		schema["type"] = "number"
		bounds(schema)
	case transform.Length:
		schema["oneOf"] = []any{
			bounds(object{"type": "integer", "x-unit": "pixels"}),
			object{"type": "string", "pattern": `^-?\d{1,6}(\.\d{1,3})?p$`, "x-unit": "percent"},
		}
		schema["x-axis"] = "width"
		if p.Axis == transform.Vertical {
			schema["x-axis"] = "height"
		}
	case transform.Word:
		schema["type"], schema["enum"] = "string", p.Words
		if places := p.Places(); places != nil {
			schema["x-places"] = places
		}
	case transform.Words:
		schema["type"], schema["items"], schema["uniqueItems"] = "array", object{"type": "string", "enum": p.Words}, true
		schema["minItems"] = 1
	case transform.Flag:
		schema["type"] = "boolean"
	case transform.Switch:
		schema["type"], schema["enum"] = "integer", []int{0, 1}
	case transform.Color:
		schema["type"] = "string"
		if p.Opaque {
			schema["x-opaque"] = true
		}
	case transform.ID:
		schema["type"], schema["format"] = "string", "uuid"
	case transform.Text:
		schema["type"], schema["pattern"] = "string", "^[A-Za-z0-9_-]+=*$"
	case transform.Name:
		schema["type"], schema["pattern"] = "string", fmt.Sprintf("^[A-Za-z0-9][A-Za-z0-9_-]{0,%v}$", p.Max-1)
	case transform.Point:
		schema["type"], schema["pattern"] = "string", `^\d(\.\d{1,3})?x\d(\.\d{1,3})?$`
	case transform.Ratio:
		schema["type"], schema["pattern"] = "string", `^\d{1,6}(\.\d{1,3})?x\d{1,6}(\.\d{1,3})?$`
	}
	if p.Unit != transform.NoUnit {
		schema["x-unit"] = string(p.Unit)
	}
	if p.Wrap != 0 {
		schema["x-wrap"] = p.Wrap
	}
	if p.Usual != [2]float64{} {
		schema["x-usual"] = p.Usual
	}
	if p.Default != "" {
		schema["x-default"] = p.Default
	}
	return schema
}
