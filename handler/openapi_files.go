package handler

import (
	"calotype/handler/tus"
)

// describeFiles fills in the description of an operation on uploads that can be resumed. It tells whether it is one.
func describeFiles(o object, id string) bool {
	uploadID := object{
		"name": "id", "in": "path", "required": true, "description": "Id of an upload, which becomes that of the image.", "schema": object{"type": "string"},
	}
	text, number := object{"type": "string"}, object{"type": "integer", "minimum": 0}
	given := func(name, doc string, schema object, required bool) object {
		return object{"name": name, "in": "header", "required": required, "description": doc, "schema": schema}
	}
	version := given(tus.HeaderResumable, "The version of the protocol.", object{"type": "string", "const": tus.Version}, true)
	checksum := given(tus.HeaderChecksum, "An algorithm of "+tus.Algorithms()+" and, in Base64, what it makes of the bytes of this request. If they have another, none of them counts.", text, false)
	body := object{"content": object{tus.ContentType: object{"schema": object{}}}}
	told := func(names ...string) object {
		docs := map[string]string{
			"Location":          "Address of the upload.",
			"Content-Location":  "Address of the image, once the upload has become one.",
			tus.HeaderResumable: "The version of the protocol.",
			tus.HeaderOffset:    "Bytes that have come, and survive a loss of power.",
			tus.HeaderLength:    "Bytes that will come, where that is known.",
			tus.HeaderExpires:   "When the upload is dropped if no further byte comes.",
			tus.HeaderMetadata:  "As it was sent.",
			tus.HeaderConcat:    "partial, for what becomes a part of another upload.",
		}
		headers := object{}
		for _, name := range append(names, "Content-Location", tus.HeaderResumable, tus.HeaderOffset, tus.HeaderExpires) {
			headers[name] = object{"description": docs[name], "schema": text}
		}
		return headers
	}
	such := func(parameter object, example any) object {
		parameter["example"] = example
		return parameter
	}
	switch id {
	case "postFiles":
		o["description"] = "Bytes may come along. With Upload-Concat: final it is made of others that are complete. What the limits do not allow is refused before its first byte."
		o["parameters"] = []any{
			version,
			given(tus.HeaderLength, "Bytes of the file. Either this, or "+tus.HeaderDeferLength+".", number, false),
			such(given(tus.HeaderDeferLength, "1: the length is not known yet, and told by a later PATCH.", object{"type": "string", "const": "1"}, false), "1"),
			given(tus.HeaderMetadata, "Keys and values in Base64, separated by commas. filename, or name, is the name of the image.", text, false),
			given(tus.HeaderConcat, "partial, for what becomes a part of another; or final; and the addresses of parts.", text, false),
			checksum,
		}
		o["requestBody"] = body
		o["responses"] = withProblems(object{"201": object{
			"description": "Begun; and if that was all of it, the image.", "headers": told("Location"),
			"content": jsonContent(object{"oneOf": []any{schemaRef("Upload"), schemaRef("Uploaded")}}),
		}})
	case "getFilesId":
		o["description"] = "HEAD is of the protocol, and ends what another request does with the upload. GET is for those who want to know."
		o["parameters"] = []any{uploadID}
		o["responses"] = withProblems(object{"200": object{
			"description": "What is known of it. If it was refused, the answer is the problem.", "headers": told(tus.HeaderLength, tus.HeaderMetadata, tus.HeaderConcat),
			"content": jsonContent(object{"oneOf": []any{schemaRef("Upload"), schemaRef("Uploaded")}}),
		}})
	case "patchFilesId":
		o["parameters"] = []any{
			uploadID, version,
			such(given(tus.HeaderOffset, "Bytes that have come before.", number, true), 0),
			given(tus.HeaderLength, "Bytes of the file, if that was not known.", number, false),
			checksum,
		}
		o["requestBody"] = body
		o["responses"] = withProblems(object{"204": object{"description": "On disk; and if that was the rest of it, the image is kept.", "headers": told()}})
	case "deleteFilesId":
		o["parameters"] = []any{uploadID, version}
		o["responses"] = withProblems(object{"204": object{"description": "Nothing is left of it."}})
	default:
		return false
	}
	return true
}

// fileSchema is a fileDescription.
func fileSchema() object {
	text, number := object{"type": "string"}, object{"type": "integer"}
	return object{
		"type": "object", "required": []string{"id", "offset", "expires"}, "properties": object{
			"id": text, "name": text,
			"offset":  object{"type": "integer", "description": "Bytes that have come."},
			"length":  number,
			"expires": object{"type": "string", "format": "date-time"},
		},
	}
}
