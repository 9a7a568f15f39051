package purge

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Secrets are what hooks prove by that they may purge.
type Secrets struct {
	Token      string // for http, sent as a bearer token; may be empty
	Cloudflare string // an API token with the permission to purge
	Fastly     string // an API token with the scope purge_select
	AWS        AWS    // of somebody who may create invalidations
}

// A kind of cache.
type kind struct {
	name string
	// base is the address of the vendor's API, for kinds that are one; what follows the colon is then an account. Kinds without
	// one are told an address.
	base string
	make func(place *url.URL, account string, s Secrets) (*Hook, error)
}

// kinds are all kinds of caches.
var kinds = []kind{
	{name: "varnish", make: varnish},
	{name: "nginx", make: nginx},
	{name: "cloudflare", base: "https://api.cloudflare.com", make: cloudflare},
	{name: "fastly", base: "https://api.fastly.com", make: fastly},
	{name: "cloudfront", base: "https://cloudfront.amazonaws.com", make: cloudfront},
	{name: "http", make: plain},
}

// New returns the hooks at addresses: varnish+http://host:port, nginx+http://host:port, http+https://host/path, and for vendors
// cloudflare:zone, fastly:service and cloudfront:distribution, or with another address of the API cloudflare+https://host/zone.
// Its errors repeat no secret.
func New(addresses []string, s Secrets) ([]*Hook, error) {
	var hooks []*Hook
	for i, address := range addresses {
		h, err := newHook(address, s)
		if err != nil {
			return nil, fmt.Errorf("purge hook %d: %w", i+1, err)
		}
		if slices.ContainsFunc(hooks, func(other *Hook) bool { return other.Name == h.Name }) {
			return nil, fmt.Errorf("purge hook %d: %s is named twice", i+1, h.Name)
		}
		hooks = append(hooks, h)
	}
	return hooks, nil
}

func newHook(address string, s Secrets) (*Hook, error) {
	i := strings.IndexAny(address, "+:")
	if i < 0 {
		i = 0
	}
	k := slices.IndexFunc(kinds, func(k kind) bool { return k.name == address[:i] })
	if k < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.name)
		}
		return nil, fmt.Errorf("it begins with a kind of cache and a plus or colon; the kinds are %s", strings.Join(names, ", "))
	}
	chosen, rest := kinds[k], address[i+1:]
	account := ""
	if address[i] == ':' {
		if chosen.base == "" {
			return nil, fmt.Errorf("%s takes an address: %s+http://HOST:PORT", chosen.name, chosen.name)
		}
		account, rest = rest, chosen.base
	}
	place, err := url.Parse(rest)
	if err != nil || place.Scheme != "http" && place.Scheme != "https" || place.Host == "" {
		return nil, fmt.Errorf("what follows %s+ is an address that begins with http:// or https://", chosen.name)
	}
	where := place.Host
	if chosen.base != "" {
		if account == "" {
			place.Path, account = "", strings.Trim(place.Path, "/")
		}
		if account == "" || strings.ContainsAny(account, "/?#% ") {
			return nil, fmt.Errorf("%s: the zone, service or distribution is missing or odd", chosen.name)
		}
		where = account
	}
	h, err := chosen.make(place, account, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", chosen.name, err)
	}
	h.Name, h.FirstPause = chosen.name+" "+where, firstPause
	return h, nil
}

// How much is told in one call.
const (
	varnishTags    = 100 // a header of a request has at most 8 KiB there by default
	cloudflareTags = 30  // on every plan
	fastlyTags     = 256
	nginxImages    = 50 // one after the other
	plainImages    = 500
)

// byTags makes a call for each so many tags.
func byTags(most int, make func(tags []string) call) func(What) ([]call, error) {
	return func(what What) ([]call, error) {
		var calls []call
		for tags := range slices.Chunk(what.allTags(), most) {
			calls = append(calls, make(tags))
		}
		return calls, nil
	}
}

