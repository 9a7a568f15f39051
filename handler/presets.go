package handler

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"calotype/handler/preset"
	"calotype/handler/purge"
	"calotype/store"
	"calotype/transform"
)

// presetSets are the presets of all tenants. A tenant keeps his when his settings change.
type presetSets struct {
	mutex  sync.Mutex
	byName map[string]*preset.Set // of the tenant

	reading sync.Mutex // who reads the index last is the last to tell what it says
}

// presetsOf returns the presets of a tenant, with those of his file as they are in his settings now. Caches in front are told what is
// another thereby. isNew tells that those which were sent for him are to be read.
func (h *Handler) presetsOf(t Tenant) (set *preset.Set, isNew bool) {
	h.presets.mutex.Lock()
	defer h.presets.mutex.Unlock()
	if set = h.presets.byName[t.Name]; set == nil {
		set = preset.NewSet(t.Presets)
		if h.presets.byName == nil {
			h.presets.byName = map[string]*preset.Set{}
		}
		h.presets.byName[t.Name] = set
		return set, true
	}
	tags, err := set.Load(t.Presets)
	if err != nil {
		h.log.Error("the presets of a file stay as they were", "tenant", t.Name, "error", err)
	}
	if len(tags) > 0 {
		h.hooks.Repeat(purge.What{Tenant: t.Name, Tags: tags})
	}
	return set, false
}

// MayLoadPresets returns an error if the presets of a tenant, as his file has them now, take back what it has said before: a version has
// one chain for ever.
func (h *Handler) MayLoadPresets(list ...Tenant) error {
	h.presets.mutex.Lock()
	defer h.presets.mutex.Unlock()
	for _, t := range list {
		if set := h.presets.byName[t.Name]; set != nil {
			if err := set.MayLoad(t.Presets); err != nil {
				return err
			}
		}
	}
	return nil
}

// readPresets reads the presets that were sent to this server or another. What is wrong with them is logged, and they are not served.
func (h *Handler) readPresets(ctx context.Context) error {
	h.presets.reading.Lock()
	defer h.presets.reading.Unlock()
	rows, err := h.store.Presets(ctx)
	if err != nil {
		return err
	}
	byTenant := map[string][]store.Preset{}
	for _, row := range rows {
		byTenant[row.Tenant] = append(byTenant[row.Tenant], row)
	}
	h.presets.mutex.Lock()
	defer h.presets.mutex.Unlock()
	for tenant, set := range h.presets.byName {
		for _, fault := range set.Send(sentPresets(byTenant[tenant])) {
			h.log.Warn("a preset is not served", "tenant", tenant, "error", fault)
		}
	}
	return nil
}

// sentPresets returns the presets of rows, but for those that were removed.
func sentPresets(rows []store.Preset) (list []transform.Preset) {
	for _, row := range rows {
		if row.Chain != "" {
			list = append(list, transform.Preset{Name: row.Name, Version: row.Version, Chain: row.Chain})
		}
	}
	return list
}

// hearOfPresets reads the presets anew, since what is told has changed. If the index does not answer it tries again, and has caches in front
// told once more in the end: they may have fetched meanwhile what was made before.
func (h *Handler) hearOfPresets(what purge.What) {
	const again = time.Second
	err := h.readPresets(h.work)
	if err == nil {
		return
	}
	h.log.Error("presets have changed and cannot be read; it is tried again", "error", err)
	h.following.Go(func() {
		for err != nil {
			select {
			case <-time.After(again):
				err = h.readPresets(h.work)
			case <-h.work.Done():
				return
			}
		}
		if len(what.Tags) > 0 {
			h.hooks.Repeat(what)
		}
	})
}

// ofPresets tells whether presets have changed if something is to be forgotten.
func ofPresets(what purge.What) bool {
	return slices.ContainsFunc(what.Tags, func(tag string) bool { return strings.HasPrefix(tag, preset.TagPrefix) })
}

// changePreset changes a preset of a tenant, and has this process serve the change and caches in front forget what was made before. decide
// is that of store.ChangePresets; beside a change it returns the cache tags of what is another by it.
func (h *Handler) changePreset(tenant string, decide func(present []store.Preset) (*store.PresetChange, []string, error)) ([]purge.Answer, error) {
	what := purge.What{Tenant: tenant}
	err := h.store.ChangePresets(h.work, tenant, func(present []store.Preset) (*store.PresetChange, error) {
		change, tags, err := decide(present)
		what.Tags = tags
		if err != nil || change == nil {
			return nil, err
		}
		change.Message, err = messageOf(what)
		return change, err
	})
	if err != nil || len(what.Tags) == 0 {
		return nil, err
	}
	h.hearOfPresets(what)
	waiting, cancel := context.WithTimeout(h.work, purgeWait)
	defer cancel()
	return h.hooks.Purge(waiting, what), nil
}

// presetTags are the cache tags of the presets in an address.
func (a asking) presetTags() []string {
	tags := preset.Tags(a.uses)
	for i, tag := range tags {
		tags[i] = purge.Tag(a.tenant.Name, tag)
	}
	return tags
}
