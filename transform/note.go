package transform

// A note says what became of something in the original that the plan, which is made by its header alone, does not know of.
type note string

const (
	notedP3      note = "p3"
	notedProfile note = "profile"

	notedGainMap   note = "gain map"
	notedNoGainMap note = "no gain map"

	notedOwnPixels note = "own pixels"
)

// notes are what a description of the print says, after its plan.
var notes = map[note]string{
	notedP3:      "its colors are Display P3",
	notedProfile: "its colors are those of the original's profile",

	notedGainMap:   "its gain map, for screens of high dynamic range, is that of the original, and follows the geometry",
	notedNoGainMap: "the original's gain map, for screens of high dynamic range, is left out",

	notedOwnPixels: "the pixels are those of the original as they are coded there, which takes fewer bytes",
}

func textOf(list []note) []string {
	var texts []string
	for _, n := range list {
		texts = append(texts, notes[n])
	}
	return texts
}
