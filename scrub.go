package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"calotype/store"
)

// scrubCommand reads all originals once.
type scrubCommand struct {
	storage
	Rate  byteSize `default:"0" placeholder:"SIZE" help:"Most bytes to read in a second; 0 is no limit."`
	Quiet bool     `short:"q" help:"Say only what is wrong."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *scrubCommand) Validate() error {
	if c.Rate < 0 {
		return errors.New("--rate must be a size")
	}
	return nil
}

// Run scrubs until ctx ends. It fails if anything is damaged.
func (c *scrubCommand) Run(ctx context.Context, o outputs) error {
	s, err := c.open(ctx, true)
	if err != nil {
		return err
	}
	seen, err := c.scrub(ctx, s, o)
	err = errors.Join(err, s.Close())
	switch {
	case ctx.Err() != nil:
		return errors.New("stopped before all were read")
	case err != nil:
		return err
	case seen.Damaged+seen.Unread > 0:
		return fmt.Errorf("%s damaged or cannot be read", count(int(seen.Damaged+seen.Unread), "file is", "files are"))
	}
	return nil
}

func (c *scrubCommand) scrub(ctx context.Context, s *store.Store, o outputs) (store.Scrubbed, error) {
	const parts = 1000
	options, end := store.ScrubOptions{Rate: int64(c.Rate)}, func() {}
	if !c.Quiet {
		p := newProgress(o.told)
		end = p.end
		options.Checked = func(seen store.Scrubbed, part float64) {
			p.tell(int(part*parts), parts, fmt.Sprintf("%.0f %%, %s read", 100*part, humanize.Bytes(uint64(seen.Bytes))))
		}
	}
	options.Damaged = func(d store.Damage) {
		end()
		fmt.Fprint(o.out, damageLine(d))
	}
	seen, err := s.Scrub(ctx, options)
	end()
	if err == nil && !c.Quiet {
		fmt.Fprintf(o.out, "%s read (%s), %s damaged\n", count(int(seen.Blobs), "file", "files"), humanize.Bytes(uint64(seen.Bytes)), humanize.Comma(seen.Damaged))
		if seen.Unread > 0 {
			fmt.Fprintf(o.out, "%s cannot be read; see the log of the kernel\n", count(int(seen.Unread), "file", "files"))
		}
	}
	return seen, err
}

// damageLine tells of a damaged original, or of several that have the same bytes.
func damageLine(d store.Damage) string {
	what := "cannot be read"
	if errors.Is(d.Err, store.ErrDamaged) {
		what = "damaged"
	}
	return fmt.Sprintf("%s %v: %s\n", what, d.IDs, strings.ReplaceAll(d.Err.Error(), "\n", "; "))
}
