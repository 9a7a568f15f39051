package forwarded

import (
	"net/netip"
	"slices"
	"strings"
)

// Client returns the address that a request comes from. peer is the other end of its connection, forwarded and forFor are the
// values of its headers Forwarded (RFC 7239) and X-Forwarded-For, each "" if it has none, their lines joined by commas.
//
// A peer that is not in the trusted networks is the client itself, whatever the headers say. Else each proxy has written down
// whom it was asked by, the last one at the right; so the client is the first from the right that is not trusted, and if all
// are, the leftmost. What stands left of it is the client's own invention. Where a proxy does not tell an address (unknown,
// or a name of its own making), or tells what is none, it is the client: it speaks for someone whom it does not name.
//
// Proxies keep one of the headers and hand on the other as it came. If both lead to different clients nobody knows which
// is an invention, and the client is the peer.
//
// told says whether a trusted peer has spoken for another.
func Client(peer netip.Addr, trusted Networks, forwarded, forFor string) (client netip.Addr, told bool) {
	peer = peer.Unmap().WithZone("")
	if forwarded == "" && forFor == "" || !trusted.Has(peer) {
		return peer, false
	}
	if forwarded == "" {
		return walk(peer, trusted, hopsOfFor(forFor)), true
	}
	client = walk(peer, trusted, hopsOfForwarded(forwarded))
	if forFor != "" && walk(peer, trusted, hopsOfFor(forFor)) != client {
		return peer, true
	}
	return client, true
}

// walk goes from the peer from hop to hop as long as those who tell of them are trusted. hops are as written, the
// nearest last.
func walk(peer netip.Addr, trusted Networks, hops []string) netip.Addr {
	at := peer
	for i := len(hops) - 1; i >= 0 && trusted.Has(at); i-- {
		next, ok := parseNode(hops[i])
		if !ok {
			break
		}
		at = next
	}
	return at
}

// hopsOfFor splits the value of X-Forwarded-For.
func hopsOfFor(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(hop string) bool { return strings.TrimSpace(hop) == "" })
}

// hopsOfForwarded returns the parameter for= of each element of a Forwarded header, "" where an element has none. It returns
// a single "" if the header is not well formed: then not even its right end can be told.
func hopsOfForwarded(list string) []string {
	malformed := []string{""}
	var hops []string
	var element map[string]string // nil as long as it is empty: such elements are allowed, and none
	for rest := list; ; rest = rest[1:] {
		rest = strings.TrimLeft(rest, " \t")
		if rest != "" && rest[0] != ',' && rest[0] != ';' {
			name, text, ok := strings.Cut(rest, "=")
			if !ok || strings.ContainsAny(name, ",; \t\"") {
				return malformed
			}
			var value string
			if value, rest, ok = cutValue(text); !ok {
				return malformed
			}
			if element == nil {
				element = map[string]string{}
			}
			name = strings.ToLower(name)
			if _, twice := element[name]; twice {
				return malformed
			}
			element[name] = value
			rest = strings.TrimLeft(rest, " \t")
		}
		if rest == "" || rest[0] == ',' {
			if element != nil {
				hops = append(hops, element["for"])
				element = nil
			}
			if rest == "" {
				return hops
			}
		} else if rest[0] != ';' {
			return malformed
		}
	}
}

// cutValue cuts a token or a quoted string off the beginning of a text.
func cutValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ",; \t\"")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return b.String(), text[i+1:], true
		case '\\':
			i++
			if i == len(text) {
				return "", "", false
			}
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

// parseNode reads an address as proxies write it: 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1] or
// [2001:db8::1]:4711. What stands for the port is not looked at: it may be a name (RFC 7239, 6.3).
func parseNode(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if inside, bracketed := strings.CutPrefix(text, "["); bracketed {
		var port string
		text, port, bracketed = strings.Cut(inside, "]")
		if !bracketed || port != "" && port[0] != ':' {
			return netip.Addr{}, false
		}
	} else if strings.Count(text, ":") == 1 {
		text, _, _ = strings.Cut(text, ":")
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.IsUnspecified() {
		return netip.Addr{}, false
	}
	return address.Unmap().WithZone(""), true
}
