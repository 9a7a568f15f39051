package store

import (
	"slices"
	"testing"
)

// A backup has all versions of all presets, and which of them are gone.
func TestACopyHasPresets(t *testing.T) {
	from, to := openTestStore(t, t.TempDir()), openTestStore(t, t.TempDir())
	set := func(s *Store, tenant, name, chain string) {
		t.Helper()
		if err := s.ChangePresets(t.Context(), tenant, func([]Preset) (*PresetChange, error) {
			return &PresetChange{Name: name, Chain: chain}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	same := func() {
		t.Helper()
		mustCopy(t, from, to, CopyOptions{})
		want, err := from.Presets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := to.Presets(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("the copy has %+v, %v\nwant %+v", got, err, want)
		}
	}
	same()
	set(from, "", "card", "resize:10")
	set(from, "", "card", "resize:20")
	set(from, "shop", "card", "flip:h")
	set(from, "", "old", "flip:v")
	same()
	set(from, "", "card", "resize:30")
	set(from, "", "old", "")
	same()
	same()
}
