package handler

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/preset"
	"calotype/handler/purge"
	"calotype/store"
	"calotype/transform"
)

// The ways in which a preset cannot be changed.
var (
	errBadPreset    = errors.New("it is no preset")
	errPresetInFile = errors.New("the preset stands in a file of the server, where it is changed")
	errPresetInUse  = errors.New("other presets need it")
)

// presetBytes bounds the body of a request that sends a preset.
const presetBytes = 16 << 10

// Where a preset comes from.
const (
	presetFromFile = "file"
	presetWasSent  = "api"
)

// presetVersion is one chain of a preset.
type presetVersion struct {
	Version int    `json:"version,omitempty"` // none in a file that numbers no chains
	Chain   string `json:"chain"`
	Created string `json:"created,omitempty"` // RFC 3339; of what was sent
}

// presetDescription is what those who manage presets are told of one.
type presetDescription struct {
	Name string `json:"name"`
	presetVersion
	From     string          `json:"from"`
	ETag     string          `json:"etag"` // If-Match takes it
	Tag      string          `json:"tag"`  // cache tag of what was made by the newest version
	Versions []presetVersion `json:"versions"`
	Uses     []string        `json:"uses,omitempty"`  // presets in it
	Error    string          `json:"error,omitempty"` // why it is not served
	Hooks    []purge.Answer  `json:"hooks,omitempty"` // what caches in front said of a change
}

