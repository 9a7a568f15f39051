// Package strip rewrites image files without what they say beside their pixels: EXIF, XMP, IPTC, comments, thumbnails, further
// pictures, and whatever stands behind the end. It decodes nothing: the coded pixels are the same bytes afterwards.
package strip

// A format is how one kind of file is rewritten. It reports false for a file whose structure it does not know in full: such a file
// must be left alone, since what it has in unknown places may be metadata.
type format func(data []byte, profile bool) ([]byte, bool)

var formats = map[string]format{"jpeg": stripJPEG, "png": stripPNG, "webp": stripWebP, "gif": stripGIF}

// Knows tells whether files of a format, such as jpeg, can be rewritten.
func Knows(name string) bool { return formats[name] != nil }

// File returns the file without metadata, and with its color profile if profile is set. It reports false if it cannot. It does not
// keep or change data.
func File(name string, data []byte, profile bool) ([]byte, bool) {
	f := formats[name]
	if f == nil {
		return nil, false
	}
	return f(data, profile)
}
