package handler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"calotype/handler/metrics"
	"calotype/handler/purge"
	"calotype/store"
)

// othersForget is how long the others who have the same originals are given to forget something, before caches in front are told
// of it, which fetch again from any of them.
const othersForget = 2 * time.Second

// follow forgets what others remove or purge who have the same originals, until the handler is closed.
func (h *Handler) follow(originals *store.Store) {
	if err := originals.Follow(h.work, h.obey); err != nil {
		h.log.Error("what others do is not heard of", "error", err)
	}
}

// obey forgets what a piece of news is about. What takes long on disk is not waited for: others wait for this.
func (h *Handler) obey(news store.News) {
	var what purge.What
	kind := metrics.NewsRemoved
	switch {
	case news.Missed:
		kind = metrics.NewsMissed
	case news.Message != nil:
		kind = metrics.NewsPurged
		decoder := json.NewDecoder(bytes.NewReader(news.Message))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&what); err != nil {
			h.log.Warn("another server tells what this one does not understand: all is forgotten", "error", err)
			kind = metrics.NewsMissed
		}
	default:
		what.IDs = []string{news.Removed.String()}
	}
	h.metrics.Heard(kind, news.Age)
	if kind == metrics.NewsMissed || ofPresets(what) {
		h.hearOfPresets(what)
	}
	switch {
	case kind == metrics.NewsMissed:
		h.forgetEverything()
	case h.disk != nil && len(what.Tags) > 0:
		h.following.Go(func() { h.forgetAll(what) })
	default:
		h.forgetAll(what)
	}
	// A cache in front was told in the meantime, and may have fetched it again from here. What was told before this began to serve is no matter.
	if news.Age > othersForget && news.Age < time.Since(h.began) {
		h.hooks.Repeat(what)
	}
}

// forgetEverything forgets all prints and records.
func (h *Handler) forgetEverything() {
	all := func(string) bool { return true }
	memory := func() {
		h.records.Purge(all)
		h.deliveries.Purge(all)
		h.prints.Purge(all)
	}
	memory()
	if h.disk != nil {
		h.following.Go(func() {
			h.disk.RemoveAll(h.work)
			memory() // what has come back from there
		})
	}
}

// tellOthers has those who have the same originals forget what is told.
func (h *Handler) tellOthers(what purge.What) error {
	message, err := messageOf(what)
	if err != nil {
		return err
	}
	if err := h.store.Tell(h.work, message); err != nil {
		return fmt.Errorf("tell other servers what to forget: %w", err)
	}
	return nil
}

// messageOf writes what is to be forgotten as others read it.
func messageOf(what purge.What) ([]byte, error) {
	message, err := json.Marshal(what)
	if err == nil && len(message) > store.MaxMessage {
		err = fmt.Errorf("%w: it is too long to be told to other servers", errBadPurge)
	}
	return message, err
}
