// Package web holds the scripts and the style of the pages as they are served: dist, which make web builds from src.
package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var built embed.FS

// Files are the files of dist by their names: a script for each page that has one, style.css, and licenses.txt of what is in the scripts
// that others have written.
var Files = func() fs.FS {
	files, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // it is embedded
	}
	return files
}()
