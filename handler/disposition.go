package handler

import (
	"strings"

	"calotype/store"
	"calotype/transform"
)

// disposition says whether a browser is to show an image or to save it, and as which file: under the name that the address gives, else
// that of the upload, else the id, with the extension of the format that is sent. The plain name is ASCII, the other one UTF-8 (RFC 6266,
// RFC 8187).
func disposition(o store.Original, f *transform.Format, chain transform.Chain) []byte {
	kind := "inline"
	if f.Active || chain.Attached() {
		kind = "attachment"
	}
	stem := chain.FileName()
	if stem == "" {
		stem = o.Name
		if i := strings.LastIndexByte(stem, '.'); i > 0 {
			stem = stem[:i]
		}
	}
	if stem == "" {
		stem = o.ID.String()
	}
	extension := "." + f.Extension
	var ascii, encoded strings.Builder
	plain := true
	for _, r := range stem {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\/:%;`, r) {
			plain = false
			ascii.WriteByte('_')
		} else {
			ascii.WriteRune(r)
		}
		for _, b := range []byte(string(r)) {
			if isAttrChar(b) {
				encoded.WriteByte(b)
			} else {
				const digits = "0123456789ABCDEF"
				encoded.Write([]byte{'%', digits[b>>4], digits[b&15]})
			}
		}
	}
	value := kind + `; filename="` + ascii.String() + extension + `"`
	if !plain {
		value += "; filename*=UTF-8''" + encoded.String() + extension
	}
	return []byte(value)
}

// isAttrChar tells whether a byte stands for itself in an extended parameter (RFC 8187, attr-char).
func isAttrChar(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("!#$&+-.^_`|~", b) >= 0
}