// byPaths makes a call for each so many paths, for caches that know no tags.
func byPaths(most int, make func(paths []string) call) func(What) ([]call, error) {
	return func(what What) ([]call, error) {
		if len(what.Tags) > 0 {
			return nil, fmt.Errorf("%w: it knows no tags, and cannot forget %s", ErrRefused, strings.Join(what.Tags, ", "))
		}
		var calls []call
		for paths := range slices.Chunk(what.allPaths(), most) {
			calls = append(calls, make(paths))
		}
		return calls, nil
	}
}

// varnish sends PURGE / with the tags in the header xkey, which a VCL with vmod_xkey understands.
func varnish(place *url.URL, _ string, _ Secrets) (*Hook, error) {
	address := place.JoinPath("/").String()
	return &Hook{batch: varnishTags, calls: byTags(varnishTags, func(tags []string) call {
		return request("PURGE", address, "", "xkey", strings.Join(tags, " "))
	})}, nil
}

// nginx sends PURGE with a path that ends in a star, for all that begins like it. NGINX Plus understands that, and
// https://github.com/nginx-modules/ngx_cache_purge, which answers 404 or 412 when it had nothing to forget.
func nginx(place *url.URL, _ string, _ Secrets) (*Hook, error) {
	base := strings.TrimSuffix(place.String(), "/")
	return &Hook{
		batch: nginxImages,
		calls: byPaths(1, func(paths []string) call { return request("PURGE", base+paths[0]+"*", "") }),
		judge: func(status int, body []byte) error {
			if status == http.StatusNotFound || status == http.StatusPreconditionFailed {
				return nil
			}
			return judgeStatus(status, body)
		},
	}, nil
}

// cloudflare asks for a purge by tags:
// https://developers.cloudflare.com/api/resources/cache/methods/purge/.
func cloudflare(place *url.URL, zone string, s Secrets) (*Hook, error) {
	if s.Cloudflare == "" {
		return nil, errors.New("it needs a token")
	}
	address := place.JoinPath("client/v4/zones", zone, "purge_cache").String()
	return &Hook{
		batch: cloudflareTags,
		calls: byTags(cloudflareTags, func(tags []string) call {
			body, _ := json.Marshal(map[string][]string{"tags": tags})
			return request("POST", address, string(body), "Authorization", "Bearer "+s.Cloudflare, "Content-Type", "application/json")
		}),
		judge: func(status int, body []byte) error {
			var answer struct{ Success bool }
			if err := json.Unmarshal(body, &answer); status == http.StatusOK && (err != nil || !answer.Success) {
				return fmt.Errorf("%w: status 200, but no success: %s", ErrRefused, excerpt(body))
			}
			return judgeStatus(status, body)
		},
	}, nil
}

// fastly purges by surrogate keys: https://www.fastly.com/documentation/reference/api/purging/.
func fastly(place *url.URL, service string, s Secrets) (*Hook, error) {
	if s.Fastly == "" {
		return nil, errors.New("it needs a token")
	}
	address := place.JoinPath("service", service, "purge").String()
	return &Hook{batch: fastlyTags, calls: byTags(fastlyTags, func(tags []string) call {
		return request("POST", address, "", "Fastly-Key", s.Fastly, "Surrogate-Key", strings.Join(tags, " "), "Accept", "application/json")
	})}, nil
}

// plain sends what is to be forgotten as JSON.
func plain(place *url.URL, _ string, s Secrets) (*Hook, error) {
	headers := []string{"Content-Type", "application/json"}
	if s.Token != "" {
		headers = append(headers, "Authorization", "Bearer "+s.Token)
	}
	return &Hook{batch: plainImages, calls: func(what What) ([]call, error) {
		list := func(l []string) []string { return append([]string{}, l...) } // null is a trap for whoever reads it
		body, err := json.Marshal(struct {
			IDs   []string `json:"ids"`
			Tags  []string `json:"tags"`
			Paths []string `json:"paths"`
		}{list(what.IDs), what.allTags(), list(what.allPaths())})
		return []call{request("POST", place.String(), string(body), headers...)}, err
	}}, nil
}
