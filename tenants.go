package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"calotype/handler"
	"calotype/handler/preset"
	"calotype/handler/quota"
	"calotype/handler/signing"
	"calotype/handler/tenants"
	"calotype/handler/token"
	"calotype/store"
	"calotype/transform"
)

// readTenants reads for whom the server works beside the one whom the command line describes. What a tenant leaves open is as there.
func (c *serveCommand) readTenants(prints *quota.Book, usual int) ([]handler.Tenant, error) {
	if c.Tenants == "" {
		return nil, nil
	}
	entries, err := tenants.Read(c.Tenants, tenants.Options{
		Environment: os.LookupEnv,
		Size: func(text string) (int64, error) {
			var size byteSize
			err := size.UnmarshalText([]byte(text))
			return int64(size), err
		},
	})
	if err != nil {
		return nil, err
	}
	var list []handler.Tenant
	var faults []error
	for _, entry := range entries {
		t, err := c.tenant(entry, prints, usual)
		list, faults = append(list, t), append(faults, err)
	}
	return list, errors.Join(faults...)
}

// tenant makes a tenant of what the file says, or tells all that is wrong with that.
func (c *serveCommand) tenant(entry tenants.Tenant, prints *quota.Book, usual int) (handler.Tenant, error) {
	var faults []error
	wrong := func(setting string, at tenants.Place, reason error) {
		if reason != nil {
			faults = append(faults, entry.Wrong(setting, at, reason))
		}
	}
	t := handler.Tenant{
		Name: entry.Name, Hosts: entry.Hosts,
		MaxUploadBytes: entry.MaxUploadBytes, Limits: transform.Limits{Pixels: entry.MaxPixels, Side: entry.MaxSide},
		Most: store.Usage{Images: entry.MaxImages, Bytes: entry.MaxBytes},
	}
	for setting, most := range map[string]struct{ has, all int64 }{
		"max-upload-bytes": {entry.MaxUploadBytes, int64(c.MaxUploadBytes)},
		"max-pixels":       {entry.MaxPixels, c.MaxPixels},
		"max-side":         {int64(entry.MaxSide), int64(c.MaxSide)},
	} {
		if most.has > most.all {
			wrong(setting, tenants.Place{}, fmt.Errorf("must be at most --%s, which is %d", setting, most.all))
		}
	}
	if entry.PrintsPerHour != nil {
		usual = *entry.PrintsPerHour
	}
	t.Quota = prints.Quota(t.Name, usual, originalsOfClient*usual)

	for _, text := range entry.Tokens {
		_, err := token.New([]string{text.Value})
		wrong("tokens", text.Place, err)
	}
	for _, text := range entry.UploadOrigins {
		if !handler.IsOrigin(text.Value) {
			wrong("upload-origins", text.Place, fmt.Errorf("must be an origin as browsers write it, as https://example.org or http://localhost:3000, not %q", text.Value))
		}
	}
	t.UploadOrigins = tenants.Values(entry.UploadOrigins)
	for _, text := range entry.Sources {
		_, err := c.parseAllowed([]string{text.Value})
		wrong("sources", text.Place, err)
	}
	for _, text := range entry.SignKeys {
		_, err := signing.ParseKeys([]string{text.Value})
		wrong("sign-keys", text.Place, err)
	}
	for _, text := range entry.Operations {
		_, err := transform.NewPolicy(transform.Policy{Names: []string{text.Value}})
		wrong("operations", text.Place, err)
	}
	if entry.Presets.Value != "" {
		var err error
		t.Presets, err = preset.ReadFile(entry.Presets.Value)
		wrong("presets", entry.Presets.Place, err)
	}
	modes := []string{handler.SignOff, handler.SignRemote, handler.SignTransforms, handler.SignAll}
	if t.Sign = entry.Sign.Value; t.Sign != "" && !slices.Contains(modes, t.Sign) {
		wrong("sign", entry.Sign.Place, fmt.Errorf("must be one of %s, not %q", strings.Join(modes, ", "), t.Sign))
	}
	if len(faults) > 0 {
		return t, errors.Join(faults...)
	}
	var err error
	if len(entry.Tokens) > 0 {
		t.Access.Tokens, err = token.New(tenants.Values(entry.Tokens))
		wrong("tokens", tenants.Place{}, err)
	}
	t.Policy, err = transform.NewPolicy(transform.Policy{
		PresetsOnly: entry.PresetsOnly, Names: tenants.Values(entry.Operations), Sizes: entry.Sizes, Snap: entry.Snap,
	})
	wrong("sizes", tenants.Place{}, err)
	t.Sources, err = c.parseAllowed(tenants.Values(entry.Sources))
	wrong("sources", tenants.Place{}, err)
	t.Keys, err = signing.ParseKeys(tenants.Values(entry.SignKeys))
	wrong("sign-keys", tenants.Place{}, err)
	if err := checkSigning("", t.Sign, len(entry.SignKeys) > 0, len(entry.Sources) > 0); err != nil {
		wrong("sign", tenants.Place{}, err)
	}
	return t, errors.Join(faults...)
}
