package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"calotype/store"
)

// gcCommand deletes blobs that no original has.
type gcCommand struct {
	storage
	Grace  time.Duration `default:"1h" placeholder:"TIME" help:"Bytes that came later than this are left alone. Clocks of several machines may differ by less."`
	DryRun bool          `help:"Delete nothing, and say what would be deleted."`
	Quiet  bool          `short:"q" help:"Say only what went wrong."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *gcCommand) Validate() error {
	if c.Grace < 0 {
		return errors.New("--grace must not be negative")
	}
	return nil
}

// Run deletes until ctx ends.
func (c *gcCommand) Run(ctx context.Context, o outputs) error {
	s, err := c.open(ctx, true)
	if err != nil {
		return err
	}
	found := func(b store.Blob) { fmt.Fprintf(o.out, "%s %s\n", b.Digest, humanize.Bytes(uint64(b.Bytes))) }
	if c.Quiet {
		found = nil
	}
	garbage, err := s.CollectGarbage(ctx, c.Grace, c.DryRun, found)
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	if c.Quiet {
		return nil
	}
	did := "deleted"
	if c.DryRun {
		did = "to be deleted"
	}
	fmt.Fprintf(o.out, "%s %s (%s)\n", count(int(garbage.Blobs), "file", "files"), did, humanize.Bytes(uint64(garbage.Bytes)))
	if garbage.Kept > 0 {
		fmt.Fprintf(o.out, "%s left alone, as new or in use\n", count(int(garbage.Kept), "file", "files"))
	}
	return nil
}
