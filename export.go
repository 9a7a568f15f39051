package main

import (
	"cmp"
	"context"
	"errors"
)

// exportCommand copies all images to another storage, of whatever kind.
type exportCommand struct {
	storage
	copying
	ToData  string `placeholder:"DIR" help:"Data folder to copy to. What is named by neither of the other two is kept in it. Without it they are kept where they are."`
	ToIndex string `placeholder:"URL" help:"Database to copy the index to, as in --index."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *exportCommand) Validate() error {
	if c.ToData == "" && c.ToIndex == "" {
		return errors.New("--to-data or --to-index must say where to")
	}
	return c.copying.Validate()
}

// Run copies until ctx ends.
func (c *exportCommand) Run(ctx context.Context, o outputs) error {
	return c.run(ctx, transfer{from: c.storage, to: c.elsewhere(c.ToData, c.ToIndex), beside: true}, o)
}

// importCommand copies all images from another storage.
type importCommand struct {
	storage
	copying
	FromData  string `placeholder:"DIR" help:"Data folder to copy from. What is named by neither of the other two is in it. Without it they are where --data, --blobs and --index say."`
	FromIndex string `placeholder:"URL" help:"Database to copy the index from, as in --index."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *importCommand) Validate() error {
	if c.FromData == "" && c.FromIndex == "" {
		return errors.New("--from-data or --from-index must say where from")
	}
	return c.copying.Validate()
}

// Run copies until ctx ends.
func (c *importCommand) Run(ctx context.Context, o outputs) error {
	return c.run(ctx, transfer{from: c.elsewhere(c.FromData, c.FromIndex), to: c.storage, beside: true}, o)
}

// elsewhere is another storage: all of it in a data folder but for what is named, or without a folder this one but for that.
func (s storage) elsewhere(data, index string) storage {
	if data != "" {
		s.Data, s.Index = data, index
	}
	s.Index = cmp.Or(index, s.Index)
	return s
}
