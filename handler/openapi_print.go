package handler

// printSchema describes the answer to .json.
func printSchema() object {
	text, whole, number := object{"type": "string"}, object{"type": "integer"}, object{"type": "number"}
	told := func(schema object, doc string) object { return object{"type": schema["type"], "description": doc} }
	return object{
		"type": "object", "description": "A print without its pixels. What stands from alpha on is told with describe:look, exif with describe:exif.",
		"required": []string{"id", "url", "format", "type", "width", "height", "frames", "bytes", "dpr", "orientation", "plan", "cost", "original"},
		"properties": object{
			"id": text, "url": told(text, "The canonical address."), "format": text, "type": text, "width": whole, "height": whole, "frames": whole, "bytes": whole,
			"dpr":         told(number, "The factor that came true."),
			"orientation": object{"type": "integer", "minimum": 1, "maximum": 8, "description": "That of EXIF which was undone."},
			"plan":        object{"type": "array", "items": text, "description": "What is done, step by step, in words."},
			"cost": object{
				"type": "object", "description": "What the print is predicted to take.", "required": []string{"milliseconds", "memory"},
				"properties": object{
					"milliseconds": told(number, "Time of a processor."), "memory": told(whole, "Bytes, more than will be used."),
				},
			},
			"original": schemaRef("Original"),
			"exif": object{
				"type": "object", "description": "How the original was taken, as far as it says.", "additionalProperties": false,
				"properties": object{
					"make": text, "model": text, "lensMake": text, "lensModel": text, "exposureTime": told(number, "Seconds."), "fNumber": number, "iso": whole,
					"focalLength": told(number, "Millimetres."), "focalLength35": told(whole, "Millimetres, of the same view on 35 mm film."),
					"taken":       told(text, "RFC 3339, without an offset from UTC if the original has none."),
					"description": text, "artist": text, "copyright": text,
				},
			},
			"alpha":       object{"type": "boolean", "description": "Something is transparent."},
			"color":       told(text, "The color that most pixels are near to, as #rrggbb."),
			"colors":      object{"type": "array", "items": text, "description": "At most six, the most frequent first."},
			"blurhash":    text,
			"thumbhash":   told(text, "Base64."),
			"phash":       told(text, "64 bits in hexadecimal digits: prints that look alike differ in few of them."),
			"placeholder": told(text, "A tiny picture as a data URI."),
		},
	}
}
