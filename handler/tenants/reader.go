package tenants

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A reader takes a file apart, and notes what is wrong.
type reader struct {
	options Options
	path    string
	folder  string
	tenants []Tenant
	hosts   map[string]Place // of all tenants
	tenant  *Tenant          // that is being read
	setting string           // of it
	errs    []error
}

// nameForm is that of a tenant's name, which becomes part of cache tags and stays in the index for ever.
var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// fail notes what is wrong at a node.
func (r *reader) fail(n *yaml.Node, format string, values ...any) {
	reason := fmt.Errorf(format, values...)
	if r.tenant != nil {
		r.errs = append(r.errs, r.tenant.Wrong(r.setting, r.at(n), reason))
		return
	}
	r.errs = append(r.errs, fmt.Errorf("%w: %v: %w", ErrFile, r.at(n), reason))
}

func (r *reader) at(n *yaml.Node) Place { return Place{r.path, n.Line} }

// file reads the whole.
func (r *reader) file(n *yaml.Node) {
	for name, value := range r.pairs(n, "tenants by their names") {
		switch {
		case !nameForm.MatchString(name.Value):
			r.fail(name, "the name of a tenant has 1 to 32 letters a to z, digits and hyphens, none at its ends, not %q", name.Value)
		case len(r.tenants) == MaxTenants:
			r.fail(name, "there are more than %d tenants", MaxTenants)
			return
		default:
			r.tenants = append(r.tenants, r.one(name, value))
		}
	}
}

// one reads one tenant.
func (r *reader) one(name, n *yaml.Node) Tenant {
	t := Tenant{Name: name.Value, place: r.at(name), places: map[string]Place{}}
	r.tenant = &t
	defer func() { r.tenant, r.setting = nil, "" }()
	r.setting = "what it says"
	for key, value := range r.pairs(n, "settings by their names") {
		i := slices.IndexFunc(Settings, func(s Setting) bool { return s.Name == key.Value })
		if i < 0 {
			r.setting = "what it says"
			r.fail(key, "there is no setting %q; the settings are %s", key.Value, settingNames())
			continue
		}
		r.setting = key.Value
		t.places[key.Value] = r.at(key)
		Settings[i].read(r, resolve(value), &t)
	}
	if _, said := t.places["hosts"]; !said {
		r.setting = "hosts"
		r.fail(name, "it needs at least one")
	}
	return t
}

// pairs yields the keys of a mapping and what they stand for. It notes what is no mapping, and keys that come twice.
func (r *reader) pairs(n *yaml.Node, of string) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		n = resolve(n)
		if n.Kind != yaml.MappingNode {
			r.fail(n, "must be a mapping: %s", of)
			return
		}
		first := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := resolve(n.Content[i])
			if key.Kind != yaml.ScalarNode {
				r.fail(key, "a name must be a word")
				continue
			}
			if line, again := first[key.Value]; again {
				r.fail(key, "%q stands in line %d already", key.Value, line)
				continue
			}
			first[key.Value] = key.Line
			if !yield(key, n.Content[i+1]) {
				return
			}
		}
	}
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// items are the parts of a list. One that stands alone need not be in a list.
func items(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	var list []*yaml.Node
	for _, item := range n.Content {
		list = append(list, resolve(item))
	}
	return list
}

// text reads one word, or number as it is written.
func (r *reader) text(n *yaml.Node) (Text, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		r.fail(n, "must be a text")
		return Text{}, false
	}
	return Text{n.Value, r.at(n)}, true
}

// texts reads a list of words.
func (r *reader) texts(n *yaml.Node) (list []Text) {
	for _, item := range items(n) {
		if t, good := r.text(item); good {
			list = append(list, t)
		}
	}
	return list
}

// boolean reads true or false.
func (r *reader) boolean(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		r.fail(n, "must be true or false")
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// number reads a whole number of at least least.
func (r *reader) number(n *yaml.Node, least, most int64) int64 {
	number, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil || number < least || number > most {
		r.fail(n, "must be a whole number of at least %d%s", least, upTo(most))
		return 0
	}
	return number
}

func upTo(most int64) string {
	if most >= math.MaxInt32 {
		return ""
	}
	return fmt.Sprintf(" and at most %d", most)
}

// numbers reads a list of whole numbers.
func (r *reader) numbers(n *yaml.Node, least, most int64) (list []int) {
	for _, item := range items(n) {
		list = append(list, int(r.number(item, least, most)))
	}
	return list
}

// size reads a number of bytes, above 0.
func (r *reader) size(n *yaml.Node) int64 {
	bytes, err := r.options.Size(n.Value)
	switch {
	case n.Kind != yaml.ScalarNode:
		r.fail(n, "must be a size")
	case err != nil:
		r.fail(n, "%w", err)
	case bytes < 1:
		r.fail(n, "must be at least 1 byte")
	default:
		return bytes
	}
	return 0
}

// filePath reads the path of a file, which is seen from the folder of the file of tenants.
func (r *reader) filePath(n *yaml.Node) Text {
	t, good := r.text(n)
	if good && !filepath.IsAbs(t.Value) {
		t.Value = filepath.Join(r.folder, t.Value)
	}
	return t
}

// hostNames reads the hosts of a tenant, which are no other's.
func (r *reader) hostNames(n *yaml.Node) (list []string) {
	if len(items(n)) == 0 {
		r.fail(n, "it needs at least one")
	}
	for _, item := range items(n) {
		t, good := r.text(item)
		if !good {
			continue
		}
		host := strings.ToLower(t.Value)
		if err := checkHost(host); err != nil {
			r.fail(item, "%w, not %q", err, t.Value)
			continue
		}
		if place, taken := r.hosts[host]; taken {
			r.fail(item, "%s is in line %d already", host, place.Line)
			continue
		}
		r.hosts[host] = t.Place
		list = append(list, host)
	}
	return list
}

var hostForm = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

var errHost = errors.New("must be the name of a host as it stands in a request, without a port and a point at its end (xn--… for what is not ASCII), or an address")

// checkHost checks the name of a host in lower case.
func checkHost(host string) error {
	if inside, bracketed := strings.CutPrefix(host, "["); bracketed {
		inside, closed := strings.CutSuffix(inside, "]")
		if a, err := netip.ParseAddr(inside); err != nil || !closed || !a.Is6() || a.String() != inside {
			return errHost
		}
		return nil
	}
	if len(host) > 253 || !hostForm.MatchString(host) {
		return errHost
	}
	return nil
}
