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
	for _, o := range transform.Operations {
		for i, f := range o.Forms {
			title := o.Name
			if len(o.Forms) > 1 {
				title = fmt.Sprintf("%s (%d)", o.Name, i+1)
			}
			schema := object{
				"title": title, "description": strings.TrimSpace(o.Doc + " " + f.Doc), "type": "object",
				"x-name": o.Name, "x-examples": o.Examples, "x-signature": o.Signatures(" or "),
				"properties": paramSchemas(f.Params),
			}
			if required := requiredNames(f.Params); len(required) > 0 {
				schema["required"] = required
			}
			schemas = append(schemas, schema)
		}
	}
	for _, s := range transform.Settings {
		schemas = append(schemas, object{
			"title": s.Name, "description": s.Doc, "type": "object", "x-name": s.Name, "x-setting": true,
			"x-examples": []string{s.Example}, "x-signature": s.Signature(),
			"properties": paramSchemas([]transform.Param{s.Param}), "required": []string{s.Param.Name},
		})
	}
	return schemas
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
	schema := object{"description": p.Doc, "x-place": place, "x-named": p.Keyed}
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
	case transform.Word:
		schema["type"], schema["enum"] = "string", p.Words
	case transform.Words:
		schema["type"], schema["items"], schema["uniqueItems"] = "array", object{"type": "string", "enum": p.Words}, true
		schema["minItems"] = 1
	case transform.Flag:
		schema["type"] = "boolean"
	case transform.Switch:
		schema["type"], schema["enum"] = "integer", []int{0, 1}
	case transform.Color:
		schema["type"], schema["x-kind"] = "string", "color"
	case transform.ID:
		schema["type"], schema["format"] = "string", "uuid"
	case transform.Text:
		schema["type"], schema["pattern"], schema["x-kind"] = "string", "^[A-Za-z0-9_-]+=*$", "base64url"
	case transform.Name:
		schema["type"], schema["pattern"] = "string", fmt.Sprintf("^[A-Za-z0-9][A-Za-z0-9_-]{0,%v}$", p.Max-1)
	case transform.Point:
		schema["type"], schema["pattern"], schema["x-kind"] = "string", `^\d(\.\d{1,3})?x\d(\.\d{1,3})?$`, "point"
	case transform.Ratio:
		schema["type"], schema["pattern"], schema["x-kind"] = "string", `^\d{1,6}(\.\d{1,3})?x\d{1,6}(\.\d{1,3})?$`, "ratio"
	}
	if p.Unit != transform.NoUnit {
		schema["x-unit"] = string(p.Unit)
	}
	if p.Default != "" {
		schema["x-default"] = p.Default
	}
	return schema
}
