package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
)

// registries are IANA's: the special-purpose addresses of IPv4 and IPv6 as of 2025, in their order, and multicast. Two are left
// out, behind which the address of IPv4 decides: ::ffff:0:0/96 and 64:ff9b::/96.
var registries = []string{
	"0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32",
	"192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/4",
	"::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28",
	"2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
}

// metadata are addresses at which clouds tell their machines secrets.
var metadata = []string{"169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"}

// forbidden returns the first, a middle and the last address of each network of the registries, and the metadata, each once.
func forbidden() (list []netip.Addr) {
	known := map[netip.Addr]bool{}
	add := func(a netip.Addr) {
		if !known[a] {
			known[a] = true
			list = append(list, a)
		}
	}
	for _, text := range registries {
		network := netip.MustParsePrefix(text)
		first := network.Addr()
		middle, last := first.AsSlice(), first.AsSlice()
		for bit := network.Bits(); bit < first.BitLen(); bit++ {
			mask := byte(0x80) >> (bit % 8)
			last[bit/8] |= mask
			if bit == network.Bits() || bit%3 == 0 {
				middle[bit/8] |= mask
			}
		}
		add(first)
		for _, bytes := range [][]byte{middle, last} {
			a, _ := netip.AddrFromSlice(bytes)
			add(a)
		}
	}
	for _, text := range metadata {
		add(netip.MustParseAddr(text))
	}
	return list
}

// A vector is a way to name an address that must not be reached.
type vector struct {
	host string
	want error // that it is refused by: ErrSource if no spelling of an address may be so, ErrNotAllowed if only this address may not be reached
}

// spellings returns ways to write an IPv4 address that some programs read.
func spellings(a netip.Addr) []vector {
	b := a.As4()
	n := binary.BigEndian.Uint32(b[:])
	each := func(format, separator string) string {
		var parts []string
		for _, part := range b {
			parts = append(parts, fmt.Sprintf(format, part))
		}
		return strings.Join(parts, separator)
	}
	wide := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '０'
		}
		return r
	}, a.String())
	list := []vector{{a.String(), ErrNotAllowed}, {a.String() + ":8080", ErrNotAllowed}}
	for _, host := range []string{
		strconv.FormatUint(uint64(n), 10),
		strconv.FormatUint(uint64(n)+1<<32, 10),
		"0" + strconv.FormatUint(uint64(n), 8),
		"0x" + strconv.FormatUint(uint64(n), 16),
		"0X" + strings.ToUpper(strconv.FormatUint(uint64(n), 16)),
		each("0%o", "."),
		each("%03d.", "") + "0", // five parts
		each("0x%x", "."),
		fmt.Sprintf("%d.%d", b[0], n&0xffffff),
		fmt.Sprintf("%d.%d.%d", b[0], b[1], n&0xffff),
		fmt.Sprintf("0x%x.%d.0%o.%d", b[0], b[1], b[2], b[3]),
		fmt.Sprintf("%d.%d.%d.0x%x", b[0], b[1], b[2], b[3]),
		each("%d", "。"), each("%d", "．"), each("%d", "｡"), wide,
		a.String() + ".", a.String() + "。", "." + a.String(),
		"example.org@" + a.String(), a.String() + "@example.org", "example.org:80@" + a.String() + ":80", "example.org\\@" + a.String(), a.String() + "\\@example.org",
		strings.ReplaceAll(a.String(), ".", "%2e"), "%3" + a.String()[:1] + a.String()[1:],
		a.String() + "%00.example.org", a.String() + "\t.example.org", a.String() + "%eth0",
	} {
		list = append(list, vector{host, ErrSource})
	}
	return list
}

