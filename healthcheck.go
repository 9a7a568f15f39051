package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// healthcheckCommand asks a server on this machine how it is: for containers, whose images have nothing else that could ask.
type healthcheckCommand struct {
	AdminListen string        `default:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"Address that the server was given for those who run it."`
	Live        bool          `help:"Ask whether the server answers at all (/livez), and not whether it can work (/readyz)."`
	Timeout     time.Duration `default:"4s" placeholder:"TIME" help:"Longest time to wait for its answer."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *healthcheckCommand) Validate() error {
	if c.Timeout <= 0 {
		return errors.New("--timeout must be above 0")
	}
	return nil
}

// Run fails, and so the program ends with 1, if the server is not well. It says what the server says.
func (c *healthcheckCommand) Run(ctx context.Context) error {
	return c.ask(ctx, os.Stdout)
}

func (c *healthcheckCommand) ask(ctx context.Context, out io.Writer) error {
	const most = 4 << 10 // bytes; engines of containers keep no more
	if c.AdminListen == "off" {
		return errors.New("--admin-listen is off: the server has no address at which it could be asked")
	}
	address, err := onThisMachine(c.AdminListen)
	if err != nil {
		return fmt.Errorf("--admin-listen: %w", err)
	}
	path := "/readyz"
	if c.Live {
		path = "/livez"
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	// A transport of its own asks no proxy, whatever the environment says.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return fmt.Errorf("%s: %w", request.URL, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", request.URL, answer.Status, strings.ReplaceAll(strings.TrimSpace(string(body)), "\n", "; "))
	}
	_, err = out.Write(body)
	return err
}

// onThisMachine is where this machine reaches what listens on an address: one of all interfaces listens on the loopback one, too.
func onThisMachine(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
