package store

import "context"

// OpenDisk opens the disk in the folder root, which exists.
func OpenDisk(root string) (Blobs, error) { return openDisk(root) }

// OpenSQLite opens the index in the file at path.
func OpenSQLite(ctx context.Context, path string) (Index, error) { return openSQLite(ctx, path) }

// OpenPostgres opens the index in a database.
func OpenPostgres(ctx context.Context, location, heard string) (Index, error) {
	return openPostgres(ctx, location, heard)
}

// OpenUnfenced opens the index in a database, to use a session at once that follows a lost one.
func OpenUnfenced(ctx context.Context, location, heard string) (Index, error) {
	return openFenced(ctx, location, heard, 0)
}
