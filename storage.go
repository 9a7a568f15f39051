package main

import (
	"context"

	"calotype/store"
)

// storage are the options of every command that works on originals: where they are.
type storage struct {
	Data  string `default:"./data" placeholder:"DIR" help:"Folder that keeps originals and their index."`
	Index string `placeholder:"URL" help:"PostgreSQL database that keeps the index instead, as postgres://USER@HOST/DATABASE?sslmode=verify-full, so that many Calotypes can have the same originals. The password is best given by PGPASSWORD or ~/.pgpass."`
}

// open opens the store, beside a process that serves from it or for this one alone.
func (s *storage) open(ctx context.Context, beside bool) (*store.Store, error) {
	return store.Open(ctx, store.Options{Dir: s.Data, Index: s.Index, Beside: beside})
}
