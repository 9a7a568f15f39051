package handler

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"calotype/handler/quota"
	"calotype/store/remote"
)

// A Tenant is one of those for whom a server works: all that may differ between them.
type Tenant struct {
	// Name tells tenants apart, in the index too; it is empty for the one to whom belongs what no other's host is asked for.
	Name string
	// Hosts are the names in lower case, without a port, by which its addresses are asked for.
	Hosts []string
	// Access says who may upload, list and delete.
	Access Access
	// Quota bounds how many different prints are made for one client and of one original; nil bounds nothing.
	Quota *quota.Quota
	// Sources are those of originals that live elsewhere; nil allows none.
	Sources *remote.Allowed
}

// A tenant is a Tenant as it is since its last change. It is shared and never changed.
type tenant struct {
	Tenant
	// generation is never used again, by this tenant or another.
	generation uint64
	// prefix is what the addresses of its requests are kept under in memory. It is empty if whoever knows the canonical address of a
	// print may have it: then that address is its key. Else it has the generation, so that what one tenant, or an earlier
	// setting, has allowed says nothing for another.
	prefix []byte
}

// generations numbers tenants since the process began.
var generations atomic.Uint64

// newTenant makes a tenant of its settings.
func newTenant(t Tenant, restricted bool) *tenant {
	made := &tenant{Tenant: t, generation: generations.Add(1)}
	if restricted {
		// No address begins like this, and no key of a print.
		made.prefix = binary.BigEndian.AppendUint64([]byte{'\n'}, made.generation)
	}
	return made
}

// restricted tells whether the address of a print alone is not enough to get it.
func (t *Tenant) restricted() bool { return t.Name != "" }

// tenants are all those of a server. They are replaced as a whole.
type tenants struct {
	fallback *tenant
	byHost   map[string]*tenant
}

// setTenants has requests that come from now on served for these tenants. The first is the one whose host need not be named.
func (h *Handler) setTenants(list ...Tenant) {
	all := &tenants{byHost: map[string]*tenant{}}
	for i, t := range list {
		made := newTenant(t, t.restricted() || len(list) > 1)
		if i == 0 {
			all.fallback = made
		}
		for _, host := range t.Hosts {
			all.byHost[host] = made
		}
	}
	h.tenants.Store(all)
}

// tenantOf returns the tenant for whom a request is.
func (h *Handler) tenantOf(ctx *fasthttp.RequestCtx) *tenant {
	all := h.tenants.Load()
	if len(all.byHost) == 0 {
		return all.fallback
	}
	if t, known := all.byHost[strings.ToLower(hostOf(ctx.Host()))]; known {
		return t
	}
	return all.fallback
}

// hostOf cuts the port off the host of a request.
func hostOf(host []byte) string {
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	return string(host)
}

// kept returns what an address of one of its requests is kept under in memory. It appends to room, and returns path itself where nothing
// stands before it.
func (t *tenant) kept(room, path []byte) []byte {
	if len(t.prefix) == 0 {
		return path
	}
	return append(append(room, t.prefix...), path...)
}
