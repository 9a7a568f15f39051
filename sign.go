package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"calotype/handler/signing"
)

// signCommand hands out addresses, as the libraries in clients/signing do.
type signCommand struct {
	SignKeys []string      `placeholder:"NAME:HEX" required:"" help:"Keys of the server, of which the first signs. Other users of the machine see what stands in a command: use CALOTYPE_SIGN_KEYS."`
	Life     time.Duration `default:"0s" placeholder:"TIME" help:"Time for which the address is to be good, at the least: its end is in whole days, hours or minutes, so that the address stays the same for a while. 0 for ever."`
	Grant    string        `placeholder:"BOUNDS" help:"What a page may append, as in w1600s80_d3_avif-webp-jpg: /resize:N in steps of 80 up to 1600, /dpr:N up to 3, one of the formats."`
	Path     []string      `arg:"" placeholder:"PATH" help:"Paths to sign, as in /download/ID/resize:640.webp or /proxy/_/SOURCE/resize:640.webp."`

	keys *signing.Keys
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *signCommand) Validate() (err error) {
	switch c.keys, err = signing.ParseKeys(c.SignKeys); {
	case err != nil:
		return fmt.Errorf("--sign-keys: %w", err)
	case c.Life < 0 || c.Life%time.Second != 0:
		return errors.New("--life must be whole seconds, and not negative")
	}
	return nil
}

// Run prints the signed addresses, one in a line.
func (c *signCommand) Run(_ context.Context, out outputs) error {
	return c.sign(time.Now(), out.out)
}

func (c *signCommand) sign(now time.Time, out io.Writer) error {
	terms := signing.Terms{Grant: c.Grant}
	if c.Life > 0 {
		terms.Expires = signing.Expiry(now, c.Life)
	}
	for _, path := range c.Path {
		signed, err := c.keys.Sign(path, terms)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, signed); err != nil {
			return err
		}
	}
	return nil
}
