package transform

import (
	"strconv"
	"strings"
)

// negotiable are the formats that a client gets only if its Accept header names them, best first.
var negotiable = []*Format{avif, webp}

// negotiate chooses the format of a print by an Accept header (RFC 9110, 12.5.1). Only a type that is named counts: image/*
// and */* come from clients that know neither WebP nor AVIF. Among the named types the highest weight wins, then the
// order of negotiable. Whoever names none gets fallback or, if that is nil, what suits the picture.
func negotiate(accept string, fallback *Format, original Original) *Format {
	best, weight := (*Format)(nil), 0.0
	for _, f := range negotiable {
		if original.Frames > 1 && !f.Animation {
			continue
		}
		if w := weightOf(accept, f.Type); w > weight {
			best, weight = f, w
		}
	}
	switch {
	case best != nil:
		return best
	case fallback != nil:
		return fallback
	case original.Frames > 1:
		return gif
	case original.Alpha:
		return png
	}
	return jpeg
}

// weightOf returns the weight that an Accept header gives a media type by name, 0 if none.
func weightOf(accept, mediaType string) float64 {
	for accept != "" {
		var entry string
		entry, accept, _ = strings.Cut(accept, ",")
		name, parameters, _ := strings.Cut(entry, ";")
		if !strings.EqualFold(strings.TrimSpace(name), mediaType) {
			continue
		}
		weight := 1.0
		for parameters != "" {
			var parameter string
			parameter, parameters, _ = strings.Cut(parameters, ";")
			key, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			if strings.EqualFold(key, "q") {
				w, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				if err != nil || w < 0 || w > 1 {
					w = 0
				}
				weight = w
			}
		}
		return weight
	}
	return 0
}
