package transform

import (
	"fmt"
	"math"
)

// Size is the size of a picture, in pixels. For an animation it is the size of one frame.
type Size struct{ Width, Height int }

// Pixels returns the number of pixels of one frame.
func (s Size) Pixels() int64 { return int64(s.Width) * int64(s.Height) }

func (s Size) String() string { return fmt.Sprintf("%d×%d", s.Width, s.Height) }

func (s Size) turned() Size { return Size{Width: s.Height, Height: s.Width} }

// shrunk returns the size that a decoder makes of s when it shrinks by a whole factor.
func (s Size) shrunk(factor int) Size {
	return Size{Width: max(1, s.Width/factor), Height: max(1, s.Height/factor)}
}

// round rounds to the nearest whole number, halves up: every length in a URL follows this rule.
func round(v float64) int { return int(math.Floor(v + 0.5)) }

// atLeastOne rounds a side of a picture.
func atLeastOne(v float64) int { return max(1, round(v)) }

// gravities are the places that a smaller box can have in a larger one, as shares of the room that is left.
var gravities = map[string][2]float64{
	"northwest": {0, 0}, "north": {0.5, 0}, "northeast": {1, 0},
	"west": {0, 0.5}, "center": {0.5, 0.5}, "east": {1, 0.5},
	"southwest": {0, 1}, "south": {0.5, 1}, "southeast": {1, 1},
}

// gravityWords are the names of gravities in the order of the reference.
var gravityWords = []string{"center", "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"}

// attentionWords leave the choice of the place to the picture itself.
var attentionWords = []string{"smart", "entropy"}

// place returns the top left corner of the box inner in outer for a gravity word. Half pixels fall to the left and the top.
func place(outer, inner Size, gravity string) (left, top int) {
	share := gravities[gravity]
	return int(share[0] * float64(outer.Width-inner.Width)), int(share[1] * float64(outer.Height-inner.Height))
}

// focus returns the top left corner of the box inner in outer whose centre is as near as possible to the point (x, y),
// given in shares of outer's sides.
func focus(outer, inner Size, x, y float64) (left, top int) {
	left = round(x*float64(outer.Width) - float64(inner.Width)/2)
	top = round(y*float64(outer.Height) - float64(inner.Height)/2)
	return min(max(left, 0), outer.Width-inner.Width), min(max(top, 0), outer.Height-inner.Height)
}
