//go:build remote

package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// An authority signs certificates that the program trusts.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// theAuthority is trusted by the programs that are started once it is there, and no other is.
var theAuthority = sync.OnceValue(func() *authority {
	a := newAuthority()
	file, err := os.CreateTemp("", "authority-*.pem")
	if err == nil {
		err = errors.Join(pem.Encode(file, &pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}), os.Remove(file.Name()))
	}
	if err != nil {
		panic(err)
	}
	// The file has no name any more and stays as long as this process, whose descriptor the programs open.
	os.Setenv("SSL_CERT_FILE", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd()))
	os.Setenv("SSL_CERT_DIR", "/nonexistent")
	authorityFile = file
	return a
})

// authorityFile is held open.
var authorityFile *os.File

func newAuthority() *authority {
	a := &authority{}
	made := a.sign(x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "the authority of a test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	certificate, err := x509.ParseCertificate(made.Certificate[0])
	if err != nil {
		panic(err)
	}
	a.certificate, a.key = certificate, made.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// sign makes a certificate; one without an authority signs itself.
func (a *authority) sign(template x509.Certificate) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	parent, by := &template, key
	if a != nil && a.certificate != nil {
		parent, by = a.certificate, a.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, by)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// server is the template of a certificate of a server at an address.
func server(ip net.IP) x509.Certificate {
	return x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{ip},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// secureMisbehaviours are those of upstreams that speak TLS, or should.
func secureMisbehaviours() (all []misbehaviour) {
	a := theAuthority()
	good := func(u *upstream) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{a.sign(server(u.ip()))}}
	}
	add := func(want []int, name string, secure func(u *upstream) *tls.Config, do func(e *exchange)) {
		all = append(all, misbehaviour{behaviour: behaviour{name: "TLS: " + name, do: do}, want: want, secure: secure})
	}
	early := func(want []int, name string, do func(e *exchange)) {
		add(want, name, good, do)
		all[len(all)-1].early = true
	}
	add(served, "a good certificate", good, (*exchange).photo)
	add(broken, "a redirect to plain HTTP", good, func(e *exchange) {
		e.say(head("302 Found", "Location: http://"+e.up.listener.Addr().String()+"/photo.jpg", "Content-Length: 0"))
	})
	all[len(all)-1].want = []int{403, 502}
	add(broken, "closes in the body", good, func(e *exchange) { e.say(withLength(len(thePhoto())), thePhoto()[:1000]) })
	// An end that TLS does not tell may be somebody's on the way.
	add(broken, "is cut off where no length was told", good, func(e *exchange) {
		e.say(fetched(), thePhoto()[:len(thePhoto())/2])
		e.Conn.(*tls.Conn).NetConn().Close()
	})
	// Where HTTP/2 is offered and taken, what comes is no answer.
	second := func(u *upstream) *tls.Config {
		config := good(u)
		config.NextProtos = []string{"h2", "http/1.1"}
		return config
	}
	frame := func(kind, flags byte, stream byte, payload string) string {
		return string([]byte{0, 0, byte(len(payload)), kind, flags, 0, 0, 0, stream}) + payload
	}
	const settings, goAway, resetStream, headers = 4, 7, 3, 1
	for name, frames := range map[string]string{
		"that goes away":                  frame(settings, 0, 0, "") + frame(goAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00"),
		"that resets the stream":          frame(settings, 0, 0, "") + frame(resetStream, 0, 1, "\x00\x00\x00\x02"),
		"with headers of no stream":       frame(settings, 0, 0, "") + frame(headers, 4, 0, "\x88"),
		"with headers that are no HPACK":  frame(settings, 0, 0, "") + frame(headers, 4, 1, "\xff\xff\xff\xff\xff"),
		"with a frame beyond all lengths": frame(settings, 0, 0, "") + "\xff\xff\xff\x00\x00\x00\x00\x00\x01",
		"with a head and no end":          frame(settings, 0, 0, "") + frame(headers, 4, 1, "\x88"),
	} {
		add(brokenSlow, "HTTP/2 "+name, second, func(e *exchange) {
			e.say(frames)
			time.Sleep(100 * time.Millisecond)
		})
	}
	early(broken, "plain text", func(e *exchange) {
		e.Read(make([]byte, 1000))
		e.photo()
	})
	early(broken, "closes in the handshake", func(e *exchange) {
		e.Read(make([]byte, 1000))
		e.say("\x16\x03\x03\x00\x7a\x02")
	})
	early(broken, "an alert", func(e *exchange) {
		e.Read(make([]byte, 1000))
		e.say("\x15\x03\x03\x00\x02\x02\x28")
	})
	early(broken, "a record that is too long", func(e *exchange) {
		e.Read(make([]byte, 1000))
		e.say("\x16\x03\x03\xff\xff", make([]byte, 65535))
	})
	early(slow, "says nothing", (*exchange).linger)
	early(slow, "a byte of the handshake now and then", func(e *exchange) {
		e.Read(make([]byte, 1000))
		for e.say("\x16") {
			time.Sleep(100 * time.Millisecond)
		}
	})
	all[len(all)-1].want = brokenSlow
	return all
}

// A certificate that is not good ends it, whatever the upstream would serve.
func TestRemoteCertificates(t *testing.T) {
	t.Parallel()
	a, elsewhere := theAuthority(), newAuthority()
	cases := []struct {
		name   string
		signer *authority
		change func(c *x509.Certificate)
		most   uint16 // the newest version of TLS
		want   int
	}{
		{"good", a, func(c *x509.Certificate) {}, 0, 200},
		{"expired", a, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, 0, 502},
		{"not yet valid", a, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) }, 0, 502},
		{"of another host", a, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 99)} }, 0, 502},
		{"of a name alone", a, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"localhost"} }, 0, 502},
		{"of no name", a, func(c *x509.Certificate) { c.IPAddresses = nil }, 0, 502},
		{"of a client", a, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, 0, 502},
		{"of an unknown authority", elsewhere, func(c *x509.Certificate) {}, 0, 502},
		{"self-signed", nil, func(c *x509.Certificate) {}, 0, 502},
		{"good, with TLS 1.2", a, func(c *x509.Certificate) {}, tls.VersionTLS12, 200},
		{"good, with TLS 1.1", a, func(c *x509.Certificate) {}, tls.VersionTLS11, 502},
	}
	ups := make([]*upstream, len(cases))
	for i, c := range cases {
		ups[i] = newUpstream(t)
		template := server(ups[i].ip())
		c.change(&template)
		ups[i].scheme = "https"
		ups[i].secure = &tls.Config{Certificates: []tls.Certificate{c.signer.sign(template)}, MinVersion: tls.VersionTLS10, MaxVersion: c.most}
	}
	s := remotely(t, ups)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := get(t, "http://"+s.address, proxied(ups[i].url("/photo.jpg"))+"/resize:48.jpg")
			if got.status != c.want {
				t.Errorf("it is answered %d, want %d: %s", got.status, c.want, got.body)
			}
			if n := len(ups[i].asked()); c.want != 200 && n != 0 {
				t.Errorf("a request was sent all the same")
			}
		})
	}
}
