package remote

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// viaName is what the name of a Calotype in a Via header begins with (RFC 9110, 7.6.3).
const viaName = "calotype-"

// newVia returns the Via header of what one Fetcher asks for.
func newVia() string {
	return "1.1 " + viaName + strings.ToLower(rand.Text()[:8])
}

// FromFetcher tells by the Via header of a request, its lines joined by commas, whether a Calotype fetches a source by it, this or another. A request
// for a remote original that comes from one is a loop, or the step of one.
func FromFetcher(via string) bool {
	for member := range strings.SplitSeq(via, ",") {
		if fields := strings.Fields(member); len(fields) > 1 && strings.HasPrefix(strings.ToLower(fields[1]), viaName) {
			return true
		}
	}
	return false
}

// A self is one of the hosts of this server.
type self struct {
	host, port string // port "" is any
}

func parseSelf(hosts []string) (list []self, err error) {
	for _, text := range hosts {
		var s self
		if s.host, s.port, err = parseAuthority(text); err != nil {
			return nil, fmt.Errorf("host of this server %q: %w", text, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// is tells whether a source is at this server.
func (s self) is(source Source) bool {
	port := source.port
	for _, known := range schemes {
		if port == "" && known.name == source.scheme {
			port = known.port
		}
	}
	return s.host == source.host && (s.port == "" || s.port == port)
}
