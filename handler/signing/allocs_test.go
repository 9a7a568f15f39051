//go:build !race

package signing

import (
	"strings"
	"testing"
	"time"
)

// The race detector makes sync.Pool forget things at random.
func TestVerifyDoesNotAllocate(t *testing.T) {
	k := keysOf(t, testKey1, testKey2)
	now := time.Unix(testNow, 0)
	room := make([]byte, 0, 4096)
	bounded, err := k.Sign("/download/"+testID+"/rotate:90", Terms{Grant: "w1600s80_d3_avif-webp-jpg"})
	if err != nil {
		t.Fatal(err)
	}
	paths := append(signedPaths(t, k), bounded+"/resize:800/dpr:2.5.webp", strings.Replace(bounded, "~", "%7E", 1)+"/resize%3A800.webp")
	for _, path := range paths {
		raw := []byte(path)
		if n := testing.AllocsPerRun(1000, func() {
			if !Signed(raw) {
				t.Fatal("it is not signed")
			}
			if _, err := k.Verify(room, raw, now); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
		wrong := []byte(strings.Replace(path, ".", ".1", 1))
		if n := testing.AllocsPerRun(1000, func() {
			if _, err := k.Verify(room, wrong, now); err == nil {
				t.Fatal("it is good")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations to refuse it", wrong, n)
		}
	}
}
