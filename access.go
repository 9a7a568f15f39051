package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"calotype/handler"
	"calotype/handler/forwarded"
	"calotype/handler/signing"
	"calotype/handler/tenants"
	"calotype/handler/token"
)

// tokenFileEvery is how often the file of tokens is looked at.
const tokenFileEvery = 2 * time.Second

// validateAccess refuses what says two things about who may do what. No error has a token in it.
func (c *serveCommand) validateAccess() error {
	if _, err := token.New(c.Token); err != nil {
		return fmt.Errorf("--token: %w", err)
	}
	if _, err := forwarded.ParseNetworks(c.Trusted); err != nil {
		return fmt.Errorf("--trusted: %w", err)
	}
	if _, err := signing.ParseKeys(c.SignKeys); err != nil {
		return fmt.Errorf("--sign-keys: %w", err)
	}
	if err := checkSigning("--", c.Sign, len(c.SignKeys) > 0 || c.SignKeysFile != "", len(c.Sources) > 0); err != nil {
		return err
	}
	switch {
	case c.Open && (len(c.Token) > 0 || c.TokenFile != ""):
		return errors.New("--open lets everyone do what --token and --token-file are for: set one of them")
	case c.ProxyProtocol && len(c.Trusted) == 0:
		return errors.New("--proxy-protocol needs --trusted, the networks of the proxies that speak it")
	}
	return nil
}

// checkSigning refuses to ask for signatures that nobody can make, and to fetch for all what none is asked for. The names of settings begin with a mark.
func checkSigning(mark, sign string, keys, sources bool) error {
	switch {
	case keys:
		return nil
	case sign == handler.SignTransforms || sign == handler.SignAll:
		return fmt.Errorf("%[1]ssign=%[2]s needs %[1]ssign-keys: without a key nobody gets a print", mark, sign)
	case sources && sign != handler.SignOff:
		return fmt.Errorf("%[1]ssources needs %[1]ssign-keys, or everybody has images of others fetched and printed here, which %[1]ssign=off allows", mark)
	}
	return nil
}

// signKeys are the keys of signatures, those of the file as they are now.
func (c *serveCommand) signKeys() (*signing.Keys, error) {
	list := c.SignKeys
	if c.SignKeysFile != "" {
		inFile, err := tenants.ReadSecrets(c.SignKeysFile)
		if err != nil {
			return nil, fmt.Errorf("--sign-keys-file: %w", err)
		}
		list = slices.Concat(list, inFile)
	}
	keys, err := signing.ParseKeys(list)
	if err != nil {
		return nil, fmt.Errorf("--sign-keys: %w", err)
	}
	return keys, nil
}

// access says who may upload, list and delete. The file of tokens is followed until ctx ends.
func (c *serveCommand) access(ctx context.Context, listener net.Listener, log *slog.Logger) (handler.Access, error) {
	a := handler.Access{Open: c.Open, Loopback: c.forThisMachine(listener)}
	if len(c.Token) == 0 && c.TokenFile == "" {
		return a, nil
	}
	tokens, err := token.New(c.Token)
	if err != nil {
		return a, err
	}
	a.Tokens = tokens
	if c.TokenFile == "" {
		return a, nil
	}
	if _, err := tokens.Load(c.TokenFile); err != nil {
		return a, err
	}
	go tokens.Follow(ctx, c.TokenFile, tokenFileEvery, func(err error) {
		if err != nil {
			log.Error("the file of tokens cannot be read, and those before stay good", "error", err)
			return
		}
		log.Info("the file of tokens has changed", "tokens", tokens.Len())
	})
	return a, nil
}

// tellAccess says on out what is open to whom.
func (c *serveCommand) tellAccess(out io.Writer, a handler.Access) {
	var who string
	switch {
	case a.Tokens != nil:
		good := "1 is"
		if n := a.Tokens.Len(); n != 1 {
			good = fmt.Sprintf("%d are", n)
		}
		who = fmt.Sprintf("whoever has a token (%s good), as Authorization: Bearer or as the password in a browser", good)
	case a.Open:
		who = "everyone who reaches this address, since --open is set"
	case a.Loopback:
		who = "this machine alone; what comes through a proxy needs --token (or --open, for everyone)"
	default:
		who = "nobody; set --token for those who have one (or --open, for everyone)"
	}
	fmt.Fprintf(out, "  who may see prints and originals:  everyone who reaches this address and knows theirs\n  who may upload, list and delete:   %s\n", who)
	if len(c.Trusted) > 0 {
		how := "Forwarded or X-Forwarded-For"
		if c.ProxyProtocol {
			how = "the PROXY protocol, " + how
		}
		fmt.Fprintf(out, "  who may speak for others:          proxies in %s, by %s\n", strings.Join(c.Trusted, ", "), how)
	}
}
