package handler

import (
	"maps"

	"calotype/handler/purge"
	"calotype/transform"
)

// describeManagement fills in the description of an operation on images as a whole. It tells whether it is one.
func describeManagement(o object, id string) bool {
	imageID := []any{object{
		"name": "id", "in": "path", "required": true, "description": "Id of an image.", "schema": object{"type": "string"},
	}}
	presetName := []any{object{
		"name": "name", "in": "path", "required": true, "description": "Name of a preset.", "example": "avatar", "schema": object{"type": "string"},
	}}
	presetMatch := object{
		"name": "If-Match", "in": "header", "schema": object{"type": "string"},
		"description": "Entity tags, one of which must be that of the preset as it is, or an asterisk.",
	}
	answer := func(description, schema string) object {
		return object{"description": description, "content": jsonContent(schemaRef(schema))}
	}
	switch id {
	case "getImages":
		o["parameters"] = listingParameters(imagesListing)
		o["responses"] = withProblems(object{"200": answer("A page.", "Images")})
	case "getImagesId":
		o["parameters"] = imageID
		o["responses"] = withProblems(object{"200": answer("The image.", "Image"), "304": object{"description": "The client has it."}})
	case "deleteImagesId":
		match := object{
			"name": "If-Match", "in": "header", "schema": object{"type": "string"},
			"description": "Entity tags of the original or of its description, one of which must fit, or an asterisk.",
		}
		o["description"] = "When it is answered, nothing is served any more that shows the image, and caches in front are being told. It cannot be undone."
		o["parameters"] = append(imageID, match)
		o["responses"] = withProblems(object{"204": object{"description": "Deleted."}})
	case "getPresets":
		o["responses"] = withProblems(object{"200": answer("All of them, by name.", "Presets")})
	case "getPresetsName":
		o["parameters"] = presetName
		o["responses"] = withProblems(object{"200": answer("The preset.", "Preset"), "304": object{"description": "The client has it."}})
	case "putPresetsName":
		o["description"] = "The chain is then what addresses with preset:NAME mean, on all servers with the same index, and caches in front are told to forget " +
			"those. Its number goes on from the last one, and is not used again. A chain that is the newest already changes nothing."
		o["parameters"] = append(presetName, presetMatch, object{
			"name": "If-None-Match", "in": "header", "schema": object{"type": "string"}, "description": "An asterisk, for a preset that must be new.",
		})
		o["requestBody"] = jsonBody(object{
			"type": "object", "additionalProperties": false, "required": []string{"chain"}, "properties": object{
				"chain": object{"type": "string", "description": "Operations and settings, and an extension if it is to have a format, as in crop:ar=1x1/resize:160.webp."},
			},
		}, object{"chain": "crop:ar=1x1/resize:160.webp"})
		o["responses"] = withProblems(object{
			"200": answer("It has a new version, or had that chain already.", "Preset"), "201": answer("It is new.", "Preset"),
			"502": answer("It has a new version, but not every cache in front was told.", "Preset"),
		})
	case "deletePresetsName":
		o["description"] = "Addresses with it are 404 then, also those that name a version. Versions are not used again if there is a preset of that name later."
		o["parameters"] = append(presetName, presetMatch)
		o["responses"] = withProblems(object{
			"204": object{"description": "Removed."}, "502": answer("Removed, but not every cache in front was told.", "Preset"),
		})
	case "postPurge":
		list := func(doc string) object {
			return object{"type": "array", "items": object{"type": "string"}, "description": doc}
		}
		o["requestBody"] = jsonBody(object{
			"type": "object", "additionalProperties": false, "minProperties": 1, "properties": object{
				"ids":      list("Images, with all that shows them."),
				"tags":     list("Cache tags."),
				"prefixes": list("Beginnings of canonical addresses, each with the id of an image."),
				"presets":  list("Names; each stands for the tag preset-NAME."),
			},
		}, object{"tags": []string{"fmt-webp"}, "presets": []string{"hero"}})
		o["responses"] = withProblems(object{
			"200": answer("Forgotten, here and by all hooks.", "Purged"),
			"502": answer("Forgotten here, but not by every hook.", "Purged"),
		})
	case "postSign":
		o["description"] = "For pages and programs that show what must be signed (--sign) and have no key. Whoever gets the address can use it, without a token. " +
			"A server without keys answers 409."
		o["requestBody"] = jsonBody(object{
			"type": "object", "additionalProperties": false, "required": []string{"address"}, "properties": object{
				"address": object{"type": "string", "description": "Path of an original or a print, below /download/ or /proxy/, without a query."},
				"expires": object{"type": "integer", "minimum": 0, "default": 0, "description": "When the signature ends, in seconds since 1970; 0 is never."},
				"grant":   object{"type": "string", "description": "What may be appended to the address, as in w1600s80_d3_avif-webp-jpg; nothing if there is none."},
			},
		}, object{"address": downloadRoute + transform.ExampleImage + "/resize:640.webp"})
		o["responses"] = withProblems(object{"200": answer("The address, signed.", "Signed")})
	default:
		return false
	}
	return true
}

