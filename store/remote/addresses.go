package remote

import (
	"fmt"
	"net/netip"
)

// special are the networks in which no public server is: all of IANA's registries of special-purpose addresses for IPv4 and IPv6
// (https://www.iana.org/assignments/iana-ipv4-special-registry, iana-ipv6-special-registry), whether they are reachable from everywhere or not, those
// for multicast, and the one public address at which a cloud tells its machines their secrets. Of IPv6, what is not in 2000::/3 is not assigned to
// anybody (RFC 4291, 2.4) and needs no entry.
var special = []struct {
	network netip.Prefix
	use     string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private use"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by customers of a provider"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the host of a machine at Azure"},
	{netip.MustParsePrefix("169.254.0.0/16"), "this link, and metadata of clouds"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private use"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocols of the IETF"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.31.196.0/24"), "AS112"},
	{netip.MustParsePrefix("192.52.193.0/24"), "multicast tunnels"},
	{netip.MustParsePrefix("192.88.99.0/24"), "relays of 6to4"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private use"},
	{netip.MustParsePrefix("192.175.48.0/24"), "AS112"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved, and broadcast"},

	{netip.MustParsePrefix("2001::/23"), "protocols of the IETF, among them Teredo"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4"},
	{netip.MustParsePrefix("2620:4f:8000::/48"), "AS112"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
}

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// nat64 holds the IPv4 address that it translates to in its last 32 bits (RFC 6052). Machines without IPv4 reach all of it through here.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// networks are those that may be reached although they are special.
type networks []netip.Prefix

// refuse says why no connection may be made to an address. It returns nil if one may.
func (n networks) refuse(address netip.Addr) error {
	if address.Zone() != "" {
		return fmt.Errorf("%s is on one link", address)
	}
	address = address.Unmap()
	for _, network := range n {
		if network.Contains(address) {
			return nil
		}
	}
	if nat64.Contains(address) {
		bytes := address.As16()
		return n.refuse(netip.AddrFrom4([4]byte(bytes[12:])))
	}
	if address.Is6() && (!globalUnicast.Contains(address) || isISATAP(address)) {
		return fmt.Errorf("%s is not a public address", address)
	}
	for _, s := range special {
		if s.network.Contains(address) {
			return fmt.Errorf("%s is in %s: %s", address, s.network, s.use)
		}
	}
	return nil
}

// isISATAP tells whether an address leads to the IPv4 address that is in its last 32 bits (RFC 5214, 6.1), by whatever network.
func isISATAP(address netip.Addr) bool {
	bytes := address.As16()
	universal := bytes[8] &^ 0x03 // the bits that say whether the address is unique, and of one machine
	return universal == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe
}
