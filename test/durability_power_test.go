//go:build durability && linux

package test

import (
	"path/filepath"
	"testing"
)

// Power is lost again and again while the program takes uploads: what the file system has not written by then never comes back. What was
// acknowledged is there after each.
func TestDurabilityPowerCuts(t *testing.T) {
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const clients, most = 8, 60
			v := newVolume(t, kind, newImage(t), 4<<30)
			k := newKeeper(t, filepath.Join(v.folder, "data"), keepingFree(t, "1MiB")...)
			l := newLedger(t, 200_000)
			for range (*cutCount + 1) / 2 {
				k.restart(t)
				l.check(t, k.address, false)
				l.work(t, k.address, clients, 1+l.draw(most), true, func() {
					v.cut(t)
					k.kill()
				})
				v.recover(t)
			}
			k.restart(t)
			l.check(t, k.address, true)
			k.stop(t)
			t.Logf("%d power cuts, %d uploads and %d deletions acknowledged", (*cutCount+1)/2, l.acknowledged, l.deletions)
		})
	}
}
