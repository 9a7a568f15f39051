package handler

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"calotype/handler/purge"
	"calotype/store"
)

// Cache tags are names by which caches in front can forget an answer: that of each image that is seen in it, and that of its
// format. Their form is known to those who write purges, and does not change.
const (
	imageTag  = "img-" // and the id
	formatTag = "fmt-" // and the extension
)

// A tagHeader is a header that carries the tags.
type tagHeader struct {
	name      []byte
	separator string
}

// separatedByComma are the headers that take commas between tags; the others, Surrogate-Key and xkey, take spaces.
var separatedByComma = []string{"cache-tag", "edge-cache-tag"}

func tagHeaders(names []string) []tagHeader {
	var list []tagHeader
	for _, name := range names {
		h := tagHeader{[]byte(name), " "}
		if slices.Contains(separatedByComma, strings.ToLower(name)) {
			h.separator = ","
		}
		list = append(list, h)
	}
	return list
}

// tagsOf returns the tags of an answer: of the image, of those laid on it, and of the extension.
func tagsOf(extension string, o store.Original, layers ...store.Original) []string {
	tags := []string{imageTagOf(o)}
	for _, l := range layers {
		if tag := imageTagOf(l); !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return append(tags, purge.Tag(o.Tenant, formatTag+extension))
}

// imageTagOf is the tag of an image. What lives elsewhere several tenants may show, each under a tag of his own.
func imageTagOf(o store.Original) string {
	tag := imageTag + o.ID.String()
	if livesElsewhere(o.ID) {
		return purge.Tag(o.Tenant, tag)
	}
	return tag
}

// livesElsewhere tells whether an id is that of a source, which is made of its text (a UUID of version 8, RFC 9562, 5.8), and not of an
// original that was uploaded.
func livesElsewhere(id store.ID) bool { return id[6]>>4 == 8 }

// tagValues writes tags as the value of each header that is wanted.
func (h *Handler) tagValues(tags []string) [][]byte {
	values := make([][]byte, len(h.tags))
	for i := range h.tags {
		values[i] = []byte(strings.Join(tags, h.tags[i].separator))
	}
	return values
}

// setTags sets what tagValues returned.
func (h *Handler) setTags(header *fasthttp.ResponseHeader, values [][]byte) {
	for i := range h.tags {
		header.SetCanonical(h.tags[i].name, values[i])
	}
}
