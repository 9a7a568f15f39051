package transform

// #include "vips.h"
import "C"

import (
	"os"
	"sync"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/heic"
	"calotype/transform/sniff"
)

// libheifDecodesHEVC tells whether the libheif that libvips is linked to has a decoder of HEVC. The pinned one has none.
var libheifDecodesHEVC = sync.OnceValue(func() bool { return C.calotype_decodes_hevc() != 0 })

// decodeHEIC decodes HEIC without libvips. The picture is upright: the file's own rotations have been done.
func decodeHEIC(file *os.File, size int64) (*vips.ImageRef, error) {
	data := make([]byte, size)
	if _, err := file.ReadAt(data, 0); err != nil {
		return nil, err
	}
	colors, err := sniff.ReadColors(file, size, maxProfileBytes)
	if err != nil {
		return nil, err
	}
	decoded, err := heic.Decode(data)
	if err != nil {
		return nil, err
	}
	defer decoded.Close()
	var c canvas
	pixels, err := c.make(decoded.Width, decoded.Height, 3)
	if err != nil {
		return nil, err
	}
	decoded.WriteRGB(pixels, heic.Matrix{Coefficients: colors.Matrix, Narrow: colors.Narrow})
	if len(colors.Profile) > 0 {
		C.calotype_set_profile(image(c.picture), unsafe.Pointer(unsafe.SliceData(colors.Profile)), C.size_t(len(colors.Profile)))
	}
	return c.picture, nil
}
