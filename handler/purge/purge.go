// Package purge tells the caches in front of the service what to forget: a Varnish or nginx of one's own, Cloudflare, Fastly,
// CloudFront, or any program that takes a POST. What a deletion has left to tell is kept by a ledger until it is told.
package purge

import (
	"slices"
	"strings"

	"calotype/store"
)

// What is what to forget. All is in its one spelling, and safe to stand in a header and in the path of a URL.
type What struct {
	Tenant string   `json:",omitempty"` // whose tags and paths; images are known without it
	IDs    []string // images, with all that shows them
	Tags   []string // cache tags, other than those of images
	Paths  []string // beginnings of paths, each of which names an image
}

// The form of the tags and addresses of an image.
const imageTag = "img-"

var routes = []string{"/download/", "/srcset/"}

// ImageOf returns the id of the image that the beginning of a canonical path names, or "" if it is none.
func ImageOf(path string) string {
	const length, longest = 36, 4096
	for _, route := range routes {
		rest, is := strings.CutPrefix(path, route)
		if !is || len(rest) < length || len(path) > longest {
			continue
		}
		id, err := store.ParseID(rest[:length])
		odd := strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`*%?#"<>\`, r) })
		if err == nil && id.String() == rest[:length] && !odd {
			return id.String()
		}
	}
	return ""
}

// tenantTag begins the tags of a tenant that others might have, too; his name and a point follow.
const tenantTag = "tenant-"

// Tag returns a tag as it stands in the answers that a tenant's images are sent with.
func Tag(tenant, tag string) string {
	if tenant == "" {
		return tag
	}
	return tenantTag + tenant + "." + tag
}

// Untagged returns the tag that a tenant means, with or without what Tag has added. It tells whether it is his.
func Untagged(tenant, tag string) (string, bool) {
	if tenant != "" {
		tag = strings.TrimPrefix(tag, Tag(tenant, ""))
	}
	return tag, !strings.HasPrefix(tag, tenantTag)
}

// allTags returns what is to be forgotten as tags. For a path it is the tag of its image, which stands for more.
func (w What) allTags() []string {
	var tags []string
	for _, id := range w.IDs {
		tags = append(tags, imageTag+id)
	}
	for _, path := range w.Paths {
		tags = append(tags, imageTag+ImageOf(path))
	}
	for _, tag := range w.Tags {
		tags = append(tags, Tag(w.Tenant, tag))
	}
	return unique(tags)
}

// allPaths returns the images and paths that are to be forgotten as beginnings of paths. Tags have none.
func (w What) allPaths() []string {
	var paths []string
	for _, id := range w.IDs {
		for _, route := range routes {
			paths = append(paths, route+id)
		}
	}
	return unique(append(paths, w.Paths...))
}

// unique returns a list without repetitions, in its order.
func unique(list []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}