// describePresets describes the presets of a tenant, by name.
func describePresets(t *tenant, rows []store.Preset) []presetDescription {
	set := t.presets
	list := []presetDescription{}
	add := func(name, from string, v presetVersion) {
		last := len(list) - 1
		if last < 0 || list[last].Name != name {
			list = append(list, presetDescription{Name: name, From: from, Tag: purge.Tag(t.Name, preset.Tag(name))})
			last++
		}
		list[last].presetVersion = v
		list[last].Versions = append(list[last].Versions, v)
	}
	inFile := map[string]bool{}
	for _, p := range set.InFile() {
		inFile[p.Name] = true
		add(p.Name, presetFromFile, presetVersion{Version: p.Version, Chain: p.Chain})
	}
	for _, row := range rows {
		if row.Chain != "" && !inFile[row.Name] {
			add(row.Name, presetWasSent, presetVersion{row.Version, row.Chain, row.Created.UTC().Format(time.RFC3339Nano)})
		}
	}
	for i := range list {
		d := &list[i]
		d.ETag = presetETag(d.Name, d.Version, d.Chain)
		if err := set.Fault(d.Name, d.Version); err != nil {
			d.Error = err.Error()
		}
		for _, use := range set.Current().Uses(d.Name) {
			if !slices.Contains(d.Uses, use.Name) {
				d.Uses = append(d.Uses, use.Name)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b presetDescription) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func presetETag(name string, version int, chain string) string {
	return tagOf("preset", name, fmt.Sprint(version), chain)
}

// readPresetRows reads the presets that were sent for a tenant.
func (h *Handler) readPresetRows(t *tenant) ([]store.Preset, error) {
	rows, err := h.store.Presets(h.work)
	return slices.DeleteFunc(rows, func(row store.Preset) bool { return row.Tenant != t.Name }), err
}

// listPresets serves GET /presets.
func (h *Handler) listPresets(ctx *fasthttp.RequestCtx) error {
	t := h.tenantOf(ctx)
	rows, err := h.readPresetRows(t)
	if err != nil {
		return err
	}
	ctx.Response.Header.Set("Cache-Control", keepPage)
	return sendJSON(ctx, fasthttp.StatusOK, struct {
		Presets []presetDescription `json:"presets"`
	}{describePresets(t, rows)})
}

// presetName returns the name at the end of the path.
func presetName(ctx *fasthttp.RequestCtx) string {
	return strings.ToLower(string(pathOf(ctx)[len("/presets/"):]))
}

// describePreset serves GET /presets/{name}.
func (h *Handler) describePreset(ctx *fasthttp.RequestCtx) error {
	d, err := h.findPreset(h.tenantOf(ctx), presetName(ctx))
	if err != nil {
		return err
	}
	header := &ctx.Response.Header
	header.Set("Cache-Control", keepPage)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("ETag", d.ETag)
	if lists := ctx.Request.Header.PeekAll("If-None-Match"); namesTag(lists, d.ETag, true) {
		sendUnchanged(ctx)
		return nil
	}
	return sendJSON(ctx, fasthttp.StatusOK, d)
}

// findPreset describes one preset of a tenant.
func (h *Handler) findPreset(t *tenant, name string) (presetDescription, error) {
	rows, err := h.readPresetRows(t)
	if err != nil {
		return presetDescription{}, err
	}
	for _, d := range describePresets(t, rows) {
		if d.Name == name {
			return d, nil
		}
	}
	return presetDescription{}, fmt.Errorf("%w: %s", transform.ErrNoPreset, quoted(name))
}

func namesTag(lists [][]byte, tag string, weakly bool) bool {
	return slices.ContainsFunc(lists, func(list []byte) bool { return matches(list, []byte(tag), weakly) })
}

// putPreset serves PUT /presets/{name}: the chain becomes the newest version of the preset, unless it is that already.
func (h *Handler) putPreset(ctx *fasthttp.RequestCtx) error {
	body := newUploadBody(ctx, h.options.UploadPause, h.options.allowance)
	wanted, err := readPreset(string(ctx.Request.Header.ContentType()), body)
	if err == nil {
		wanted.Name = presetName(ctx)
		wanted, err = wanted.Canonical()
		if err != nil {
			err = fmt.Errorf("%w: %w", errBadPreset, err)
		}
	}
	if err == nil {
		err = h.newVersion(ctx, wanted)
	}
	if body.ended {
		return err
	}
	if err != nil {
		h.fail(ctx, err)
	}
	return linger(ctx)
}

// readPreset reads the body of a request that sends a preset.
func readPreset(contentType string, body io.Reader) (transform.Preset, error) {
	var sent struct {
		Chain string `json:"chain"`
	}
	if err := readJSON(contentType, body, presetBytes, &sent, errBadPreset, `such as {"chain": "crop:ar=1x1/resize:160.webp"}`); err != nil {
		return transform.Preset{}, err
	}
	return transform.Preset{Chain: sent.Chain}, nil
}

// newVersion gives a preset a new version, and answers.
func (h *Handler) newVersion(ctx *fasthttp.RequestCtx, wanted transform.Preset) error {
	t := h.tenantOf(ctx)
	status := fasthttp.StatusOK
	hooks, err := h.changePreset(t.Name, func(present []store.Preset) (*store.PresetChange, []string, error) {
		newest, err := changeable(ctx, t, wanted.Name, present)
		switch {
		case err != nil:
			return nil, nil, err
		case newest.Chain == wanted.Chain:
			return nil, nil, nil
		case newest.Chain == "":
			status = fasthttp.StatusCreated
		}
		added := transform.Preset{Name: wanted.Name, Version: newest.Version + 1, Chain: wanted.Chain}
		if err := t.presets.Breaks(sentPresets(present), append(sentPresets(present), added)); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errBadPreset, err)
		}
		return &store.PresetChange{Name: wanted.Name, Chain: wanted.Chain}, []string{preset.Tag(wanted.Name)}, nil
	})
	if err != nil {
		return err
	}
	d, err := h.findPreset(t, wanted.Name)
	if err != nil {
		return err
	}
	d.Hooks = hooks
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.Header.Set("ETag", d.ETag)
	if status == fasthttp.StatusCreated {
		ctx.Response.Header.Set("Location", "/presets/"+d.Name)
	}
	return sendJSON(ctx, afterHooks(status, hooks), d)
}

// afterHooks is the status of an answer to a change, after caches in front were told of it.
func afterHooks(status int, hooks []purge.Answer) int {
	if slices.ContainsFunc(hooks, func(a purge.Answer) bool { return a.Outcome != purge.Accepted }) {
		return fasthttp.StatusBadGateway
	}
	return status
}

// changeable returns the newest version of a preset that a request is to change, with an empty chain if there is none. It is an error if the
// request takes it for another, or cannot change it.
func changeable(ctx *fasthttp.RequestCtx, t *tenant, name string, present []store.Preset) (newest store.Preset, err error) {
	if t.presets.Has(name) {
		return newest, fmt.Errorf("%w: %s", errPresetInFile, name)
	}
	for _, row := range present {
		if row.Name == name {
			newest = row
		}
	}
	tag := ""
	if newest.Chain != "" {
		tag = presetETag(name, newest.Version, newest.Chain)
	}
	request := &ctx.Request.Header
	if lists := request.PeekAll("If-Match"); len(lists) > 0 && (tag == "" || !namesTag(lists, tag, false)) {
		return newest, errPrecondition
	}
	if lists := request.PeekAll("If-None-Match"); tag != "" && namesTag(lists, tag, true) {
		return newest, errPrecondition
	}
	return newest, nil
}

// deletePreset serves DELETE /presets/{name}: all its versions go, and their numbers are not used again.
func (h *Handler) deletePreset(ctx *fasthttp.RequestCtx) error {
	t, name := h.tenantOf(ctx), presetName(ctx)
	hooks, err := h.changePreset(t.Name, func(present []store.Preset) (*store.PresetChange, []string, error) {
		newest, err := changeable(ctx, t, name, present)
		if err == nil && newest.Chain == "" {
			err = fmt.Errorf("%w: %s", transform.ErrNoPreset, quoted(name))
		}
		if err != nil {
			return nil, nil, err
		}
		var rest []transform.Preset
		tags := []string{preset.Tag(name)}
		for _, p := range sentPresets(present) {
			if p.Name != name {
				rest = append(rest, p)
			} else {
				tags = append(tags, preset.TagOfVersion(name, p.Version))
			}
		}
		if err := t.presets.Breaks(sentPresets(present), rest); err != nil {
			return nil, nil, fmt.Errorf("%w: %s", errPresetInUse, strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		return &store.PresetChange{Name: name}, tags, nil
	})
	if err != nil {
		return err
	}
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	if status := afterHooks(fasthttp.StatusNoContent, hooks); status != fasthttp.StatusNoContent {
		return sendJSON(ctx, status, presetDescription{Name: name, From: presetWasSent, Tag: purge.Tag(t.Name, preset.Tag(name)), Versions: []presetVersion{}, Hooks: hooks})
	}
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}
