package forwarded

import (
	"net/netip"
	"strings"
	"testing"
)

func networks(t testing.TB, list ...string) Networks {
	t.Helper()
	n, err := ParseNetworks(list)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Who the client is, by what a peer says.
func TestClient(t *testing.T) {
	trusted := networks(t, "loopback", "10.0.0.0/8", "2001:db8:1::/48", "198.51.100.7")
	const proxy, cdn, browser = "10.0.0.1", "198.51.100.7", "203.0.113.9"
	f := func(peer, forwarded, forFor, want string) {
		t.Helper()
		client, told := Client(netip.MustParseAddr(peer), trusted, forwarded, forFor)
		if client.String() != want {
			t.Errorf("%s says %q and %q: the client is %v, want %s", peer, forwarded, forFor, client, want)
		}
		if told != ((forwarded != "" || forFor != "") && trusted.Has(netip.MustParseAddr(peer))) {
			t.Errorf("%s says %q and %q: told is %v", peer, forwarded, forFor, told)
		}
	}
	// Nobody speaks for another.
	f(browser, "", "", browser)
	f(proxy, "", "", proxy)
	f("::ffff:203.0.113.9", "", "", browser)

	// Those who are not trusted may say what they like.
	f(browser, "for=192.0.2.1", "192.0.2.1", browser)
	f("198.51.100.8", "", "192.0.2.1", "198.51.100.8")
	f("2001:db8:2::1", "", "192.0.2.1", "2001:db8:2::1")

	// The rightmost that is not trusted counts; what stands left of it does not.
	f(proxy, "", browser, browser)
	f("127.0.0.1", "", browser, browser)
	f("::ffff:127.0.0.1", "", browser, browser)
	f("::1", "", browser, browser)
	f("2001:db8:1::9", "", browser, browser)
	f(proxy, "", "192.0.2.66, "+browser, browser)
	f(proxy, "", "192.0.2.66, "+browser+", "+cdn, browser)
	f(proxy, "", "192.0.2.66,"+browser+","+cdn+",10.9.9.9", browser)
	f(proxy, "", "junk, 127.0.0.1, "+browser, browser)
	f(proxy, "for=192.0.2.66, for="+browser, "", browser)
	f(proxy, "for=192.0.2.66;proto=http, For="+browser+";by=10.0.0.2 ; host=x, for="+cdn, "", browser)

	// All are trusted: the first of them asks.
	f(proxy, "", "10.0.0.5, "+cdn, "10.0.0.5")
	f(proxy, "for=10.0.0.5", "", "10.0.0.5")

	// Ports and brackets.
	f(proxy, "", browser+":4711", browser)
	f(proxy, "", "2001:db8:2::1", "2001:db8:2::1")
	f(proxy, "", "[2001:db8:2::1]", "2001:db8:2::1")
	f(proxy, "", "[2001:db8:2::1]:4711", "2001:db8:2::1")
	f(proxy, "", "::ffff:203.0.113.9", browser)
	f(proxy, `for="[2001:db8:2::1]:4711"`, "", "2001:db8:2::1")
	f(proxy, `for="[2001:db8:2::1]"`, "", "2001:db8:2::1")
	f(proxy, `for="203.0.113.9:_browser"`, "", browser)
	f(proxy, `for="\203.0.113.9"`, "", browser)
	f(proxy, `host="a,b;for=192.0.2.66";for=203.0.113.9`, "", browser)

	// Who is not named is the one who does not name him.
	f(proxy, "", "unknown", proxy)
	f(proxy, "", browser+", unknown", proxy)
	f(proxy, "", browser+", unknown, "+cdn, cdn)
	f(proxy, "for=unknown", "", proxy)
	f(proxy, "for=_gazonk", "", proxy)
	f(proxy, "for="+browser+", for=_hidden, for="+cdn, "", cdn)
	f(proxy, "for="+browser+", by=10.0.0.2;proto=https", "", proxy)

	// Junk at the right end is nobody's name, and empty elements are none at all.
	for _, junk := range []string{"0.0.0.0", "::", "1.2.3", "203.0.113.9.", "[::1", "[::1]x", "203.0.113.9 x", "<script>", "\x00", strings.Repeat("9", 5000)} {
		f(proxy, "", browser+", "+junk, proxy)
	}
	f(proxy, "", ", ,"+browser+" ,, ", browser)
	f(proxy, "", ",", proxy)
	f(proxy, ",;, for="+browser+" ;, ,", "", browser)
	f(proxy, ";", "", proxy)

	// A Forwarded header that is not well formed tells nothing.
	for _, junk := range []string{
		"for", "=", "for=", "for=203.0.113.9 x", `for="203.0.113.9`, `for="203.0.113.9\`, `for="203.0.113.9"x`,
		"for=192.0.2.66;for=203.0.113.9", "203.0.113.9", `x="y, for=203.0.113.9`,
	} {
		f(proxy, junk, "", proxy)
	}

	// Both headers: the proxy writes one and hands on the other.
	f(proxy, "for="+browser, browser, browser)
	f(proxy, "for=192.0.2.66", browser, proxy)
	f(proxy, "for="+browser, "192.0.2.66", proxy)
	f(proxy, "for="+browser+", for="+cdn, browser, browser)
	f(proxy, "nonsense", browser, proxy)
	f("127.0.0.1", "for=192.0.2.66", browser, "127.0.0.1")
}

func TestNetworks(t *testing.T) {
	n := networks(t, " 192.0.2.77/24", "2001:db8::/32", "203.0.113.9")
	for address, want := range map[string]bool{
		"192.0.2.1": true, "::ffff:192.0.2.1": true, "192.0.3.1": false, "2001:db8:ffff::1": true, "2001:db9::1": false,
		"203.0.113.9": true, "203.0.113.8": false, "127.0.0.1": false,
	} {
		if n.Has(netip.MustParseAddr(address)) != want {
			t.Errorf("%s: %v, want %v", address, !want, want)
		}
	}
	if Networks(nil).Has(netip.MustParseAddr("127.0.0.1")) {
		t.Error("no network has an address")
	}
	if all := networks(t, "0.0.0.0/0", "::/0"); !all.Has(netip.MustParseAddr("203.0.113.9")) || !all.Has(netip.MustParseAddr("2001:db8::1")) {
		t.Error("all networks leave out an address")
	}
	for _, wrong := range []string{"", "10.0.0.0/33", "10.0.0", "private", "::ffff:10.0.0.0/104", "fe80::1%eth0", "10.0.0.0/8/8", "10.0.0.0-10.0.0.9"} {
		if n, err := ParseNetworks([]string{"10.0.0.0/8", wrong}); err == nil {
			t.Errorf("%q is taken as %v", wrong, n)
		} else if !strings.Contains(err.Error(), "loopback") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// Whatever the headers say: there is a client, it is one that a trusted peer may name, and what a client adds at the left of what
// a trusted proxy has written changes nothing.
func FuzzClient(f *testing.F) {
	f.Add("for=203.0.113.9", "203.0.113.9, 10.0.0.2")
	f.Add(`for="[2001:db8::1]:1";by=_x, for=unknown`, "unknown")
	f.Add(`for="\`, ",,[")
	trusted := networks(f, "10.0.0.0/8")
	proxy, stranger := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, forwarded, forFor string) {
		if client, told := Client(stranger, trusted, forwarded, forFor); client != stranger || told {
			t.Fatalf("a stranger passes for %v", client)
		}
		client, _ := Client(proxy, trusted, forwarded, forFor)
		if !client.IsValid() || client.Is4In6() || client.Zone() != "" {
			t.Fatalf("the client is %v", client)
		}
		if got, _ := Client(proxy, trusted, "", forFor+", 203.0.113.9"); got.String() != "203.0.113.9" {
			t.Fatalf("a client passes for %v", got)
		}
		if got, _ := Client(proxy, trusted, forwarded+", for=203.0.113.9", ""); got != proxy && got.String() != "203.0.113.9" {
			t.Fatalf("a client passes for %v", got)
		}
		if got, _ := Client(proxy, trusted, forwarded, forFor+", 203.0.113.9"); got != proxy && got.String() != "203.0.113.9" {
			t.Fatalf("a client passes for %v", got)
		}
	})
}