// listingParameters say which images are listed.
func listingParameters(l listing) []any {
	when := object{"type": "string", "description": "A time (RFC 3339), or a day, which begins in UTC."}
	return []any{
		queryParameter(l.formats, "Types to list, as in jpeg|png; nothing lists all.", object{"type": "string"}),
		queryParameter("q", "A part of the names of files, in letters of either case; nothing lists all.", object{"type": "string"}),
		queryParameter("since", "Only images that were uploaded then or later.", when),
		queryParameter("until", "Only images that were uploaded before.", when),
		queryParameter("before", "Where the page before ended, as next says.", object{"type": "string"}),
		queryParameter("limit", "Images on a page.", object{"type": "integer", "minimum": 1, "maximum": galleryMost, "default": galleryLimit}),
	}
}

// nextSchema describes the address of a next page.
func nextSchema() object {
	return object{"type": "string", "description": "Address of the next page. In a search pages may have fewer images than the limit before that, or none."}
}

// managementSchemas describe what is answered.
func managementSchemas() object {
	text := object{"type": "string"}
	image := originalSchema()
	properties := image["properties"].(object)
	maps.Copy(properties, object{
		"digest": object{"type": "string", "description": "SHA-256 of the bytes, in hexadecimal digits."},
		"etag":   object{"type": "string", "description": "Of the original. If-Match takes it."},
		"tags":   object{"type": "array", "items": text, "description": "Cache tags of the original."},

		"thumbnail":   object{"type": "string", "description": "Address of the small print that pages show."},
		"thumbnail2x": object{"type": "string", "description": "Address of the same with twice as many pixels each way."},
	})
	image["required"] = append(image["required"].([]string), "digest", "etag", "tags", "thumbnail", "thumbnail2x")
	hooks := object{"type": "array", "items": object{
		"type": "object", "required": []string{"hook", "outcome"}, "properties": object{
			"hook": text, "outcome": object{"type": "string", "enum": purge.Outcomes}, "error": text,
		},
	}}
	chain := object{
		"version": object{"type": "integer", "description": "None in a file that numbers no chains."},
		"chain":   object{"type": "string"},
		"created": object{"type": "string", "format": "date-time"},
	}
	described := object{
		"name":     text,
		"from":     object{"type": "string", "enum": []string{presetFromFile, presetWasSent}, "description": "file: it stands in a file of the server. api: it was sent."},
		"etag":     object{"type": "string", "description": "Of its newest version. If-Match takes it."},
		"tag":      object{"type": "string", "description": "Cache tag of what its newest version has made."},
		"versions": object{"type": "array", "items": object{"type": "object", "required": []string{"chain"}, "properties": chain}, "description": "The newest is the last."},
		"uses":     object{"type": "array", "items": text, "description": "Presets that stand in it."},
		"error":    object{"type": "string", "description": "Why it is not served."},
		"hooks":    hooks,
	}
	maps.Copy(described, chain)
	return object{
		"Preset": object{"type": "object", "required": []string{"name", "from", "tag", "versions"}, "properties": described},
		"Presets": object{"type": "object", "required": []string{"presets"}, "properties": object{
			"presets": object{"type": "array", "items": schemaRef("Preset")},
		}},
		"Image": image,
		"Images": object{
			"type": "object", "required": []string{"images"}, "properties": object{
				"images": object{"type": "array", "items": schemaRef("Image"), "description": "The newest first."},
				"next":   nextSchema(),
			},
		},
		"Signed": object{
			"type": "object", "required": []string{"address"}, "properties": object{
				"address": object{"type": "string", "description": "The path with its signature."},
				"expires": object{"type": "integer", "description": "When it ends, if it does."},
			},
		},
		"Purged": object{
			"type": "object", "required": []string{"prints", "hooks"}, "properties": object{
				"prints": object{"type": "integer", "description": "Prints that this server had in memory and has forgotten."},
				"hooks":  hooks,
			},
		},
	}
}
