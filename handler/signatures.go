package handler

import (
	"strings"
	"time"

	"calotype/handler/signing"
	"calotype/store"
)

// Which addresses must be signed. A signature that is there must be good, whether it must be there or not.
const (
	SignOff        = "off"        // none
	SignRemote     = "remote"     // those of originals that live elsewhere, and of their prints
	SignTransforms = "transforms" // these, and those of all prints
	SignAll        = "all"        // all addresses of images
)

// wantsSignature tells whether an address below a route must be signed: one that is free, being of an original as it is or of a print that whoever writes
// presets has decided on, or another.
func (t *Tenant) wantsSignature(route string, free bool) bool {
	switch t.Sign {
	case SignOff:
		return false
	case SignTransforms:
		return route == proxyRoute || !free
	case SignAll:
		return true
	}
	return route == proxyRoute
}

// verify checks the signature of an address, and whether there must be one. It returns when it ends; zero if it does not.
func (a *asking) verify() (expires time.Time, err error) {
	if a.route == srcsetRoute {
		return time.Time{}, nil
	}
	if !a.signed {
		if a.route == proxyRoute && a.tenant.Sources == nil {
			return time.Time{}, nil // there is nothing that a signature could get
		}
		if a.tenant.wantsSignature(a.route, a.target.Chain.IsOriginal() || a.target.Chain.IsPreset()) {
			err = signing.ErrMissing
		}
		return time.Time{}, err
	}
	permit, err := a.tenant.Keys.Verify(nil, a.path, time.Now())
	if permit.Expires != 0 {
		expires = time.Unix(permit.Expires, 0)
	}
	return expires, err
}

// handOut returns the address of an image as all can use it to whom it is told: signed, without an end, if it must be. It is for answers to
// those who manage images, and for nobody else.
func (t *Tenant) handOut(path string, original bool) string {
	route := downloadRoute
	if strings.HasPrefix(path, proxyRoute) {
		route = proxyRoute
	}
	if !t.wantsSignature(route, original) {
		return path
	}
	signed, err := t.Keys.Sign(path, signing.Terms{})
	if err != nil {
		return path // there is no key, and nobody may have it
	}
	return signed
}

// printOf is the address of a print of an original, as pages for those who manage images have it. The chain begins with a slash or a dot.
func (t *Tenant) printOf(o store.Original, chain string) string {
	return t.handOut(keptHere(o).place+chain, false)
}

// describe is what those who manage images are told of an original.
func (t *Tenant) describe(o store.Original) originalDescription {
	d := describeOriginal(keptHere(o))
	d.URL = t.handOut(d.URL, true)
	return d
}
