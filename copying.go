package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"

	"calotype/store"
)

// copying are the options of the commands that copy images from one place to another.
type copying struct {
	Parallel int  `default:"8" placeholder:"N" help:"Images copied at once."`
	Verify   bool `help:"Read and check also what is there already, and once more what is written."`
	Merge    bool `help:"Also if images are there that do not come from here: they stay, and what was deleted there stays deleted."`
	Quiet    bool `short:"q" help:"Say only what went wrong."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *copying) Validate() error {
	if c.Parallel < 1 {
		return errors.New("--parallel must be at least 1")
	}
	return nil
}

// outputs are where a command writes to.
type outputs struct {
	out  io.Writer // the outcome
	told io.Writer // how far it is, and what goes wrong
}

// run copies until ctx ends.
func (c *copying) run(ctx context.Context, t transfer, o outputs) error {
	err := c.copyAll(ctx, t, o)
	const again = "the same command goes on from there"
	switch {
	case err != nil && ctx.Err() != nil:
		return errors.New("stopped; " + again)
	case errors.Is(err, store.ErrFull):
		return fmt.Errorf("%w\nWhen there is room, %s", err, again)
	case errors.Is(err, store.ErrUnavailable):
		return fmt.Errorf("%w\nWhen it is there again, %s", err, again)
	}
	return err
}

func (c *copying) copyAll(ctx context.Context, t transfer, o outputs) error {
	if err := t.check(); err != nil {
		return err
	}
	from, err := t.from.open(ctx, true)
	if err != nil {
		return err
	}
	defer from.Close()
	to, served, err := t.openTarget(ctx)
	if err != nil {
		return err
	}
	// What the target has to say when it is closed matters, too.
	result, err := c.copyTo(ctx, t, from, to, o)
	if served && t.to.Index == "" && result.Removed > 0 {
		fmt.Fprintf(o.told, "A server has %s open, and cannot know what was removed there. Restart it, so that it forgets the prints.\n", t.to)
	}
	return errors.Join(err, to.Close())
}

func (c *copying) copyTo(ctx context.Context, t transfer, from, to *store.Store, o outputs) (store.CopyResult, error) {
	if !c.Merge {
		id, found, err := store.Beyond(ctx, from, to)
		if err != nil {
			return store.CopyResult{}, err
		}
		if found {
			return store.CopyResult{}, fmt.Errorf("%s has images that %s never had, %s is one: with --merge they stay beside those that are copied", t.to, t.from, id)
		}
	}
	options := store.CopyOptions{Parallel: c.Parallel, Verify: c.Verify}
	end := func() {}
	if !c.Quiet {
		p := newProgress(o.told)
		options.Progress, end = p.show, p.end
	}
	result, err := store.Copy(ctx, from, to, options)
	end()
	for _, damaged := range result.Damaged {
		fmt.Fprintln(o.told, damaged)
	}
	if !c.Quiet {
		fmt.Fprint(o.out, outcome(t, result))
	}
	if err == nil && len(result.Damaged) > 0 {
		err = fmt.Errorf("%s damaged in %s, and could not be copied", count(len(result.Damaged), "image is", "images are"), t.from)
	}
	return result, err
}

// outcome is what a copy has done, in lines.
func outcome(t transfer, r store.CopyResult) string {
	if t.sharesIndex() {
		r.Copied, r.Mended = r.Copied+r.Mended, 0 // all records are there, and lack what is to be copied
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s copied from %s to %s (%s)\n", count(r.Copied, "image", "images"), t.from, t.to, humanize.Bytes(uint64(r.Bytes)))
	for _, line := range []struct {
		n    int
		what string
	}{
		{r.There, "there already"},
		{r.Mended, "mended: their bytes were missing or damaged there"},
		{r.Removed, "removed, as they were removed from the source"},
		{r.Refused, "not copied: they were removed there, which is for ever"},
		{len(r.Damaged), "damaged in the source"},
	} {
		if line.n > 0 {
			fmt.Fprintf(&b, "%s %s\n", humanize.Comma(int64(line.n)), line.what)
		}
	}
	return b.String()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(int64(n)) + " " + many
}
