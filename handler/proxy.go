package handler

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pires/go-proxyproto"

	"calotype/handler/forwarded"
)

// proxyHeaderTime is how long the header of the PROXY protocol may take: a proxy sends it at once, and a packet of it that is lost
// comes again within 3 seconds.
const proxyHeaderTime = 5 * time.Second

// Proxied returns a listener whose connections from the trusted networks begin with a header of the PROXY protocol, version 1 or
// 2, which tells whose connection the proxy passes on. One without it is ended, since it must not be guessed whether there is one. Whoever
// connects from elsewhere speaks HTTP, and is refused if he speaks the PROXY protocol. The listener is one that Limit has made: what a
// proxy has not said yet counts as a connection too.
func Proxied(limited net.Listener, trusted forwarded.Networks) net.Listener {
	return &proxiedListener{limited, trusted}
}

type proxiedListener struct {
	net.Listener
	trusted forwarded.Networks
}

func (l *proxiedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if counted, ok := conn.(*countedConn); ok && l.trusted.Has(ipOf(counted.RemoteAddr())) {
		return &proxiedConn{countedConn: counted}, nil
	}
	return conn, err
}

// ipOf returns the IP address of an end of a TCP connection; the zero value for any other.
func ipOf(end net.Addr) netip.Addr {
	if tcp, ok := end.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// A proxiedConn reads the header of the PROXY protocol before the first byte of HTTP, by whoever serves it and not by whoever accepts it,
// whom a silent proxy would hold up.
type proxiedConn struct {
	*countedConn
	begun  bool
	failed error
	rest   []byte   // what has come with the header and was not read yet
	client net.Addr // nil if the header tells of none
}

func (c *proxiedConn) Read(p []byte) (int, error) {
	if !c.begun {
		c.begun = true
		c.failed = c.readHeader()
	}
	switch {
	case c.failed != nil:
		return 0, c.failed
	case len(c.rest) > 0:
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	c.rest = nil
	return c.countedConn.Read(p)
}

// RemoteAddr is the address of the client, once its header is read; of the proxy, if that asks for itself.
func (c *proxiedConn) RemoteAddr() net.Addr {
	if c.client != nil {
		return c.client
	}
	return c.countedConn.RemoteAddr()
}

// readHeader returns the error of the connection as it is if not a byte has come, as from a proxy that only looks whether somebody
// listens.
func (c *proxiedConn) readHeader() error {
	if err := c.SetReadDeadline(time.Now().Add(proxyHeaderTime)); err != nil {
		return err
	}
	reader := bufio.NewReader(c.countedConn)
	if _, err := reader.Peek(1); err != nil {
		return err
	}
	header, err := proxyproto.Read(reader)
	if err != nil {
		return fmt.Errorf("the header of the PROXY protocol: %w", err)
	}
	if tcp, ok := header.SourceAddr.(*net.TCPAddr); ok && header.Command.IsProxy() {
		c.client = tcp
	}
	c.rest, err = reader.Peek(reader.Buffered())
	if err != nil {
		return err
	}
	return c.SetReadDeadline(time.Now().Add(headTime))
}
