package docs

import (
	"embed"
	"io/fs"
	"regexp"
	"strings"

	"calotype/transform"
)

// SampleFolder is where the samples are, from the root of the repository.
const SampleFolder = "docs/samples"

//go:embed samples
var sampleFiles embed.FS

// Samples are the prints that the reference shows, and what they were made of: Landscape, and Cutout for what shows transparency.
var Samples = func() fs.FS {
	files, err := fs.Sub(sampleFiles, "samples")
	if err != nil {
		panic(err) // it is embedded
	}
	return files
}()

// The originals of the samples, of 480×320 pixels.
const (
	Landscape = "landscape.jpg"
	Cutout    = "cutout.png"
)

// SampleOriginal is the original on which an operation is shown.
func SampleOriginal(operation string) string {
	if operation == "background" {
		return Cutout
	}
	return Landscape
}

var (
	minus    = regexp.MustCompile(`([:,])-`)
	unsuited = regexp.MustCompile(`[^a-z0-9]+`)
)

// SampleName is the file that shows what a chain does.
func SampleName(chain string) string {
	name := strings.ReplaceAll(chain, transform.ExampleImage, "image")
	return unsuited.ReplaceAllString(minus.ReplaceAllString(name, "${1}minus-"), "-") + ".webp"
}
