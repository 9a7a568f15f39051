package handler

import (
	"bytes"
	"image"
	"image/color"
	"net/http"
	"strings"
	"testing"

	"calotype/transform"
)

// An uploaded image is laid on another by its id.
func TestOverlayOfAnUploadedImage(t *testing.T) {
	s := serve(t)
	below, above := s.upload(encodePNG(t, photo(60, 40, 1))), s.upload(draws(t, "rg"))
	a := s.mustGet(below.URL + "/overlay:" + above.ID + ",northwest.png")
	picture, _, err := image.Decode(bytes.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, _ := picture.At(0, 0).RGBA(); picture.Bounds().Dx() != 60 || r>>8 != 255 || g|b != 0 {
		t.Errorf("its first pixel is %v", color.NRGBAModel.Convert(picture.At(0, 0)))
	}
	upper := s.mustGet(below.URL + "/OVERLAY=" + strings.ToUpper(strings.ReplaceAll(above.ID, "-", "")) + "~northwest.png")
	if !bytes.Equal(upper.body, a.body) || !strings.Contains(upper.header.Get("Link"), "/overlay:"+above.ID+",northwest.png") {
		t.Errorf("in other spelling it is another print: %v", upper.header)
	}
	d := decode[printDescription](t, s.mustGet(below.URL+"/overlay:"+above.ID+",northwest.json"))
	if !strings.Contains(strings.Join(d.Plan, "\n"), "lay an image of 2×1 at the northwest") {
		t.Errorf("the plan is %q", d.Plan)
	}
	tag := s.mustGet("/srcset/" + below.ID + "/overlay:" + above.ID + ".png?widths=30,60")
	if !strings.Contains(string(tag.body), "/overlay:"+above.ID+"/resize:30.png 30w") || !strings.Contains(string(tag.body), "background:url(") {
		t.Errorf("the picture element is %s", tag.body)
	}
	text := s.mustGet(below.URL + "/text:SGVsbG8,center,size=50p.png")
	if bytes.Equal(text.body, s.mustGet(below.URL+".png").body) {
		t.Error("a text changes nothing")
	}
}

// Whoever names an image that is not there is told which one.
func TestOverlayOfNoImage(t *testing.T) {
	s := serve(t)
	u := s.upload(draws(t, "rg"))
	for _, id := range []string{transform.ExampleImage, "x"} {
		a := s.get(u.URL + "/overlay:" + id + ".png")
		s.wantProblem("overlay:"+id, a, http.StatusNotFound, "no-such-image")
		if !strings.Contains(string(a.body), "laid on") {
			t.Errorf("the answer does not say which image: %s", a.body)
		}
	}
	s.wantProblem("letters", s.get(u.URL+"/text:5ryi.png"), http.StatusUnprocessableEntity, "unwritable-text")
	s.wantProblem("base64", s.get(u.URL+"/text:Hi!.png"), http.StatusBadRequest, "bad-chain")
}
