package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"calotype/store"
	"calotype/store/cloud"
)

// storage are the options of every command that works on originals: where they are.
type storage struct {
	Data      string   `default:"./data" placeholder:"DIR" help:"Folder that keeps originals and their index."`
	Blobs     string   `placeholder:"URL" help:"Where the bytes of originals are, if not in that folder: s3://BUCKET?region=NAME, with endpoint=URL for what speaks S3 elsewhere; gs://BUCKET; azblob://CONTAINER; or file:///FOLDER. Buckets may have prefix=FOLDER too. Credentials come from where the cloud's own tools look for them."`
	CopyBytes byteSize `default:"1GiB" placeholder:"SIZE" help:"What local copies of originals in a cloud may take of the disk of the data folder."`
	Index     string   `placeholder:"URL" help:"PostgreSQL database that keeps the index instead, as postgres://USER@HOST/DATABASE?sslmode=verify-full, so that many Calotypes can have the same originals. The password is best given by PGPASSWORD or ~/.pgpass."`
}

// open opens the store, beside a process that serves from it or for this one alone, with what a command has to say of it.
func (s *storage) open(ctx context.Context, beside bool, say ...func(*store.Options)) (*store.Store, error) {
	blobs, err := s.openBlobs(ctx)
	if err != nil {
		return nil, fmt.Errorf("--blobs: %w", err)
	}
	o := store.Options{Dir: s.Data, Blobs: blobs, Index: s.Index, Beside: beside}
	for _, f := range say {
		f(&o)
	}
	return store.Open(ctx, o)
}

// openBlobs opens the blobs that are not in the data folder; nil if they are.
func (s *storage) openBlobs(ctx context.Context) (store.Blobs, error) {
	if s.Blobs == "" {
		return nil, nil
	}
	if s.CopyBytes < 0 {
		return nil, errors.New("--copy-bytes is a size")
	}
	if strings.HasPrefix(s.Blobs, "file:") {
		folder, err := folderOf(s.Blobs)
		if err != nil {
			return nil, err
		}
		return store.OpenFolder(folder)
	}
	return cloud.Open(ctx, s.Blobs, cloud.Options{Copies: filepath.Join(s.Data, "copies"), CopyBytes: int64(s.CopyBytes)})
}

// folderOf reads the URL of a folder on this machine.
func folderOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host != "" || !filepath.IsAbs(u.Path) || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q must be as file:///srv/blobs", address)
	}
	return filepath.Clean(u.Path), nil
}
