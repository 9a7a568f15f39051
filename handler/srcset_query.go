package handler

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"calotype/transform"
)

// Limits of the query of /srcset.
const (
	srcsetQueryMost = 4096  // bytes, as they come
	widthsMost      = 16    // of one picture
	widthMost       = 65535 // pixels, what resize takes
	altMost         = 1000  // bytes
	sizesMost       = 500   // bytes
	baseMost        = 200   // bytes
)

// A srcsetQuery is what the query of /srcset asks for.
type srcsetQuery struct {
	widths      []int // of the prints, in pixels
	sizes       string
	alt         string
	loading     string
	placeholder bool
	base        string // what stands before the path of each address
	as          string // html or json
}

// A srcsetParameter is a parameter of the query of /srcset. The parser, its messages and the API description read it.
type srcsetParameter struct {
	name, doc string
	preset    string // the value that is read where the query has none, as it is written
	expected  string // what a value is, to follow the name in a sentence
	read      func(q *srcsetQuery, value string) bool
}

// defaultWidths are those of a query that names none.
const defaultWidths = "320,480,640,960,1280,1600,1920,2560"

var srcsetParameters = []srcsetParameter{
	{
		"widths", "Widths of the prints in pixels of the screen: a list as in 320,640,1280, or as in 320-1920/5 that many, each wider than the one before by the same factor.",
		defaultWidths,
		fmt.Sprintf("must be at most %d widths from 1 to %d as in 320,640,1280, or a range as in 320-1920/5", widthsMost, widthMost),
		func(q *srcsetQuery, value string) (ok bool) { q.widths, ok = readWidths(value); return ok },
	},
	{
		"sizes", "How wide the page shows the picture, as HTML's sizes attribute says it.",
		"100vw",
		"must be a list of CSS lengths (no percent), all but the last after a media condition, as in (min-width: 60rem) 50vw, 100vw",
		func(q *srcsetQuery, value string) bool { q.sizes = value; return isSizes(value) },
	},
	{
		"alt", "What the picture shows, for those who do not see it.",
		"",
		fmt.Sprintf("must be text of at most %d bytes without control characters", altMost),
		func(q *srcsetQuery, value string) bool { q.alt = value; return isText(value, altMost) },
	},
	{
		"loading", "lazy has the browser load the picture when it comes near the window, eager at once, as suits the first on a page.",
		"lazy", "must be lazy or eager",
		func(q *srcsetQuery, value string) bool { q.loading = value; return value == "lazy" || value == "eager" },
	},
	{
		"placeholder", "1 has a tiny picture in the tag, which is seen until the print is there. It is looked at for that, once.",
		"1", "must be 1 or 0",
		func(q *srcsetQuery, value string) bool {
			q.placeholder = value == "1"
			return value == "1" || value == "0"
		},
	},
	{
		"base", "What stands before the addresses, for pages of another host.",
		"", "must be the beginning of an address as in https://img.example.org, without a slash at its end",
		func(q *srcsetQuery, value string) bool { q.base = value; return value == "" || isBase(value) },
	},
	{
		"as", "html for a tag, json for its parts.",
		"html", "must be html or json",
		func(q *srcsetQuery, value string) bool { q.as = value; return value == "html" || value == "json" },
	},
}

// readSrcsetQuery reads a query as it stands in a request line. Errors wrap errBadQuery or transform.ErrTooLong.
func readSrcsetQuery(raw string) (srcsetQuery, error) {
	if len(raw) > srcsetQueryMost {
		return srcsetQuery{}, fmt.Errorf("%w: the query has %d bytes, at most %d are taken", transform.ErrTooLong, len(raw), srcsetQueryMost)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return srcsetQuery{}, fmt.Errorf("%w: %w", errBadQuery, err)
	}
	for name := range values {
		if !slices.ContainsFunc(srcsetParameters, func(p srcsetParameter) bool { return p.name == name }) {
			return srcsetQuery{}, fmt.Errorf("%w: %q is none of %s", errBadQuery, quoted(name), srcsetNames())
		}
	}
	var q srcsetQuery
	for _, p := range srcsetParameters {
		given := values[p.name]
		switch len(given) {
		case 0:
			p.read(&q, p.preset)
		case 1:
			if !p.read(&q, given[0]) {
				return srcsetQuery{}, fmt.Errorf("%w: %s %s, not %q", errBadQuery, p.name, p.expected, quoted(given[0]))
			}
		default:
			return srcsetQuery{}, fmt.Errorf("%w: %s is given twice", errBadQuery, p.name)
		}
	}
	return q, nil
}

