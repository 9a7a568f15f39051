package transform

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// The bytes of a print depend on the original and the address alone, for every operation and every format: not on when the engine was
// started, on how many workers it has, or on what the one has done before that makes it.
func TestSameBytesAfterARestart(t *testing.T) {
	type print struct {
		original []byte
		path     string
	}
	original, animation := encodePNG(t, photo(480, 320)), flicker(t, "rgby")
	var prints []print
	formats := writable(t)
	for i, o := range Operations {
		for k, example := range o.Examples {
			prints = append(prints, print{original, fmt.Sprintf("/%s/resize:60.%s", example, formats[(i+k)%len(formats)].Extension)})
		}
	}
	for _, f := range writable(t) {
		prints = append(prints, print{original, "/resize:90/rotate:20/sharpen." + f.Extension}, print{animation, "/rotate:20/blur:1." + f.Extension})
	}
	var first [][]byte
	for _, o := range []Options{{Workers: 1}, {Workers: 3}, {Workers: 2, JobsPerWorker: 2}} {
		o.Deadline = time.Minute
		t.Run(fmt.Sprintf("%d workers", o.Workers), func(t *testing.T) {
			e, _ := own(t, o)
			made := make([][]byte, len(prints))
			for i := range prints {
				if o.Workers == 3 {
					i = len(prints) - 1 - i // in another order
				}
				r, err := order(t, t.Context(), e, prints[i].original, prints[i].path, Asker{})
				if err != nil {
					t.Fatalf("%s: %v", prints[i].path, err)
				}
				made[i] = r.Body
			}
			if first == nil {
				first = made
			}
			for i := range made {
				if !bytes.Equal(first[i], made[i]) {
					t.Errorf("%s has other bytes than before", prints[i].path)
				}
			}
		})
	}
	t.Logf("%d prints by each engine", len(prints))
}
