package handler

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/store"
	"calotype/transform"
)

// A listing is an address where originals are listed: the gallery, or the list for those who manage images.
type listing struct {
	path    string
	formats string // name of the parameter for types
	form    bool   // a form leads there, whose empty fields mean nothing
}

var (
	galleryListing = listing{path: "/download", formats: "exts", form: true}
	imagesListing  = listing{path: "/images", formats: "format"}
)

// read reads which originals of a tenant a query asks for.
func (l listing) read(query *fasthttp.Args, tenant string) (page store.Query, err error) {
	page.Tenant, page.Limit = tenant, galleryLimit
	if page.Formats, err = formatsOf(l.formats, string(query.Peek(l.formats))); err != nil {
		return page, err
	}
	page.Name = strings.ToValidUTF8(string(query.Peek("q")), "\uFFFD")
	if len(page.Name) > store.MaxName {
		return page, fmt.Errorf("%w: q is a part of the name of a file, which has at most %d bytes", errBadQuery, store.MaxName)
	}
	if page.Since, err = l.readTime(query, "since"); err != nil {
		return page, err
	}
	if page.Until, err = l.readTime(query, "until"); err != nil {
		return page, err
	}
	if query.Has("limit") {
		page.Limit, err = strconv.Atoi(string(query.Peek("limit")))
		if err != nil || page.Limit < 1 || page.Limit > galleryMost {
			return page, fmt.Errorf("%w: limit is a number from 1 to %d, not %q", errBadQuery, galleryMost, quoted(string(query.Peek("limit"))))
		}
	}
	if query.Has("before") {
		page.Before, err = store.ParseID(string(query.Peek("before")))
		if err != nil {
			return page, fmt.Errorf("%w: before is the id of an image, not %q", errBadQuery, quoted(string(query.Peek("before"))))
		}
	}
	return page, nil
}

// readTime reads a time such as 2026-11-26T01:30:00Z, or a day, which begins in UTC. The zero time is none.
func (l listing) readTime(query *fasthttp.Args, name string) (time.Time, error) {
	text := string(query.Peek(name))
	if !query.Has(name) || l.form && text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if when, err := time.Parse(layout, text); err == nil {
			return when, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s is a time such as 2026-11-26T01:30:00Z or a day such as 2026-11-26, not %q", errBadQuery, name, quoted(text))
}

// address is that of a page.
func (l listing) address(page store.Query) string {
	query := url.Values{}
	if len(page.Formats) > 0 {
		query.Set(l.formats, strings.Join(page.Formats, "|"))
	}
	if page.Name != "" {
		query.Set("q", page.Name)
	}
	if !page.Since.IsZero() {
		query.Set("since", shortTime(page.Since))
	}
	if !page.Until.IsZero() {
		query.Set("until", shortTime(page.Until))
	}
	if page.Limit != galleryLimit && page.Limit != 0 {
		query.Set("limit", strconv.Itoa(page.Limit))
	}
	if page.Before != (store.ID{}) {
		query.Set("before", page.Before.String())
	}
	if len(query) == 0 {
		return l.path
	}
	return l.path + "?" + query.Encode()
}

// next is the address of the page after one that ends with an id; "" if there is none.
func (l listing) next(page store.Query, last store.ID) string {
	if last == (store.ID{}) {
		return ""
	}
	page.Before = last
	return l.address(page)
}

// first is the address of the first of the pages that a page is one of.
func (l listing) first(page store.Query) string {
	page.Before = store.ID{}
	return l.address(page)
}

// shortTime writes a time as short as readTime reads it.
func shortTime(when time.Time) string {
	if when = when.UTC(); when.Equal(when.Truncate(24 * time.Hour)) {
		return when.Format(time.DateOnly)
	}
	return when.Format(time.RFC3339Nano)
}

// formatsOf reads a list of types such as jpeg|jpg|png, which is the value of a parameter. Commas, semicolons and spaces do
// as well. Nothing means all.
func formatsOf(parameter, list string) ([]string, error) {
	var names []string
	separator := func(r rune) bool { return strings.ContainsRune("|,; +", r) }
	for _, word := range strings.FieldsFunc(strings.ToLower(list), separator) {
		f := transform.OriginalByExtension(strings.TrimPrefix(word, "."))
		if f == nil {
			var known []string
			for _, f := range transform.Originals {
				known = append(known, f.Extension)
			}
			return nil, fmt.Errorf("%w: %s lists types among %s, and %q is none of them", errBadQuery, parameter, strings.Join(known, ", "), quoted(word))
		}
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names, nil
}
