package handler

import (
	"log/slog"

	"calotype/store"
)

// LogDamage returns what logs each damage that a store is told of. It is meant for store.Options: requests that meet a damaged original are
// answered 502 and say nothing more.
func LogDamage(log *slog.Logger) func(store.Damage) {
	return func(d store.Damage) {
		ids := make([]string, len(d.IDs))
		for i, id := range d.IDs {
			ids[i] = id.String()
		}
		log.Error("an original is damaged; its bytes, from a backup or uploaded again, make it whole", "ids", ids, "digest", d.Digest.String(), "error", d.Err)
	}
}
