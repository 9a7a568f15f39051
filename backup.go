package main

import "context"

// backupCommand copies all images into a folder that can be served from.
type backupCommand struct {
	storage
	copying
	Dir string `arg:"" help:"Folder of the backup, which is made if it is missing. It is a data folder by itself. A further backup into it copies only what is new, and removes what was deleted since."`
}

// Run copies until ctx ends.
func (c *backupCommand) Run(ctx context.Context, o outputs) error {
	return c.run(ctx, transfer{from: c.storage, to: storage{Data: c.Dir}}, o)
}

// restoreCommand copies all images of a backup to where they are served from.
type restoreCommand struct {
	storage
	copying
	Dir string `arg:"" help:"Folder of the backup."`
}

// Run copies until ctx ends.
func (c *restoreCommand) Run(ctx context.Context, o outputs) error {
	return c.run(ctx, transfer{from: storage{Data: c.Dir}, to: c.storage, beside: true}, o)
}
