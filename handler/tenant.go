package handler

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"calotype/handler/preset"
	"calotype/handler/purge"
	"calotype/handler/quota"
	"calotype/handler/signing"
	"calotype/store"
	"calotype/store/remote"
	"calotype/transform"
)

// A Tenant is one of those for whom a server works: all that may differ between them.
type Tenant struct {
	// Name tells tenants apart, in the index too; it is empty for the one to whom belongs what no other's host is asked for.
	Name string
	// Hosts are the names in lower case, without a port, by which its addresses are asked for.
	Hosts []string
	// Access says who may upload, list and delete.
	Access Access
	// Sign says which addresses must be signed; "" means SignRemote.
	Sign string
	// Keys are those whose signatures are good; nil if there are none.
	Keys *signing.Keys
	// Quota bounds how many different prints are made for one client and of one original; nil bounds nothing.
	Quota *quota.Quota
	// Sources are those of originals that live elsewhere; nil allows none.
	Sources *remote.Allowed
	// UploadOrigins are the sites whose pages may upload, as browsers name them: https://example.org.
	UploadOrigins []string
	// MaxUploadBytes bounds one uploaded image; 0 means what bounds it for all.
	MaxUploadBytes int64
	// Limits bound images and prints, beside what bounds them for all.
	Limits transform.Limits
	// Most bounds what is kept, but for the tenant without a name.
	Most store.Usage
	// Presets are those of its file, which were checked; those that were sent to the server are beside them.
	Presets []transform.Preset
	// Policy says which chains are served; nil serves all.
	Policy *transform.Policy
}

// A tenant is a Tenant as it is since its last change. It is shared and never changed.
type tenant struct {
	Tenant
	// generation is never used again, by this tenant or another.
	generation uint64
	// guarded says that whoever knows the canonical address of a print may not have it for that alone. The address of a request is then kept in
	// memory behind prefix, which has the generation, so that what one tenant, or an earlier setting, has allowed says nothing for
	// another. What is signed is so kept in any case: keys change.
	guarded bool
	prefix  []byte
	// presets are those of the file and those that were sent.
	presets *preset.Set
}

// generations numbers tenants since the process began.
var generations atomic.Uint64

// newTenant makes a tenant of its settings.
func newTenant(t Tenant, restricted bool) *tenant {
	made := &tenant{Tenant: t, generation: generations.Add(1), guarded: restricted}
	// No address begins like this, and no key of a print.
	made.prefix = binary.BigEndian.AppendUint64([]byte{'\n'}, made.generation)
	return made
}

// restricted tells whether the address of a print alone is not enough to get it.
func (t *Tenant) restricted() bool {
	return t.Name != "" || t.Policy != nil || t.Sign == SignTransforms || t.Sign == SignAll
}

// tenants are all those of a server. They are replaced as a whole.
type tenants struct {
	fallback *tenant
	others   []Tenant
	byHost   map[string]*tenant
}

// refused is how many prints quotas have refused. All are kept in one book.
func (all *tenants) refused() uint64 {
	for _, t := range all.byHost {
		if t.Quota != nil {
			return t.Quota.Stats().Refused
		}
	}
	return all.fallback.Quota.Stats().Refused
}

// SetTenants has requests that come from now on served for these tenants; those under way end as they began. To the first belongs
// what no host of another is asked for: it has no name. It may be called at any time, but not by two at once.
func (h *Handler) SetTenants(fallback Tenant, others ...Tenant) {
	all := &tenants{others: others, byHost: map[string]*tenant{}}
	unread := false
	for i, t := range append([]Tenant{fallback}, others...) {
		t.Limits = t.Limits.Within(h.engine.Limits())
		if most := h.options.MaxUploadBytes; t.MaxUploadBytes <= 0 || t.MaxUploadBytes > most {
			t.MaxUploadBytes = most
		}
		made := newTenant(t, t.restricted() || len(others) > 0)
		var isNew bool
		made.presets, isNew = h.presetsOf(t)
		unread = unread || isNew
		if i == 0 {
			all.fallback = made
		}
		for _, host := range t.Hosts {
			all.byHost[host] = made
		}
	}
	if unread && h.hooks != nil { // New reads them itself
		h.hearOfPresets(purge.What{})
	}
	h.tenants.Store(all)
}

// Fallback is the tenant to whom belongs what no host of another is asked for, as it is now.
func (h *Handler) Fallback() Tenant { return h.tenants.Load().fallback.Tenant }

// Change changes that tenant, and no other. It may be called when SetTenants may.
func (h *Handler) Change(change func(*Tenant)) {
	all := h.tenants.Load()
	fallback := all.fallback.Tenant
	change(&fallback)
	h.SetTenants(fallback, all.others...)
}

// tenantKey is under what a request knows its tenant.
var tenantKey any = new(struct{})

// chooseTenant finds the tenant for whom a request is. It stays that, whatever becomes of the tenants meanwhile.
func (h *Handler) chooseTenant(ctx *fasthttp.RequestCtx) {
	all := h.tenants.Load()
	t := all.fallback
	if len(all.byHost) > 0 { // else the address need not be taken apart for its host
		t = all.of(ctx.Host())
	}
	ctx.SetUserValue(tenantKey, t)
}

// tenantOf returns the tenant for whom a request is.
func (h *Handler) tenantOf(ctx *fasthttp.RequestCtx) *tenant {
	if t, chosen := ctx.UserValue(tenantKey).(*tenant); chosen {
		return t
	}
	return h.tenants.Load().fallback
}

// of returns the tenant whose host is asked for; host is in lower case, and may have a port.
func (all *tenants) of(host []byte) *tenant {
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	if t, known := all.byHost[string(host)]; known {
		return t
	}
	return all.fallback
}

// asker names a client for whom work is done, so that none holds the whole engine. Clients of a tenant that are not known take turns as one.
func (t *Tenant) asker(client string) string {
	if t.Name == "" {
		return client
	}
	return t.Name + " " + client
}

// keyOf is under what a print is kept: its canonical address, and whose it is.
func keyOf(path, tenant string) string {
	if tenant == "" {
		return path
	}
	return path + tenantMark + tenant
}

// tenantMark stands before the name of the tenant in a key.
const tenantMark = "\n@"

// readKey returns the address of a print, and whose it is, of a key or of what begins with one.
func readKey(key string) (path, tenant string) {
	path, rest, _ := strings.Cut(key, "\n")
	if name, marked := strings.CutPrefix(rest, tenantMark[1:]); marked {
		tenant, _, _ = strings.Cut(name, "\n")
	}
	return strings.TrimSuffix(path, sketchMark), strings.TrimSuffix(tenant, sketchMark)
}

// owns tells whether an original is one of those that the tenant may see.
func (t *Tenant) owns(o store.Original) bool { return o.Tenant == t.Name }

// kept returns what an address of one of its requests is kept under in memory. It appends to room, and returns path itself where nothing
// stands before it.
func (t *tenant) kept(room, path []byte) []byte {
	if !t.guarded && !signing.Signed(path) {
		return path
	}
	return append(append(room, t.prefix...), path...)
}
