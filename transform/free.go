package transform

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the longest text that a URL may carry, in bytes of UTF-8.
const maxText = 1024

// read returns the value of a free parameter: an id in lower case and with its hyphens, a name as it stands or in lower case, or the text that
// base64url stands for; its padding may be left out. ok is false for what is no such value.
func (p *Param) read(s string) (value string, ok bool) {
	switch p.Kind {
	case ID:
		return hyphenated(strings.ToLower(s)), isID(s)
	case Name:
		if p.Lower {
			s = strings.ToLower(s)
		}
		return s, len(s) <= int(p.Max) && isName(s)
	}
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	text := string(decoded)
	legible := err == nil && len(text) <= maxText && utf8.ValidString(text) && strings.TrimSpace(text) != "" &&
		!strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) })
	return text, legible
}

// write appends the canonical spelling of a free value.
func (p *Param) write(dst []byte, value string) []byte {
	if p.Kind != Text {
		return append(dst, value...)
	}
	return base64.RawURLEncoding.AppendEncode(dst, []byte(value))
}

// isName tells whether s is a word that means the same in an address, in a header and as the name of a file.
func isName(s string) bool {
	for i := range len(s) {
		inside := i > 0 && (s[i] == '-' || s[i] == '_')
		if !isLetter(s[i]) && !isDigit(s[i]) && !inside {
			return false
		}
	}
	return s != ""
}

// hyphenated writes 32 characters as an id in its usual form, so that one image has one spelling in a chain.
func hyphenated(id string) string {
	if len(id) != 32 || strings.Contains(id, "-") {
		return id
	}
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}
