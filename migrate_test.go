package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"calotype/store"
)

func TestMigrate(t *testing.T) {
	var c migrateCommand
	c.Data = t.TempDir()
	for _, want := range []string{
		"The index was brought from version 0 to 5.\n",
		"The index has version 5, which is the newest that this program knows.\n",
	} {
		var out strings.Builder
		if err := c.migrate(t.Context(), &out); err != nil || out.String() != want {
			t.Errorf("it says %q, %v; want %q", &out, err, want)
		}
	}

	serving := start(t, func(s *serveCommand) { s.Data = c.Data })
	if err := c.migrate(t.Context(), &strings.Builder{}); !errors.Is(err, store.ErrInUse) {
		t.Errorf("while it is served: %v", err)
	}
	if status, id := serving.post(onePixel(t)); status != 201 || id == "" {
		t.Errorf("an upload to what was migrated: %d", status)
	}
	c.Data = filepath.Join(c.Data, "missing")
	if err := c.migrate(t.Context(), &strings.Builder{}); err == nil {
		t.Error("a folder that is not there was migrated")
	}
}
