package handler

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"calotype/transform"
)

// object is a JSON object under construction.
type object = map[string]any

// openAPI describes the API in OpenAPI 3.1, from the tables of routes, problems, operations, settings and formats. What not
// everyone may use needs a token if there are any.
func openAPI(tokens bool) (*compressed, error) {
	paths := object{}
	for _, r := range routes {
		if r.internal {
			continue
		}
		item := object{}
		for _, m := range r.methods {
			o := operationObject(r, m)
			if tokens && r.access != public {
				o["security"] = r.access.security()
			}
			item[strings.ToLower(m.name)] = o
		}
		paths[r.path] = item
	}
	// A chain has a variable number of segments, which OpenAPI has no words for: its path stands for all of them.
	paths["/download/{id}/{chain}"] = object{"get": chainOperation("getPrint", "A print of the image: ", idParameter())}
	paths["/proxy/{signature}/{source}/{chain}"] = object{"get": chainOperation("getPrintElsewhere", "A print of an original that lives elsewhere: ", sourceParameters()...)}
	paths["/srcset/{id}/{chain}"] = object{"get": srcsetOperation("A tag for a page, with prints made by a chain in several widths.", "getSrcset", idParameter(), chainParameter())}
	schemas := managementSchemas()
	maps.Copy(schemas, object{
		"Problem":   problemSchema(),
		"Original":  originalSchema(),
		"Shown":     shownSchema(),
		"Print":     printSchema(),
		"Picture":   pictureSchema(),
		"Uploaded":  uploadedSchema(),
		"Uploads":   uploadsSchema(),
		"Upload":    fileSchema(),
		"Operation": object{"description": "One segment of a chain.", "oneOf": callSchemas(), "x-recipes": recipes()},
		"Format":    object{"type": "string", "enum": formatExtensions(), "description": "Extension of a print.", "x-formats": formatDescriptions()},
	})
	text, err := json.MarshalIndent(object{
		"openapi": "3.1.0",
		"info": object{
			"title":       "Calotype",
			"description": "Upload an image once, then ask by URL for any print of it.",
			"version":     "1",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"externalDocs": object{"description": "The same, for people.", "url": apiPath},
		"servers":      []any{object{"url": "/"}},
		"paths":        paths,
		"components": object{
			"schemas":   schemas,
			"responses": problemResponses(),
			"securitySchemes": object{
				"token":    object{"type": "http", "scheme": "bearer", "description": "A token of this server."},
				"password": object{"type": "http", "scheme": "basic", "description": "The same as the password of any user name, for browsers."},
			},
		},
	}, "", "  ")
	return compress(text), err
}

// security lists the ways to be admitted to what not everyone may use. One of them will do.
func (a access) security() []any {
	ways := []any{object{"token": []any{}}, object{"password": []any{}}}
	if a == publicIfNamed {
		return append(ways, object{}) // none is needed
	}
	return ways
}

var schemaRef = func(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func jsonContent(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

// jsonBody is what a request must have as its body.
func jsonBody(schema, example object) object {
	return object{"required": true, "content": object{"application/json": object{"schema": schema, "example": example}}}
}

func htmlContent() object { return object{"schema": object{"type": "string"}} }

// operationObject describes one method of a route.
func operationObject(r route, m method) object {
	if operationID(r, m) == "getSrcsetId" {
		return srcsetOperation(m.summary, "getSrcsetId", idParameter())
	}
	o := object{"summary": m.summary, "operationId": operationID(r, m)}
	if describeManagement(o, operationID(r, m)) || describeFiles(o, operationID(r, m)) {
		return o
	}
	switch operationID(r, m) {
	case "getUploadImage", "getDocs", "getDocsApi":
		o["responses"] = withProblems(object{
			"200": object{"description": "The page.", "content": object{"text/html": htmlContent()}},
			"304": object{"description": "The client has it."},
		})
	case "getPlayground":
		o["parameters"] = []any{queryParameter("id", "Id of an image; the answer leads to its page.", object{"type": "string"})}
		o["responses"] = pageResponses()
	case "getPlaygroundId":
		o["parameters"] = []any{
			idParameter(),
			queryParameter("chain", "Operations, settings and an extension, as they stand behind the id in an address; the answer leads to the page that has them there.", object{"type": "string"}),
		}
		o["responses"] = pageResponses()
	case "postUploadImage":
		files := object{"type": "array", "items": object{"type": "string", "contentMediaType": "application/octet-stream"}}
		o["requestBody"] = object{"required": true, "content": object{
			"multipart/form-data": object{"schema": object{
				"type": "object", "description": "Any number of files, under this name or any other.",
				"properties": object{"image": files}, "additionalProperties": files,
			}},
			"image/*":                  object{"schema": object{}},
			"application/octet-stream": object{"schema": object{}},
		}}
		o["responses"] = withProblems(object{"201": object{
			"description": "Kept, and on disk. Several files are answered by a list, with an error in the place of each that was refused.",
			"headers":     object{"Location": object{"description": "Address of the image, if it was one.", "schema": object{"type": "string"}}},
			"content": object{
				"application/json": object{"schema": object{"oneOf": []any{schemaRef("Uploaded"), schemaRef("Uploads")}}},
				"text/html":        htmlContent(),
			},
		}, "4XX": object{
			"description": "A problem. If several files were sent and all were refused: the list of them.",
			"content": object{
				"application/problem+json": object{"schema": schemaRef("Problem")},
				"application/json":         object{"schema": schemaRef("Uploads")},
				"text/html":                htmlContent(),
			},
		}})
	case "getDownload":
		o["parameters"] = []any{
			queryParameter("id", "Id of an image; the answer is its original.", object{"type": "string"}),
			queryParameter("dl", "1 has the original saved in place of shown.", object{"type": "string", "enum": []string{"0", "1"}}),
		}
		o["parameters"] = append(o["parameters"].([]any), listingParameters(galleryListing)...)
		content := imageContent(transform.Originals)
		content["text/html"] = htmlContent()
		content["application/json"] = object{"schema": object{"type": "object", "required": []string{"images"}, "properties": object{
			"images": object{"type": "array", "items": schemaRef("Shown")},
			"next":   nextSchema(),
		}}}
		o["responses"] = withProblems(object{
			"200": object{"description": "The original, or the gallery: a page, or JSON where Accept names it.", "content": content},
			"304": object{"description": "The client has it."},
		})
	case "getDownloadId":
		o["parameters"] = []any{idParameter()}
		o["responses"] = imageResponses()
	case "getProxySignatureSource":
		o["parameters"] = sourceParameters()
		o["responses"] = imageResponses()
	case "getCapabilities":
		o["responses"] = withProblems(object{"200": object{"description": "The formats.", "content": jsonContent(object{
			"type": "object", "required": []string{"formats"}, "properties": object{"formats": object{"type": "array", "items": object{
				"type": "object", "required": []string{"format", "read", "write"}, "properties": object{
					"format": object{"type": "string"}, "read": object{"type": "boolean"}, "write": object{"type": "boolean"},
				},
			}}},
		})}})
	default:
		o["responses"] = withProblems(object{"200": object{"description": "JSON.", "content": jsonContent(object{"type": "object"})}})
	}
	return o
}

// pageResponses are those of a page for people, to which a query may lead.
func pageResponses() object {
	return withProblems(object{
		"200": object{"description": "The page.", "content": object{"text/html": htmlContent()}},
		"303": object{"description": "The address that the query means.", "headers": object{"Location": object{"schema": object{"type": "string"}}}},
		"304": object{"description": "The client has it."},
	})
}

// operationID makes a name of a method and a path: getDownloadId.
func operationID(r route, m method) string {
	id := strings.ToLower(m.name)
	for _, word := range strings.FieldsFunc(r.path, func(c rune) bool { return strings.ContainsRune("/-{}.", c) }) {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	return id
}

// chainOperation describes prints. The parameters say of what.
func chainOperation(id, summary string, of ...any) object {
	return object{
		"operationId": id,
		"summary":     summary + "a chain of operations and settings, segment by segment, and an extension.",
		"description": "Operations run in the order in which they stand. Segments are described by the schema Operation. " +
			"The extension is a format, auto (chosen by Accept) or json (the print described).",
		"parameters": append(of, chainParameter()),
		"responses":  imageResponses(),
	}
}

func idParameter() object {
	return object{
		"name": "id", "in": "path", "required": true, "description": "Id of an image; an extension may follow it. Where the server wants a signature (--sign), that stands before it, in a segment of its own.",
		"schema": object{"type": "string"},
	}
}

// sourceParameters say where an original lives.
func sourceParameters() []any {
	return []any{
		object{
			"name": "signature", "in": "path", "required": true, "description": "A signature, ~KEY.END.CODE; or _ where the server wants none (--sign).",
			"schema": object{"type": "string"}, "example": "_",
		},
		object{
			"name": "source", "in": "path", "required": true, "description": "Address of the original, in base64url without padding; an extension may follow it.",
			"schema": object{"type": "string"}, "example": "aHR0cHM6Ly9pbWcuZXhhbXBsZS5vcmcvY2F0LmpwZw",
		},
	}
}

func chainParameter() object {
	return object{
		"name": "chain", "in": "path", "required": true, "schema": object{"type": "string"},
		"example": "crop:0,0,200,200/rotate:90.png",
	}
}

func queryParameter(name, doc string, schema object) object {
	return object{"name": name, "in": "query", "description": doc, "schema": schema}
}

func imageContent(formats []*transform.Format) object {
	content := object{}
	for _, f := range formats {
		content[f.Type] = object{"schema": object{}}
	}
	return content
}

func imageResponses() object {
	content := imageContent(transform.Originals) // an id alone asks for the original
	content["application/json"] = object{"schema": schemaRef("Print")}
	return withProblems(object{
		"200": object{
			"description": "The image, or for .json its description.", "content": content,
			"headers": object{
				"ETag": object{"schema": object{"type": "string"}},
				"Link": object{"description": "The canonical address, if another was used.", "schema": object{"type": "string"}},
			},
		},
		"301": object{
			"description": "The canonical address, if another was used, where the server is told to redirect (--canonical=redirect).",
			"headers":     object{"Location": object{"schema": object{"type": "string"}}},
		},
		"304": object{"description": "The client has it."},
	})
}

// withProblems adds what every resource may answer.
func withProblems(responses object) object {
	responses["default"] = object{
		"description": "A problem. The statuses and types are listed in components/responses.",
		"content":     object{"application/problem+json": object{"schema": schemaRef("Problem")}, "text/html": htmlContent()},
	}
	return responses
}

func problemResponses() object {
	responses := object{}
	for _, p := range append(slices.Clone(problems), internal) {
		responses[p.code] = object{
			"description": strconv.Itoa(p.status) + ": " + p.title + ".", "x-status": p.status, "x-title": p.title,
			"headers": object{
				"Calotype-Error": object{"schema": object{"const": p.code}},
				"Cache-Control":  object{"schema": object{"const": p.keep}},
			},
			"content": object{"application/problem+json": object{"schema": schemaRef("Problem")}},
		}
	}
	return responses
}

func problemSchema() object {
	text, number := object{"type": "string"}, object{"type": "integer"}
	return object{
		"type": "object", "description": "RFC 9457; what is wrong in a chain is told part by part.",
		"required": []string{"type", "title", "status"},
		"properties": object{
			"type": text, "title": text, "status": number, "detail": text, "instance": text,
			"segment": number, "offset": number, "operation": text, "parameter": text, "expected": text, "got": text,
		},
	}
}

func originalSchema() object {
	text, number := object{"type": "string"}, object{"type": "integer"}
	return object{
		"type": "object", "required": []string{"id", "url", "format", "width", "height", "frames", "alpha", "bytes", "created"},
		"properties": object{
			"id": text, "url": text, "name": text, "format": text, "width": number, "height": number,
			"frames": number, "alpha": object{"type": "boolean", "description": "It has an alpha channel."}, "bytes": number, "created": object{"type": "string", "format": "date-time"},
		},
	}
}

func shownSchema() object {
	shown := originalSchema()
	maps.Copy(shown["properties"].(object), object{
		"thumbnail":   object{"type": "string", "description": "Address of a print within 320×320 pixels."},
		"thumbnail2x": object{"type": "string", "description": "The same for screens of twice the density."},
		"blurhash":    object{"type": "string", "description": "What it looks like until the thumbnail is there. Images that were never listed before have none yet."},
	})
	shown["required"] = append(shown["required"].([]string), "thumbnail", "thumbnail2x")
	return shown
}

func uploadedSchema() object {
	text, number := object{"type": "string"}, object{"type": "integer"}
	return object{
		"type": "object", "required": []string{"id", "url", "format", "width", "height", "bytes"},
		"properties": object{
			"id": text, "url": text, "name": text, "format": text,
			"width": number, "height": number, "frames": number, "bytes": number,
		},
	}
}

func uploadsSchema() object {
	return object{
		"type": "object", "required": []string{"images"},
		"properties": object{"images": object{"type": "array", "items": object{"oneOf": []any{
			schemaRef("Uploaded"),
			object{
				"type": "object", "required": []string{"error"},
				"properties": object{"name": object{"type": "string"}, "error": schemaRef("Problem")},
			},
		}}}},
	}
}

func formatExtensions() []string {
	var names []string
	for _, f := range transform.Formats {
		names = append(append(names, f.Extension), f.Spellings...)
	}
	return append(names, "auto", "json")
}

// formatDescriptions say of each format which extension and media type it has, what it is for, and which settings are its own.
func formatDescriptions() []object {
	var list []object
	for _, f := range transform.Formats {
		settings := []string{}
		for _, s := range transform.Settings {
			if f.Takes(s) {
				settings = append(settings, s.Name)
			}
		}
		list = append(list, object{"name": f.Name, "extension": f.Extension, "type": f.Type, "doc": f.Doc, "settings": settings})
	}
	return list
}
