package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"calotype/store"
)

// testPresets tests what every store.Index must do with presets.
func testPresets(t *testing.T, open func(t *testing.T) store.Index) {
	ctx := context.Background()

	t.Run("versions are counted and none is used again", func(t *testing.T) {
		index := open(t)
		began := time.Now().Truncate(time.Millisecond)
		wantPresets(t, index)
		change(t, index, "", "card", "resize:10")
		change(t, index, "", "card", "resize:20")
		change(t, index, "", "avatar", "round:max")
		change(t, index, "shop", "card", "sharpen")
		wantPresets(t, index, " avatar 1 round:max", " card 1 resize:10", " card 2 resize:20", "shop card 1 sharpen")
		change(t, index, "", "card", "")
		wantPresets(t, index, " avatar 1 round:max", " card 2 ", "shop card 1 sharpen")
		change(t, index, "", "card", "resize:30")
		change(t, index, "", "card", "")
		change(t, index, "", "card", "")
		change(t, index, "", "card", "resize:40")
		change(t, index, "", "never", "")
		wantPresets(t, index, " avatar 1 round:max", " card 3 ", " card 4 resize:40", "shop card 1 sharpen")
		list, err := index.Presets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if p.Created.Before(began) || p.Created.After(time.Now()) || p.Created.Location() != time.UTC {
				t.Errorf("%s was created at %v", p.Name, p.Created)
			}
		}
	})

	t.Run("who decides against it changes nothing", func(t *testing.T) {
		index := open(t)
		change(t, index, "", "card", "resize:10")
		change(t, index, "shop", "card", "resize:10")
		refused := errors.New("refused")
		err := index.ChangePresets(ctx, "", func(present []store.Preset) (*store.PresetChange, error) {
			if len(present) != 1 || present[0].Chain != "resize:10" || present[0].Tenant != "" {
				t.Errorf("there is %+v", present)
			}
			return &store.PresetChange{Name: "card", Chain: "resize:20"}, refused
		})
		if !errors.Is(err, refused) {
			t.Errorf("got %v", err)
		}
		if err := index.ChangePresets(ctx, "", func([]store.Preset) (*store.PresetChange, error) { return nil, nil }); err != nil {
			t.Error(err)
		}
		wantPresets(t, index, " card 1 resize:10", "shop card 1 resize:10")
	})

	t.Run("one after the other", func(t *testing.T) {
		index := open(t)
		const each = 10
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range each {
					err := index.ChangePresets(ctx, "", func(present []store.Preset) (*store.PresetChange, error) {
						return &store.PresetChange{Name: "card", Chain: fmt.Sprint(len(present))}, nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		list, err := index.Presets(ctx)
		if err != nil || len(list) != 4*each {
			t.Fatalf("%d versions, %v", len(list), err)
		}
		for i, p := range list {
			if p.Version != i+1 || p.Chain != fmt.Sprint(i) {
				t.Errorf("version %d was decided by who saw %s", p.Version, p.Chain)
			}
		}
	})

	t.Run("not more than can be looked at", func(t *testing.T) {
		index := open(t)
		var many []store.Preset
		for i := range store.MaxPresets - 1 {
			many = append(many, store.Preset{Name: fmt.Sprint("p", i), Version: 1, Chain: "flip:h", Created: time.UnixMilli(1)})
		}
		if err := index.MergePresets(ctx, many...); err != nil {
			t.Fatal(err)
		}
		change(t, index, "", "last", "flip:v")
		add := func([]store.Preset) (*store.PresetChange, error) {
			return &store.PresetChange{Name: "p1", Chain: "flip:v"}, nil
		}
		if err := index.ChangePresets(ctx, "", add); !errors.Is(err, store.ErrManyPresets) {
			t.Errorf("got %v", err)
		}
		change(t, index, "", "last", "")
		change(t, index, "shop", "p1", "flip:v")
	})

	t.Run("merged", func(t *testing.T) {
		index := open(t)
		merge := func(list ...store.Preset) {
			t.Helper()
			if err := index.MergePresets(ctx, list...); err != nil {
				t.Fatal(err)
			}
		}
		at := time.UnixMilli(1700000000000).UTC()
		one, two := store.Preset{Name: "card", Version: 1, Chain: "flip:h", Created: at}, store.Preset{Name: "card", Version: 2, Chain: "flip:v", Created: at}
		merge(one, two, store.Preset{Tenant: "shop", Name: "card", Version: 7, Chain: "flip:hv", Created: at})
		merge(store.Preset{Name: "card", Version: 2, Chain: "another", Created: at})
		wantPresets(t, index, " card 1 flip:h", " card 2 flip:v", "shop card 7 flip:hv")
		if list, err := index.Presets(ctx); err != nil || list[0] != one || list[1] != two {
			t.Errorf("got %+v, %v", list, err)
		}
		merge(store.Preset{Name: "card", Version: 2, Created: at})
		merge(one, two)
		wantPresets(t, index, " card 2 ", "shop card 7 flip:hv")
		change(t, index, "", "card", "rotate:90")
		wantPresets(t, index, " card 2 ", " card 3 rotate:90", "shop card 7 flip:hv")
	})
}

// change makes a change of a preset, or removes it if there is no chain.
func change(t *testing.T, index store.Index, tenant, name, chain string) {
	t.Helper()
	err := index.ChangePresets(context.Background(), tenant, func([]store.Preset) (*store.PresetChange, error) {
		return &store.PresetChange{Name: name, Chain: chain, Message: []byte(strings.Join([]string{tenant, name, chain}, " "))}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantPresets compares all presets with lines of tenant, name, version and chain.
func wantPresets(t *testing.T, index store.Index, want ...string) {
	t.Helper()
	list, err := index.Presets(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		got = append(got, fmt.Sprintf("%s %s %d %s", p.Tenant, p.Name, p.Version, p.Chain))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("there is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
