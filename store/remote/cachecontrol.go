package remote

import (
	"net/http"
	"strings"
	"time"
)

// directives are those of Cache-Control, with lower-case names. Of a name that comes twice the first value counts (RFC 9111, 4.2.1).
type directives map[string]string

// unreadable stands for a value that is none, so that it is not taken for a missing one.
const unreadable = "\x00"

// longestSeconds is what larger numbers of seconds stand for (RFC 9111, 1.2.2).
const longestSeconds = 1<<31 - 1

// parseDirectives reads all Cache-Control lines of a header. It never fails: what cannot be read has a value that means nothing.
func parseDirectives(h http.Header) directives {
	d := directives{}
	for _, line := range h.Values("Cache-Control") {
		for line != "" {
			var member string
			member, line = nextMember(line)
			name, value, has := strings.Cut(member, "=")
			trimmed := strings.ToLower(strings.TrimSpace(name))
			if has && strings.TrimLeft(name, " \t") != strings.TrimSpace(name) {
				value = unreadable // no white space may stand before the sign
			}
			if _, twice := d[trimmed]; trimmed != "" && !twice {
				d[trimmed] = unquoted(value)
			}
		}
	}
	return d
}

// nextMember cuts a list at its first comma outside of quotes.
func nextMember(list string) (member, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case quoted && list[i] == '\\':
			i++
		case !quoted && list[i] == ',':
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// unquoted takes the quotes off a value. A number in quotes is read as well, since some send it.
func unquoted(value string) string {
	value = strings.TrimRight(value, " \t")
	if inner, opened := strings.CutPrefix(value, `"`); opened {
		inner, closed := strings.CutSuffix(inner, `"`)
		if !closed {
			return unreadable
		}
		return inner
	}
	return value
}

// has tells whether a directive is there, with or without a value.
func (d directives) has(name string) bool {
	_, found := d[name]
	return found
}

// seconds returns the value of a directive that is a number of seconds. It is known if the directive is there; a value that is no number is 0,
// by which an answer is stale.
func (d directives) seconds(name string) (_ time.Duration, known bool) {
	value, found := d[name]
	if !found {
		return 0, false
	}
	n, _ := parseSeconds(value)
	return n, true
}

// parseSeconds reads delta-seconds: digits and nothing else.
func parseSeconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(s[i]-'0'), longestSeconds)
	}
	return time.Duration(n) * time.Second, true
}
