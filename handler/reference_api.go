package handler

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// apiPath is where the description of the API is for people.
const apiPath = "/docs/api"

// apiPage is the description of the API, for people. It is made of what programs get, and of nothing else.
type apiPage struct {
	Operations []apiOperation
	Schemas    []apiSchemaEntry
	Problems   []apiProblem
	Tokens     bool // some of it needs one
}

// An apiOperation is a method at an address.
type apiOperation struct {
	ID           string `json:"operationId"`
	Summary      string
	Description  string
	Parameters   []apiParameter
	RequestBody  *apiBody
	Responses    map[string]apiAnswer
	Security     []map[string][]string
	Method, Path string `json:"-"`
}

type apiParameter struct {
	Name, In, Description string
	Required              bool
	Schema                apiSchema
	Example               any
}

type apiBody struct {
	Required bool
	Content  map[string]apiContent
}

type apiContent struct {
	Schema  apiSchema
	Example any
}

type apiAnswer struct {
	Description string
	Headers     map[string]apiHeader
	Content     map[string]apiContent
}

type apiHeader struct {
	Description string
	Schema      apiSchema
}

// An apiSchemaEntry is a schema that others refer to.
type apiSchemaEntry struct {
	Name   string
	Schema apiSchema
}

// An apiProblem is a kind of failure.
type apiProblem struct {
	Code, Title, Kept string
	Status            int
}

// apiDocument is as much of the description as the page shows.
type apiDocument struct {
	Paths      map[string]map[string]apiOperation
	Components struct {
		Schemas   map[string]apiSchema
		Responses map[string]struct {
			Description string
			Status      int    `json:"x-status"`
			Title       string `json:"x-title"`
			Headers     map[string]apiHeader
		}
	}
}

func (p apiPage) render(w io.Writer) error { return renderPage(w, apiTemplate, "reference", p) }

var apiTemplate = parsePage("api.html")

// newAPIPage makes the page of a description.
func newAPIPage(description []byte) (p apiPage, err error) {
	var d apiDocument
	if err := json.Unmarshal(description, &d); err != nil {
		return p, fmt.Errorf("the description of the API: %w", err)
	}
	for path, methods := range d.Paths {
		for method, o := range methods {
			o.Method, o.Path = strings.ToUpper(method), path
			p.Operations = append(p.Operations, o)
			p.Tokens = p.Tokens || o.Security != nil
		}
	}
	slices.SortFunc(p.Operations, func(a, b apiOperation) int {
		return cmp.Or(routePlace(a.Path)-routePlace(b.Path), strings.Compare(a.Path, b.Path), methodPlace(a.Method)-methodPlace(b.Method))
	})
	for _, name := range slices.Sorted(maps.Keys(d.Components.Schemas)) {
		p.Schemas = append(p.Schemas, apiSchemaEntry{name, d.Components.Schemas[name]})
	}
	for code, r := range d.Components.Responses {
		p.Problems = append(p.Problems, apiProblem{code, r.Title, keptInWords(fmt.Sprint(r.Headers["Cache-Control"].Schema.Const)), r.Status})
	}
	slices.SortFunc(p.Problems, func(a, b apiProblem) int { return cmp.Or(a.Status-b.Status, strings.Compare(a.Code, b.Code)) })
	return p, nil
}

// routePlace is the place of a path among the routes. That of a chain is of the route of its image.
func routePlace(path string) int {
	return slices.IndexFunc(routes, func(r route) bool { return r.path == path || strings.HasPrefix(path, r.path+"/{chain}") })
}

func methodPlace(method string) int {
	return slices.Index([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method)
}

// keptInWords says how long caches believe an answer with this Cache-Control.
func keptInWords(control string) string {
	var seconds int
	if _, err := fmt.Sscanf(control, "public, max-age=%d", &seconds); err != nil {
		return "not kept"
	}
	switch {
	case seconds%3600 == 0:
		return "kept for " + counted(int64(seconds/3600), "hour")
	case seconds%60 == 0:
		return "kept for " + counted(int64(seconds/60), "minute")
	}
	return "kept for " + counted(int64(seconds), "second")
}

// Access says who may ask, "" if all may.
func (o apiOperation) Access() string {
	switch {
	case o.Security == nil:
		return ""
	case slices.ContainsFunc(o.Security, func(way map[string][]string) bool { return len(way) == 0 }):
		return "Needs a token for what names no image."
	}
	return "Needs a token."
}

// Answers are the answers that are no problems, by status.
func (o apiOperation) Answers() []apiStatus {
	var list []apiStatus
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		if status != "default" {
			list = append(list, apiStatus{status, o.Responses[status]})
		}
	}
	return list
}

// An apiStatus is an answer with its status.
type apiStatus struct {
	Status string
	apiAnswer
}

// Curl is a command that asks for it. It stands on the variables CALOTYPE, TOKEN and ID.
func (o apiOperation) Curl() string {
	parts := []string{"curl"}
	add := func(format string, arguments ...any) { parts = append(parts, fmt.Sprintf(format, arguments...)) }
	path := strings.ReplaceAll(o.Path, "{id}", "$ID")
	for _, p := range o.Parameters {
		value := p.Example
		if p.Schema.Const != nil {
			value = p.Schema.Const
		}
		switch {
		case p.In == "path" && value != nil:
			path = strings.ReplaceAll(path, "{"+p.Name+"}", fmt.Sprint(value))
		case p.In == "header" && value != nil && (p.Required || p.Example != nil):
			add(`-H "%s: %v"`, p.Name, value)
		}
	}
	sends := ""
	if o.RequestBody != nil {
		for _, kind := range []string{"multipart/form-data", "application/json", "application/offset+octet-stream"} {
			content, taken := o.RequestBody.Content[kind]
			if !taken {
				continue
			}
			switch sends = kind; kind {
			case "multipart/form-data":
				add("-F image=@photo.jpg")
			case "application/json":
				example, _ := json.Marshal(content.Example) // it came as JSON
				add("--json '%s'", example)
			default:
				add(`-H "Content-Type: %s" --data-binary @photo.jpg`, kind)
			}
			break
		}
	}
	if o.Method != "GET" && (o.Method != "POST" || sends == "") {
		parts = slices.Insert(parts, 1, "-X "+o.Method)
	}
	if o.Access() != "" {
		add(`-H "Authorization: Bearer $TOKEN"`)
	}
	add(`"$CALOTYPE%s"`, path)
	return strings.Join(parts, " ")
}

// describeAPI shows the description of the API.
func (h *Handler) describeAPI(ctx *fasthttp.RequestCtx) error {
	if h.tenantOf(ctx).Access.Tokens != nil {
		return h.sendFixed(ctx, h.apiPageByToken)
	}
	return h.sendFixed(ctx, h.apiPage)
}
