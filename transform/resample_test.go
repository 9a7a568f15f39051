package transform

import (
	stdimage "image"
	"image/color"
	"testing"
)

// No side of a picture is treated otherwise than the other: a mirrored picture is resized to the mirror image of the resized one.
func TestResizingHasNoSide(t *testing.T) {
	picture := stdimage.NewNRGBA(stdimage.Rect(0, 0, 24, 18))
	for i := range 24 * 18 {
		x, y := i%24, i/24
		picture.SetNRGBA(x, y, color.NRGBA{R: uint8(x * x * 255 / 576), G: uint8(y * 14), B: uint8((x + 2*y) % 7 * 40), A: 255})
	}
	mirrored := func(picture *stdimage.NRGBA) *stdimage.NRGBA {
		size := picture.Rect.Size()
		out := stdimage.NewNRGBA(picture.Rect)
		for i := range size.X * size.Y {
			out.SetNRGBA(size.X-1-i%size.X, size.Y-1-i/size.X, picture.NRGBAAt(i%size.X, i/size.X))
		}
		return out
	}
	original, other := encodePNG(t, picture), encodePNG(t, mirrored(picture))
	for _, resize := range []string{
		"48,36,stretch,up", "72,54,stretch,up", "50,40,stretch,up", "29,18,stretch,up", "37,9,stretch,up", "12,27,stretch,up", "12,9", "8,6", "17,13,stretch", "5,5,stretch",
		"48,36,stretch,up,k=cubic", "48,36,stretch,up,k=linear", "12,9,k=linear", "12,9,k=lanczos2",
	} {
		before := mirrored(pixels(t, mustRender(t, other, "/resize:"+resize+".png").Body))
		after := pixels(t, mustRender(t, original, "/resize:"+resize+".png").Body)
		worst := 0
		for i := range before.Pix {
			worst = max(worst, int(before.Pix[i])-int(after.Pix[i]), int(after.Pix[i])-int(before.Pix[i]))
		}
		if worst > 2 {
			t.Errorf("resize:%s of a mirrored picture differs by up to %d", resize, worst)
		}
	}
}
