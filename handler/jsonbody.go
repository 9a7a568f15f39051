package handler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
)

// readJSON reads the body of a request, one JSON object of at most so many bytes with no other fields than those of what value points to.
// What is wrong with it wraps bad; like says what it should be.
func readJSON(contentType string, body io.Reader, most int64, value any, bad error, like string) error {
	// A form of another site could send any other type without asking first.
	if mediaType, _, _ := mime.ParseMediaType(contentType); mediaType != "application/json" {
		return fmt.Errorf("%w: its Content-Type is not application/json", bad)
	}
	text, err := io.ReadAll(io.LimitReader(body, most+1))
	switch {
	case err != nil:
		return fmt.Errorf("%w: it did not come to its end", bad)
	case int64(len(text)) > most:
		return fmt.Errorf("%w: it has more than %d bytes", bad, most)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return fmt.Errorf("%w: it is not a JSON object %s: %w", bad, like, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%w: something follows the JSON object", bad)
	}
	return nil
}
