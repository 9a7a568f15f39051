package sniff

import (
	"bytes"
	"strings"
)

// isSVG looks for the element svg, or a document type of that name, after a byte order mark, white space, an XML
// declaration, processing instructions and comments. All of that must end within head.
func isSVG(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	for {
		head = bytes.TrimLeft(head, " \t\r\n")
		end := ""
		switch {
		case bytes.HasPrefix(head, []byte("<!--")):
			head, end = head[len("<!--"):], "-->"
		case bytes.HasPrefix(head, []byte("<?")):
			end = "?>"
		default:
			return opens(head, "<!doctype svg") || opens(head, "<svg") || opens(head, "<svg:svg")
		}
		i := bytes.Index(head, []byte(end))
		if i < 0 {
			return false
		}
		head = head[i+len(end):]
	}
}

// opens says whether head begins with tag, in upper or lower case, and not with a longer name.
func opens(head []byte, tag string) bool {
	return len(head) > len(tag) && strings.EqualFold(string(head[:len(tag)]), tag) &&
		bytes.IndexByte([]byte(" \t\r\n>/["), head[len(tag)]) >= 0
}