// embeddings returns ways to write an IPv4 address as one of IPv6.
func embeddings(a netip.Addr) []vector {
	b := a.As4()
	high, low := binary.BigEndian.Uint16(b[:2]), binary.BigEndian.Uint16(b[2:])
	hex := fmt.Sprintf("%x:%x", high, low)
	return []vector{
		{"[::ffff:" + a.String() + "]", ErrSource},       // mapped (RFC 4291, 2.5.5.2)
		{"[::ffff:" + hex + "]", ErrSource},              //
		{"[0:0:0:0:0:ffff:" + hex + "]", ErrSource},      //
		{"[::" + a.String() + "]", ErrNotAllowed},        // compatible (RFC 4291, 2.5.5.1)
		{"[::ffff:0:" + hex + "]", ErrNotAllowed},        // SIIT (RFC 2765, 2.1)
		{"[2002:" + hex + "::1]", ErrNotAllowed},         // 6to4 (RFC 3056)
		{"[64:ff9b::" + a.String() + "]", ErrNotAllowed}, // NAT64 (RFC 6052, 2.1)
		{"[64:ff9b:1::" + hex + "]", ErrNotAllowed},      // NAT64 of a network (RFC 8215), in /96, then in /48, /56 and /64
		{fmt.Sprintf("[64:ff9b:1:%x:%x::]", high, b[2]), ErrNotAllowed},
		{fmt.Sprintf("[64:ff9b:1:%x:%x:%x::]", b[0], uint16(b[1])<<8|uint16(b[2]), uint16(b[3])<<8), ErrNotAllowed},
		{fmt.Sprintf("[64:ff9b:1:0:%x:%x:%x::]", b[0], uint16(b[1])<<8|uint16(b[2]), uint16(b[3])<<8), ErrNotAllowed},
		{fmt.Sprintf("[2001:0:4136:e378:8000:63bf:%x:%x]", ^high, ^low), ErrNotAllowed}, // Teredo (RFC 4380, 4)
		{"[2606:4700::5efe:" + hex + "]", ErrNotAllowed},                                // ISATAP (RFC 5214, 6.1), with an address that is unique and with one that is not
		{"[2606:4700::200:5efe:" + hex + "]", ErrNotAllowed},                            //
		{"[fe80::5efe:" + hex + "]", ErrNotAllowed},                                     //
	}
}

// spellings6 returns ways to write an IPv6 address.
func spellings6(a netip.Addr) []vector {
	list := []vector{{"[" + a.String() + "]", ErrNotAllowed}, {"[" + a.StringExpanded() + "]:8080", ErrNotAllowed}, {"[" + strings.ToUpper(a.String()) + "]", ErrNotAllowed}}
	for _, host := range []string{"[" + a.String() + "%eth0]", "[" + a.String() + "%251]", "example.org@[" + a.String() + "]", a.String(), "[" + a.String() + "].", "[" + a.String(), "[" + a.String() + "]x:80"} {
		list = append(list, vector{host, ErrSource})
	}
	return list
}

// vectors returns all of them.
func vectors() (list []vector) {
	for _, a := range forbidden() {
		if a.Is4() {
			list = append(append(list, spellings(a)...), embeddings(a)...)
		} else {
			list = append(list, spellings6(a)...)
		}
	}
	return list
}

// allowVectors returns a list that allows the host of each vector that can be named in one, so that nothing but its address is against it.
func allowVectors(t testing.TB, vectors []vector) *Allowed {
	patterns := []string{"http://*", "http://*:8080", "https://*"}
	for _, v := range vectors {
		if _, err := ParseSource("http://" + v.host + "/"); err == nil {
			patterns = append(patterns, "http://"+v.host)
		}
	}
	return allow(t, patterns...)
}

// checkRefused fetches the source of a vector, and wants it to be refused as the vector says.
func checkRefused(t *testing.T, f *Fetcher, allowed *Allowed, v vector) {
	t.Helper()
	s, err := ParseSource("http://" + v.host + "/")
	if err == nil {
		_, err = f.Fetch(context.Background(), Request{Source: s, Allowed: allowed}, io.Discard)
	}
	if !errors.Is(err, v.want) {
		t.Fatalf("%q: %v (%v), want %v", v.host, err, Cause(err), v.want)
	}
	if err == nil || strings.Contains(err.Error(), s.host) && s.host != "" {
		t.Fatalf("%q: the error tells more than it may: %v", v.host, err)
	}
}

func TestSpecialAddressesAreRefused(t *testing.T) {
	all := vectors()
	if len(all) < 1000 {
		t.Fatalf("there are no more than %d vectors", len(all))
	}
	allowed := allowVectors(t, all)
	f := newFetcher(t, Options{})
	for _, v := range all {
		checkRefused(t, f, allowed, v)
	}
	t.Logf("%d vectors of %d addresses", len(all), len(forbidden()))

	// The same addresses, each behind a name.
	n := &names{}
	f = newFetcher(t, Options{Resolver: n.resolver()})
	for i, a := range forbidden() {
		host := fmt.Sprintf("n%d.example", i)
		n.set(host, a)
		checkRefused(t, f, allowed, vector{host, ErrNotAllowed})
	}
}

