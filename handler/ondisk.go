package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"calotype/cache/disk"
	"calotype/handler/purge"
	"calotype/store"
	"calotype/transform"
)

// storedVersion is part of the key of every print on disk: another one makes those that are there unknown.
const storedVersion = "1"

// A storedPrint is what a print on disk has beside its bytes. All else that is told of a print follows from its order.
type storedPrint struct {
	Format string   `json:"format"`
	Width  int      `json:"width"`
	Height int      `json:"height"`
	Frames int      `json:"frames"`
	Notes  []string `json:"notes,omitempty"`
}

var (
	errNotOnDisk = errors.New("the print is not on disk")
	errNotStored = errors.New("this is no print as it is stored")
)

// openDisk opens the cache on disk, if one is wanted.
func (h *Handler) openDisk() (err error) {
	if h.options.DiskDir == "" {
		return nil
	}
	h.disk, err = disk.Open(h.options.DiskDir, disk.Options{
		Bytes: h.options.DiskBytes,
		Held: func(yield func(disk.Name) bool) {
			for p := range h.prints.All() {
				if !yield(p.onDisk) {
					return
				}
			}
		},
		Log: func(message string, err error) { h.log.Warn(message, "error", err) },
	})
	return err
}

// diskKey says where on disk a print is: by all that its bytes depend on, and together with all prints of the same original and of the
// images that it shows.
func (h *Handler) diskKey(wanted order) disk.Key {
	p := wanted.print
	key := disk.Key{
		Text:   strings.Join([]string{p.key, p.original, h.epoch, storedVersion}, "\n"),
		Groups: []string{wanted.subject.ID.String()},
	}
	for _, l := range wanted.layers {
		if id := l.ID.String(); !slices.Contains(key.Groups, id) {
			key.Groups = append(key.Groups, id)
		}
	}
	return key
}

// forgetOnDisk drops from disk what is told: all prints that show one of the images, and those whose key is named as having
// one of the tags or prefixes. A prefix names its image, and so do some tags; for others a part of every file on disk is read.
func (h *Handler) forgetOnDisk(ctx context.Context, what purge.What, named func(key string) bool) {
	for _, id := range what.IDs {
		h.disk.Remove(id)
	}
	var groups []string
	for _, tag := range what.Tags {
		id, is := imageOfTag(tag)
		if !is {
			groups = []string{""}
			break
		}
		groups = append(groups, id.String())
	}
	if !slices.Equal(groups, []string{""}) {
		for _, prefix := range what.Paths {
			groups = append(groups, purge.ImageOf(prefix))
		}
	}
	for _, group := range groups {
		h.disk.RemoveMatching(ctx, group, named)
	}
}

// isPrivate tells whether a print is for one use only.
func (wanted order) isPrivate() bool {
	return wanted.subject.copy != nil && wanted.subject.copy.Private
}

// mayBeOnDisk tells whether it is worth to look on disk for a print.
func (h *Handler) mayBeOnDisk(wanted order) bool {
	return h.disk != nil && !wanted.isPrivate() && h.disk.Has(h.diskKey(wanted))
}

// readPrint reads the print that is ordered from disk. It returns errNotOnDisk if it is not there.
func (h *Handler) readPrint(ctx context.Context, wanted order) (*printed, error) {
	key := h.diskKey(wanted)
	e, found := h.disk.Get(ctx, key)
	if !found {
		return nil, errNotOnDisk
	}
	rendition, err := readStored(e.Meta, e.Body, wanted.plan.Format)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotOnDisk, err)
	}
	if err := h.stillThere(wanted); err != nil {
		return nil, err
	}
	p := wanted.print.finished(rendition, e.Digest)
	p.onDisk, p.fromDisk = key.Name(), true
	return p, nil
}

// keepOnDisk has a print that was made written, soon and by somebody else.
func (h *Handler) keepOnDisk(wanted order, p *printed) {
	if h.disk == nil || wanted.isPrivate() {
		return
	}
	meta, err := json.Marshal(storedPrint{
		Format: p.rendition.Format.Name, Width: p.rendition.Size.Width, Height: p.rendition.Size.Height, Frames: p.rendition.Frames, Notes: p.rendition.Notes,
	})
	if err != nil {
		h.log.Error("a print cannot be kept on disk", "print", p.path, "error", err)
		return
	}
	key := h.diskKey(wanted)
	p.onDisk = key.Name()
	uploaded := key.Groups
	if wanted.subject.copy != nil {
		uploaded = uploaded[1:]
	}
	h.disk.Put(key, meta, p.rendition.Body, func() bool { return h.allKnown(uploaded) })
}

// allKnown tells whether none of the originals was deleted. An index that does not answer has deleted nothing.
func (h *Handler) allKnown(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool {
		_, err := h.record(id)
		return errors.Is(err, store.ErrGone) || errors.Is(err, store.ErrNotFound)
	})
}

// readStored makes a rendition of what is stored of one, in the format that was ordered. The error is errNotStored.
func readStored(meta, body []byte, format *transform.Format) (*transform.Rendition, error) {
	var s storedPrint
	if err := json.Unmarshal(meta, &s); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotStored, err)
	}
	if s.Format != format.Name || s.Width < 1 || s.Height < 1 || s.Frames < 1 || len(body) == 0 {
		return nil, fmt.Errorf("%w: %d×%d in %d frames, %.20q instead of %s, %d bytes", errNotStored, s.Width, s.Height, s.Frames, s.Format, format.Name, len(body))
	}
	return &transform.Rendition{
		Body: body, Format: format, Size: transform.Size{Width: s.Width, Height: s.Height}, Frames: s.Frames, Notes: s.Notes,
	}, nil
}
