// Package forwarded finds out who a request comes from, when it has come through proxies that say so. It knows no HTTP but the
// values of two headers.
package forwarded

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Networks are where the proxies are whose word is taken. The zero value trusts nobody.
type Networks []netip.Prefix

// loopback is what the word in a list of networks stands for.
var loopback = Networks{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// ParseNetworks reads a list of networks such as 10.0.0.0/8 and 2001:db8::/32, of addresses, and of the word loopback.
func ParseNetworks(list []string) (Networks, error) {
	var all Networks
	for _, text := range list {
		text = strings.TrimSpace(text)
		if text == "loopback" {
			all = append(all, loopback...)
			continue
		}
		network, err := netip.ParsePrefix(text)
		if err != nil {
			var address netip.Addr
			if address, err = netip.ParseAddr(text); err == nil && address.Zone() == "" {
				network = netip.PrefixFrom(address, address.BitLen())
			}
		}
		if !network.IsValid() || network.Addr().Is4In6() {
			return nil, fmt.Errorf("%q is neither a network such as 10.0.0.0/8, nor an address, nor the word loopback", text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

// Has tells whether an address is in one of the networks.
func (n Networks) Has(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(n, func(network netip.Prefix) bool { return network.Contains(address) })
}
