package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"calotype/store"
)

// migrateCommand brings an index up to date before a newer version serves from it, which would do that too.
type migrateCommand struct {
	storage
}

// Run does it.
func (c *migrateCommand) Run(ctx context.Context) error {
	return c.migrate(ctx, os.Stdout)
}

func (c *migrateCommand) migrate(ctx context.Context, out io.Writer) error {
	v, err := store.Migrate(ctx, store.Options{Dir: c.Data, Index: c.Index})
	if err != nil {
		return err
	}
	if v.From == v.To {
		fmt.Fprintf(out, "The index has version %d, which is the newest that this program knows.\n", v.To)
	} else {
		fmt.Fprintf(out, "The index was brought from version %d to %d.\n", v.From, v.To)
	}
	return nil
}
