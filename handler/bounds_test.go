package handler

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"calotype/transform"
)

// Every operation with each argument at its bounds, and just outside of them, is answered with a print, or with a problem that says why
// not: never with a fault of the server's.
func TestEveryBoundIsAnsweredOrExplained(t *testing.T) {
	if testing.Short() {
		t.Skip("makes very many prints, one after the other")
	}
	s := serve(t, withExamplePresets)
	originals := map[string]string{
		"a photo":      s.upload(encodePNG(t, photo(60, 40, 1))).URL,
		"one pixel":    s.upload(encodePNG(t, photo(1, 1, 2))).URL,
		"one column":   s.upload(encodePNG(t, photo(1, 30, 3))).URL,
		"an animation": s.upload(encodeGIF(t, 20, 12, 3)).URL,
	}
	stamp := s.upload(draws(t, "rg", "by")).ID
	statuses := map[int]int{}
	for _, o := range transform.Operations {
		for _, call := range callsAtBounds(o) {
			call = strings.ReplaceAll(call, transform.ExampleImage, stamp)
			for name, url := range originals {
				extension := "/effort:0.png"
				if name == "an animation" {
					extension = "/effort:0.webp"
				}
				a := s.get(url + "/" + call + extension)
				statuses[a.status]++
				switch a.status {
				case http.StatusOK:
				case http.StatusNotFound:
					if o.Name == "overlay" && strings.Contains(call, stamp) || o.Name != "overlay" && o.Name != "preset" {
						t.Errorf("%s of %s: %d %s", call, name, a.status, a.body)
					}
				case http.StatusBadRequest, http.StatusUnprocessableEntity:
					if p := decode[problemBody](t, a); p.Title == "" || len(p.Detail) < 10 {
						t.Errorf("%s of %s: %d does not explain itself: %s", call, name, a.status, a.body)
					}
				default:
					t.Errorf("%s of %s: %d %.200s", call, name, a.status, a.body)
				}
			}
		}
	}
	t.Log(statuses)
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusUnprocessableEntity} {
		if statuses[status] < 20 {
			t.Errorf("only %d answers are %d", statuses[status], status)
		}
	}
}

// callsAtBounds writes a call for each text of each parameter, the others being harmless.
func callsAtBounds(o *transform.Operation) (calls []string) {
	for _, form := range o.Forms {
		for i := range form.Params {
			texts, _ := textsOf(&form.Params[i])
			for _, text := range texts {
				var arguments []string
				for k := range form.Params {
					p := &form.Params[k]
					if _, harmless := textsOf(p); k == i {
						arguments = append(arguments, named(p, text))
					} else if p.Required() || !p.Keyed && !slices.Contains([]transform.Kind{transform.Word, transform.Flag}, p.Kind) {
						arguments = append(arguments, named(p, harmless))
					}
				}
				calls = append(calls, o.Name+":"+strings.Join(arguments, ","))
			}
		}
		if len(form.Params) == 0 {
			calls = append(calls, o.Name, o.Name+":1")
		}
	}
	return calls
}

// textsOf returns the texts of a parameter at its bounds and just outside, and a harmless one.
func textsOf(p *transform.Param) (texts []string, harmless string) {
	switch p.Kind {
	case transform.Word:
		return append([]string{"other"}, p.Words...), p.Words[0]
	case transform.Flag:
		return []string{p.Name}, p.Name
	case transform.Color:
		return []string{"transparent", "00000001", "fff", "12345", "nocolor"}, "gold"
	case transform.ID:
		return []string{transform.ExampleImage, "x", "x_y", ""}, transform.ExampleImage
	case transform.Name:
		return []string{"avatar", "AVATAR", "nothing", "-", ""}, "avatar"
	case transform.Text:
		return []string{"SGVsbG8", "Lg", "4pi6", "IA", "_w", "!", ""}, "SGVsbG8"
	case transform.Point:
		return []string{"0x0", "1x1", "1.001x0", "0"}, "0.5x0.5"
	case transform.Ratio:
		return []string{"0.001x65535", "65535x0.001", "0x1", "1x65536"}, "1x1"
	}
	texts = []string{fmt.Sprint(p.Min), fmt.Sprint(p.Max), fmt.Sprint(p.Min - 1), fmt.Sprint(p.Max + 1), "", "x"}
	if p.Kind == transform.Length {
		texts = append(texts, "0.001p", "100p", "1000p", "-1p")
	}
	return texts, fmt.Sprint(min(max(2, p.Min), p.Max))
}

func named(p *transform.Param, text string) string {
	if p.Keyed {
		return p.Name + "=" + text
	}
	return text
}