// public returns addresses of public servers, and the neighbours of the special networks.
func public() (list []netip.Addr) {
	for _, text := range []string{
		// name servers and great sites
		"1.0.0.1", "1.1.1.1", "4.2.2.1", "8.8.4.4", "8.8.8.8", "9.9.9.9", "13.107.42.14", "17.253.144.10", "18.155.68.1", "20.112.250.133", "23.215.0.136", "31.13.71.36", "34.117.59.81", "35.190.247.13", "44.228.249.3", "45.33.32.156",
		"52.216.10.1", "54.239.28.85", "64.6.64.6", "74.125.24.100", "76.76.2.0", "80.80.80.80", "91.198.174.192", "93.184.216.34", "94.140.14.14", "95.100.1.1", "99.84.238.101", "103.102.166.224", "104.16.132.229", "108.138.7.1",
		"128.30.52.100", "129.42.38.10", "130.89.148.14", "134.170.185.46", "140.82.121.4", "142.250.80.46", "146.75.28.223", "149.154.167.99", "151.101.1.69", "157.240.1.35", "162.159.135.233", "172.217.0.46", "172.67.0.1", "185.15.59.224",
		"185.199.108.153", "188.114.97.3", "192.30.255.113", "192.0.32.7", "192.0.78.9", "193.0.6.139", "194.0.0.53", "195.186.1.111", "198.41.0.4", "199.7.83.42", "199.232.1.69", "202.12.27.33", "203.119.0.1", "204.79.197.200", "205.251.242.103",
		"208.67.222.222", "208.80.154.224", "212.82.100.137", "216.58.206.78", "216.239.32.10", "217.70.184.38", "223.5.5.5",
		"2001:4860:4860::8888", "2001:500:2::c", "2001:67c:2e8:22::c100:68b", "2001:7fd::1", "2001:dc3::35", "2001:470:0:76::2", "2400:cb00:2048:1::c629:d7a2", "2404:6800:4003:c00::64", "2600:1901:0:38d7::", "2603:1030:20e:3::23c", "2604:1380:4602:b00::1",
		"2606:4700:4700::1111", "2606:2800:220:1:248:1893:25c8:1946", "2607:f8b0:4005:805::200e", "2620:fe::fe", "2620:0:862:ed1a::1", "2620:119:35::35", "2800:3f0:4001:800::200e", "2a00:1450:4001:81b::200e", "2a02:2e0:3fe:1001:302::", "2a03:2880:f12f:83:face:b00c:0:25de",
		"2a04:4e42::81", "2a0d:2a00:1::2", "2c0f:fb50:4002:804::200e", "64:ff9b::808:808", "64:ff9b::5db8:d822",
		// neighbours
		"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
		"192.0.1.255", "192.0.3.0", "192.31.195.255", "192.31.197.0", "192.52.192.255", "192.52.194.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "192.175.47.255", "192.175.49.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
		"198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "2001:200::", "2001:db7:ffff::1", "2001:db9::", "2003::", "2620:4f:7fff::1", "2620:4f:8001::", "3fef:ffff::1", "3fff:1000::", "2606:4700::5eff:808:808", "2606:4700::100:5efd:808:808",
	} {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func TestPublicAddressesAreNot(t *testing.T) {
	all := public()
	if len(all) < 100 {
		t.Fatalf("there are no more than %d", len(all))
	}
	for _, a := range all {
		if err := networks(nil).refuse(a); err != nil {
			t.Error(err)
		}
	}
}

func TestNetworksMayBeOpened(t *testing.T) {
	n := networks{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32"), netip.MustParsePrefix("::1/128")}
	for _, text := range []string{"10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00:1::5", "::1", "8.8.8.8"} {
		if err := n.refuse(netip.MustParseAddr(text)); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"10.0.255.255", "10.2.0.0", "127.0.0.1", "::", "::2", "fd00:2::5", "64:ff9b::10.2.0.0", "64:ff9b:1::10.1.2.3", "2002:a01:203::1", "fd00:1::5%eth0", "::10.1.2.3"} {
		if err := n.refuse(netip.MustParseAddr(text)); err == nil {
			t.Errorf("%s may be reached", text)
		}
	}
}

// FuzzAddress holds the check against the networks of the registries, read anew.
func FuzzAddress(f *testing.F) {
	for _, a := range append(forbidden(), public()...) {
		f.Add(a.AsSlice())
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		a, ok := netip.AddrFromSlice(bytes)
		if ok && isRegistered(a.Unmap()) && networks(nil).refuse(a) == nil {
			t.Fatalf("%s may be reached", a)
		}
	})
}

// isRegistered tells whether an address is in one of the registries.
func isRegistered(a netip.Addr) bool {
	for _, text := range registries {
		if netip.MustParsePrefix(text).Contains(a) {
			return true
		}
	}
	return false
}