func srcsetNames() string {
	var names []string
	for _, p := range srcsetParameters {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// readWidths reads 320,640,1280 or 320-1920/5. Tildes do for commas, as in paths.
func readWidths(value string) (widths []int, ok bool) {
	if span, count, ranged := strings.Cut(value, "/"); ranged {
		from, to, _ := strings.Cut(span, "-")
		least, okLeast := readCount(from, widthMost)
		most, okMost := readCount(to, widthMost)
		n, okCount := readCount(count, widthsMost)
		if !okLeast || !okMost || !okCount || n < 2 || least >= most {
			return nil, false
		}
		factor := math.Pow(float64(most)/float64(least), 1/float64(n-1))
		for i := range n {
			widths = append(widths, int(math.Round(float64(least)*math.Pow(factor, float64(i)))))
		}
		return widths, true
	}
	words := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == '~' })
	if len(words) == 0 || len(words) > widthsMost || len(words) != 1+strings.Count(value, ",")+strings.Count(value, "~") {
		return nil, false
	}
	for _, word := range words {
		width, ok := readCount(word, widthMost)
		if !ok {
			return nil, false
		}
		widths = append(widths, width)
	}
	return widths, true
}

// readCount reads digits that make a number from 1 to most.
func readCount(s string, most int) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil && 1 <= n && int(n) <= most
}

// isText tells whether s is text that a person could have written on one line.
func isText(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

var basePattern = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$`)

func isBase(s string) bool { return len(s) <= baseMost && basePattern.MatchString(s) }

var (
	// All that media conditions and lengths are written with. No quotation mark is among it, and no semicolon.
	sizesCharacters = regexp.MustCompile(`^[A-Za-z0-9 ().,:%+*/<>=-]+$`)
	// A length, or the word by which a browser takes the width that the layout gives.
	sizesLength   = regexp.MustCompile(`^(?i:([0-9]{1,6}|[0-9]{0,6}\.[0-9]{1,6})(px|r?em|r?ex|r?ch|r?lh|[sld]?v(w|h|min|max|i|b)|cm|mm|q|in|pt|pc)|0|auto)$`)
	sizesFunction = regexp.MustCompile(`^(?i:calc|min|max|clamp)\(.+\)$`)
)

// isSizes tells whether a browser would understand s as the value of a sizes attribute. It reads as much of CSS as keeps nonsense out.
func isSizes(s string) bool {
	if len(s) > sizesMost || !sizesCharacters.MatchString(s) {
		return false
	}
	parts, ok := splitOutside(s, ',')
	if !ok {
		return false
	}
	for i, part := range parts {
		words, _ := splitOutside(strings.TrimSpace(part), ' ')
		condition, length := words[:len(words)-1], words[len(words)-1]
		if !sizesLength.MatchString(length) && !sizesFunction.MatchString(length) {
			return false
		}
		auto := strings.EqualFold(length, "auto")
		switch isLast := i == len(parts)-1; {
		case auto && (i > 0 || len(condition) > 0):
			return false // it stands for itself, and first
		case auto:
		case isLast != (len(condition) == 0):
			return false
		case !isLast && !strings.Contains(part, "("):
			return false
		}
	}
	return true
}

// splitOutside cuts at a separator that stands outside of parentheses. ok is false if these are not in pairs.
func splitOutside(s string, separator byte) (parts []string, ok bool) {
	depth, from := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case separator:
			if depth == 0 {
				parts = append(parts, s[from:i])
				from = i + 1
			}
		}
		if depth < 0 {
			return nil, false
		}
	}
	return append(parts, s[from:]), depth == 0
}
