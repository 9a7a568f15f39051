package remote

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// parseProxy reads Options.Proxy.
func parseProxy(text string) (func(*url.URL) (*url.URL, error), error) {
	switch text {
	case "":
		return func(*url.URL) (*url.URL, error) { return nil, nil }, nil
	case "env":
		proxies := httpproxy.FromEnvironment().ProxyFunc()
		for _, scheme := range []string{"http", "https"} {
			proxy, err := proxies(&url.URL{Scheme: scheme, Host: "example.org"})
			if err != nil || proxy != nil && !isProxy(proxy) {
				return nil, fmt.Errorf("the environment's proxy for %s is not http://host:port", scheme)
			}
		}
		return proxies, nil
	}
	proxy, err := url.Parse(text)
	if err != nil || !isProxy(proxy) {
		return nil, errors.New("a proxy is none, env or http://host:port") // not the error, which repeats the address and with it a password
	}
	return func(*url.URL) (*url.URL, error) { return proxy, nil }, nil
}

func isProxy(u *url.URL) bool {
	return u.Scheme == "http" && u.Hostname() != ""
}

// mostAnswer is how many bytes the head of a proxy's answer may have.
const mostAnswer = 64 << 10

// dialThrough has a proxy make a tunnel to a host. The name is resolved here and the proxy is told an address that has been checked: one that is told
// the name would resolve it anew, and be led elsewhere.
func (d *dialer) dialThrough(ctx context.Context, proxy *url.URL, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.proxied.Timeout)
	defer cancel()
	addresses, err := d.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var failures []error
	for _, to := range addresses {
		conn, err := d.tunnel(ctx, proxy, net.JoinHostPort(to.String(), port))
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

// tunnel asks a proxy for a connection to an address (RFC 9110, 9.3.6).
func (d *dialer) tunnel(ctx context.Context, proxy *url.URL, address string) (net.Conn, error) {
	port := proxy.Port()
	if port == "" {
		port = "80"
	}
	conn, err := d.proxied.DialContext(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), port))
	if err != nil {
		return nil, err
	}
	// An end of the context ends what the connection waits for.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err = connect(conn, proxy.User, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return conn, nil
}

// connect sends a CONNECT and reads its answer.
func connect(conn net.Conn, user *url.Userinfo, address string) error {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if user != nil {
		password, _ := user.Password()
		request.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := request.Write(conn); err != nil {
		return err
	}
	reader := bufio.NewReader(io.LimitReader(conn, mostAnswer))
	answer, err := http.ReadResponse(reader, request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	if reader.Buffered() > 0 {
		return errors.New("bytes before the first request")
	}
	return nil
}
