package remote

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a name server in this process. It is asked through pipes, so no socket is needed.
type names struct {
	mu    sync.Mutex
	known map[string]func(query int, kind dnsmessage.Type) answer
	asked map[string]int // queries for a name so far
}

// An answer is the addresses of a name, of any family, or the name that it is an alias of.
type answer struct {
	addresses []netip.Addr
	alias     string
}

// set gives a name some addresses.
func (n *names) set(host string, addresses ...netip.Addr) {
	n.decide(host, func(int, dnsmessage.Type) answer { return answer{addresses: addresses} })
}

// decide has a function answer each query for a name; it is told how many there were before, of the same kind.
func (n *names) decide(host string, decide func(query int, kind dnsmessage.Type) answer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil {
		n.known, n.asked = map[string]func(int, dnsmessage.Type) answer{}, map[string]int{}
	}
	n.known[host+"."] = decide
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go n.serve(server)
		return client, nil
	}}
}

// serve answers queries as over TCP (RFC 1035, 4.2.2).
func (n *names) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		query := make([]byte, size)
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		reply, err := n.reply(query)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

func (n *names) reply(query []byte) ([]byte, error) {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		return nil, err
	}
	question, err := p.Question()
	if err != nil {
		return nil, err
	}
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: header.ID, Response: true, Authoritative: true, RecursionAvailable: true}, Questions: []dnsmessage.Question{question}}
	for name := question.Name; ; {
		a, ok := n.answer(name.String(), question.Type)
		if !ok {
			reply.RCode = dnsmessage.RCodeNameError
			break
		}
		if a.alias == "" {
			for _, address := range a.addresses {
				if record := recordOf(address, question.Type); record != nil {
					reply.Answers = append(reply.Answers, resource(name, question.Type, record))
				}
			}
			break
		}
		alias := dnsmessage.MustNewName(a.alias + ".")
		reply.Answers = append(reply.Answers, resource(name, dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: alias}))
		name = alias
	}
	return reply.Pack()
}

func (n *names) answer(name string, kind dnsmessage.Type) (answer, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	decide, ok := n.known[name]
	if !ok {
		return answer{}, false
	}
	key := name + kind.String()
	n.asked[key]++
	return decide(n.asked[key]-1, kind), true
}

// resource is a record that is not to be kept: its time to live is 0.
func resource(name dnsmessage.Name, kind dnsmessage.Type, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Type: kind, Class: dnsmessage.ClassINET}, Body: body}
}

func recordOf(a netip.Addr, kind dnsmessage.Type) dnsmessage.ResourceBody {
	switch {
	case kind == dnsmessage.TypeA && a.Is4():
		return &dnsmessage.AResource{A: a.As4()}
	case kind == dnsmessage.TypeAAAA && a.Is6():
		return &dnsmessage.AAAAResource{AAAA: a.As16()}
	}
	return nil
}

// here are the addresses of this machine.
var here, here6 = netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()

func newFetcher(t testing.TB, o Options) *Fetcher {
	t.Helper()
	f, err := NewFetcher(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
