package servers

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A Proxy hands TCP connections on to a server, and spoils them as a test asks. Its methods may be called from any goroutine.
type Proxy struct {
	Address string // host:port, on loopback

	t      testing.TB
	target string

	mu          sync.Mutex
	listener    net.Listener
	connections map[*net.TCPConn]bool // of both sides
	fault       Fault
	changed     chan struct{} // closed when the fault changes
}

// A Fault is what a Proxy does to connections. The zero value is none.
type Fault struct {
	Refuse bool // connections are refused, and those that there were are reset
	Pause  bool // nothing is handed on
	Rate   int  // bytes that are handed on in a second, in each direction of each connection; 0 is no limit

	// Connections that are made under the fault are reset once they have sent or received more than so many bytes; 0 is no limit.
	ResetAfterSent, ResetAfterReceived int
}

// NewProxy returns a proxy before the server at the address target. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	_, _, address := freeAddress(t)
	p := &Proxy{Address: address, t: t, target: target, connections: map[*net.TCPConn]bool{}, changed: make(chan struct{})}
	p.listen()
	t.Cleanup(func() { p.Set(Fault{Refuse: true}) })
	return p
}

// Set makes the fault that of all connections, in place of the one before.
func (p *Proxy) Set(fault Fault) {
	p.t.Helper()
	p.mu.Lock()
	before := p.fault
	p.fault = fault
	close(p.changed)
	p.changed = make(chan struct{})
	if fault.Refuse && !before.Refuse {
		p.listener.Close()
	}
	p.mu.Unlock()
	if fault.Refuse {
		p.Reset()
	} else if before.Refuse {
		p.listen()
	}
}

// Heal ends every fault.
func (p *Proxy) Heal() {
	p.t.Helper()
	p.Set(Fault{})
}

// Reset resets the connections that there are.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for connection := range p.connections {
		reset(connection)
	}
}

func (p *Proxy) listen() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.Address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(client.(*net.TCPConn))
		}
	}()
}

func (p *Proxy) serve(client *net.TCPConn) {
	made, _ := p.state()
	server, err := net.DialTimeout("tcp", p.target, patience)
	if err != nil {
		reset(client)
		return
	}
	both := []*net.TCPConn{client, server.(*net.TCPConn)}
	p.mu.Lock()
	refused := p.fault.Refuse
	for _, connection := range both {
		p.connections[connection] = true
	}
	p.mu.Unlock()
	if refused { // meanwhile
		p.Reset()
	}
	var wait sync.WaitGroup
	wait.Go(func() { p.hand(both[1], both[0], made.ResetAfterSent, both) })
	wait.Go(func() { p.hand(both[0], both[1], made.ResetAfterReceived, both) })
	wait.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, connection := range both {
		connection.Close()
		delete(p.connections, connection)
	}
}

// hand copies from one side to the other until there is no more, or until it has handed on limit bytes, unless that is 0: then it resets both.
func (p *Proxy) hand(to, from *net.TCPConn, limit int, both []*net.TCPConn) {
	buffer := make([]byte, 16<<10)
	for handed := 0; ; {
		n, err := from.Read(buffer[:p.chunk(len(buffer))])
		if p.wait(n); limit > 0 && handed+n > limit {
			to.Write(buffer[:limit-handed])
			for _, connection := range both {
				reset(connection)
			}
			return
		}
		handed += n
		if _, failed := to.Write(buffer[:n]); failed != nil {
			from.Close()
			return
		}
		if errors.Is(err, io.EOF) {
			to.CloseWrite()
			return
		}
		if err != nil {
			reset(to)
			return
		}
	}
}

// chunk is how many bytes are handed on at once: with a low rate not many.
func (p *Proxy) chunk(most int) int {
	if fault, _ := p.state(); fault.Rate > 0 {
		return max(1, min(most, fault.Rate/10))
	}
	return most
}

// wait returns when n bytes may be handed on.
func (p *Proxy) wait(n int) {
	for {
		fault, changed := p.state()
		var after <-chan time.Time
		switch {
		case fault.Refuse:
			return // the connection is reset
		case fault.Pause:
		case fault.Rate > 0 && n > 0:
			after = time.After(time.Duration(n) * time.Second / time.Duration(fault.Rate))
		default:
			return
		}
		select {
		case <-after:
			return
		case <-changed:
		}
	}
}

// state returns the fault, and what is closed when there is another.
func (p *Proxy) state() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

// reset closes a connection so that the other side sees it as an error, and not as an end.
func reset(connection *net.TCPConn) {
	connection.SetLinger(0)
	connection.Close()
}
