package handler

// srcsetOperation describes /srcset, for images as they are and for chains.
func srcsetOperation(summary, id string, parameters ...any) object {
	for _, p := range srcsetParameters {
		schema := object{"type": "string"}
		if p.preset != "" {
			schema["default"] = p.preset
		}
		parameters = append(parameters, queryParameter(p.name, p.doc+" It "+p.expected+".", schema))
	}
	return object{
		"operationId": id,
		"summary":     summary,
		"description": "With auto as the extension a picture element with a source for each format, else an img element. " +
			"Other parameters than these are refused. No print is made but a small one for the placeholder.",
		"parameters": parameters,
		"responses": withProblems(object{
			"200": object{"description": "The tag, or with as=json its parts.", "content": object{
				"text/html": htmlContent(), "application/json": object{"schema": schemaRef("Picture")},
			}},
			"304": object{"description": "The client has it."},
		}),
	}
}

func pictureSchema() object {
	text, number := object{"type": "string"}, object{"type": "integer"}
	return object{
		"type": "object", "description": "What a page says of an image so that every browser takes the print that suits it.",
		"required": []string{"id", "src", "width", "height", "sizes", "alt", "loading", "sources"},
		"properties": object{
			"id": text, "src": text, "sizes": text, "alt": text, "loading": object{"type": "string", "enum": []string{"lazy", "eager"}},
			"width": object{"type": "integer", "description": "Of src, as is height."}, "height": number,
			"placeholder": object{"type": "string", "description": "A data URI; none for what is transparent, since it would be seen through it."},
			"sources": object{
				"type": "array", "minItems": 1, "description": "The best first; the last is for all browsers.",
				"items": object{
					"type": "object", "required": []string{"type", "srcset", "prints"},
					"properties": object{
						"type": text, "srcset": text,
						"prints": object{
							"type": "array", "minItems": 1, "description": "From the narrowest to the widest.",
							"items": object{
								"type": "object", "required": []string{"url", "width", "height"},
								"properties": object{"url": text, "width": number, "height": number},
							},
						},
					},
				},
			},
		},
	}
}
