package handler

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"calotype/transform"
)

// description is as much of an OpenAPI document as is looked at here.
type description struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Responses   map[string]any
	}
	Components struct {
		Schemas struct {
			Operation struct {
				OneOf   []callSchema
				Recipes []struct{ Title, Chain string } `json:"x-recipes"`
			}
			Format struct{ Enum []string }
		}
		Responses map[string]struct{ Description string }
	}
}

type callSchema struct {
	Title, Description string
	Name               string   `json:"x-name"`
	Setting            bool     `json:"x-setting"`
	Examples           []string `json:"x-examples"`
	Properties         map[string]struct{ Description string }
	Required           []string
}

func TestDescriptionOfTheAPI(t *testing.T) {
	s := serve(t)
	a := s.mustGet("/openapi.json")
	if a.header.Get("Content-Type") != "application/json" || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers %v", a.header)
	}
	d := decode[description](t, a)
	if d.OpenAPI != "3.1.0" {
		t.Errorf("version %q", d.OpenAPI)
	}

	ids := map[string]string{}
	for path, methods := range d.Paths {
		for name, m := range methods {
			if other, twice := ids[m.OperationID]; twice || m.OperationID == "" {
				t.Errorf("%s %s has the operationId %q, as has %s", name, path, m.OperationID, other)
			}
			ids[m.OperationID] = name + " " + path
			if m.Responses["default"] == nil {
				t.Errorf("%s %s does not say that it can fail", name, path)
			}
		}
	}
	public := 3 // the paths of chains are routes of their own here
	for _, r := range routes {
		if r.internal {
			if d.Paths[r.path] != nil {
				t.Errorf("%s is described", r.path)
			}
			continue
		}
		public++
		for _, m := range r.methods {
			if _, described := d.Paths[r.path][strings.ToLower(m.name)]; !described || m.summary == "" {
				t.Errorf("%s %s is not described", m.name, r.path)
			}
		}
	}
	if len(d.Paths) != public || d.Paths["/download/{id}/{chain}"]["get"].OperationID != "getPrint" || d.Paths["/srcset/{id}/{chain}"]["get"].OperationID != "getSrcset" {
		t.Errorf("%d paths are described, want %d", len(d.Paths), public)
	}

	for _, p := range append(slices.Clone(problems), internal) {
		if text := d.Components.Responses[p.code].Description; !strings.HasPrefix(text, fmt.Sprint(p.status)) {
			t.Errorf("the problem %s is described as %q", p.code, text)
		}
	}
	for extension := range extensions {
		if !slices.Contains(d.Components.Schemas.Format.Enum, extension) {
			t.Errorf("the extension %s is not described", extension)
		}
	}
}

func TestDescriptionHasEveryOperationAndSetting(t *testing.T) {
	d := decode[description](t, serve(t).mustGet("/openapi.json"))
	var schemas []callSchema
	find := func(name string) []callSchema {
		return slices.DeleteFunc(slices.Clone(d.Components.Schemas.Operation.OneOf), func(c callSchema) bool { return c.Name != name })
	}
	f := func(c callSchema, params []transform.Param) {
		t.Helper()
		if c.Description == "" || len(c.Examples) == 0 || len(c.Properties) != len(params) {
			t.Errorf("%s is described by %+v", c.Title, c)
		}
		for i := range params {
			if c.Properties[params[i].Name].Description != params[i].Doc {
				t.Errorf("%s: %s is described by %q", c.Title, params[i].Name, c.Properties[params[i].Name].Description)
			}
			if params[i].Required() && !slices.Contains(c.Required, params[i].Name) {
				t.Errorf("%s: %s is not required", c.Title, params[i].Name)
			}
		}
	}
	for _, o := range transform.Operations {
		forms := find(o.Name)
		schemas = append(schemas, forms...)
		if len(forms) != len(o.Forms) {
			t.Fatalf("%d forms of %s are described", len(forms), o.Name)
		}
		for i, form := range o.Forms {
			f(forms[i], form.Params)
		}
	}
	for _, setting := range transform.Settings {
		found := find(setting.Name)
		schemas = append(schemas, found...)
		if len(found) != 1 || !found[0].Setting {
			t.Fatalf("%s is described by %v", setting.Name, found)
		}
		f(found[0], []transform.Param{setting.Param})
	}
	if len(schemas) != len(d.Components.Schemas.Operation.OneOf) {
		t.Errorf("%d schemas are described, want %d", len(d.Components.Schemas.Operation.OneOf), len(schemas))
	}
}

// The samples of the description are answered.
func TestDescriptionHasExamplesThatWork(t *testing.T) {
	s := serve(t, withExamplePresets)
	u := s.upload(encodePNG(t, photo(600, 400, 1)))
	d := decode[description](t, s.mustGet("/openapi.json"))
	for _, r := range d.Components.Schemas.Operation.Recipes {
		if a := s.get(u.URL + "/" + r.Chain); a.status != http.StatusOK || r.Title == "" {
			t.Errorf("the recipe %q: %d %s", r.Title, a.status, a.body)
		}
	}
	for _, c := range d.Components.Schemas.Operation.OneOf {
		for _, example := range c.Examples {
			example = strings.ReplaceAll(example, transform.ExampleImage, u.ID)
			extension := ".auto" // takes every setting
			switch c.Name {
			case "format":
				extension = ""
			case "describe":
				extension = ".json"
			}
			if a := s.get(u.URL + "/" + example + extension); a.status != http.StatusOK {
				t.Errorf("%s: %d %s", example, a.status, a.body)
			}
		}
	}
}

func TestCapabilities(t *testing.T) {
	a := serve(t).mustGet("/capabilities")
	var c struct{ Formats []transform.Capability }
	if err := json.Unmarshal(a.body, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Formats) != len(transform.Originals) {
		t.Errorf("got %+v", c)
	}
	for _, f := range c.Formats {
		if known := transform.FormatNamed(f.Format); known == nil || f.Write != known.Written() && f.Format != "jxl" || f.Read == known.Off && f.Format != "jxl" {
			t.Errorf("got %+v", f)
		}
	}
}
