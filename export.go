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
	ToData  string `placeholder:"DIR" help:"Data folder to copy to. It keeps what the other two do not name; without it, that stays where it is."`
	ToBlobs string `placeholder:"URL" help:"Bucket to copy the bytes of originals to, as in --blobs."`
	ToIndex string `placeholder:"URL" help:"Database to copy the index to, as in --index."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *exportCommand) Validate() error {
	if c.ToData == "" && c.ToBlobs == "" && c.ToIndex == "" {
		return errors.New("--to-data, --to-blobs or --to-index must say where to")
	}
	return c.copying.Validate()
}

// Run copies until ctx ends.
func (c *exportCommand) Run(ctx context.Context, o outputs) error {
	return c.run(ctx, transfer{from: c.storage, to: c.elsewhere(c.ToData, c.ToBlobs, c.ToIndex), beside: true}, o)
}

// importCommand copies all images from another storage.
type importCommand struct {
	storage
	copying
	FromData  string `placeholder:"DIR" help:"Data folder to copy from. It has what the other two do not name; without it, that is where it belongs already."`
	FromBlobs string `placeholder:"URL" help:"Bucket to copy the bytes of originals from, as in --blobs."`
	FromIndex string `placeholder:"URL" help:"Database to copy the index from, as in --index."`
}

// Validate refuses what cannot be meant. Kong calls it.
func (c *importCommand) Validate() error {
	if c.FromData == "" && c.FromBlobs == "" && c.FromIndex == "" {
		return errors.New("--from-data, --from-blobs or --from-index must say where from")
	}
	return c.copying.Validate()
}

// Run copies until ctx ends.
func (c *importCommand) Run(ctx context.Context, o outputs) error {
	return c.run(ctx, transfer{from: c.elsewhere(c.FromData, c.FromBlobs, c.FromIndex), to: c.storage, beside: true}, o)
}

// elsewhere is another storage: all of it in a data folder but for what is named, or without a folder this one but for that.
func (s storage) elsewhere(data, blobs, index string) storage {
	if data != "" {
		s.Data, s.Blobs, s.Index = data, "", ""
	}
	s.Blobs, s.Index = cmp.Or(blobs, s.Blobs), cmp.Or(index, s.Index)
	return s
}
