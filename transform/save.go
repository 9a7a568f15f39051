package transform

// #include "vips.h"
import "C"

import (
	"fmt"
	"io"
	"math/bits"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/dib"
	"calotype/transform/ultrahdr"
)

// A saver names the encoder of a format.
type saver C.CalotypeSaver

const (
	saveJPEG = saver(C.SAVE_JPEG)
	savePNG  = saver(C.SAVE_PNG)
	saveGIF  = saver(C.SAVE_GIF)
	saveWebP = saver(C.SAVE_WEBP)
	saveAVIF = saver(C.SAVE_AVIF)
	saveTIFF = saver(C.SAVE_TIFF)
	saveICO  = saver(C.SAVE_ICO)
	saveJXL  = saver(C.SAVE_JXL)
)

// encoderEffort maps the effort of a URL, 0 to 9, to the scale of the encoder.
func (s saver) encoderEffort(effort int) int {
	switch s {
	case saveWebP: // 0 to 6
		return (effort*6 + 4) / 9
	case saveGIF: // 1 to 10
		return effort + 1
	case saveJXL: // 3 to 9
		return max(3, effort)
	}
	return effort
}

var metadataKept = map[string]C.CalotypeMetadata{
	"strip": C.METADATA_NONE, "copyright": C.METADATA_COPYRIGHT, "keep": C.METADATA_ALL,
}

var subsampling = map[string]C.VipsForeignSubsample{
	"": C.VIPS_FOREIGN_SUBSAMPLE_AUTO, "420": C.VIPS_FOREIGN_SUBSAMPLE_ON, "444": C.VIPS_FOREIGN_SUBSAMPLE_OFF,
}

// save encodes the picture as the plan says and writes it to out. A file that own returns, unless that is nil, is written in place of one
// that has more bytes; used tells whether it was.
func save(picture *vips.ImageRef, f *Format, e Encoding, own func() []byte, out io.Writer) (used bool, err error) {
	err = replace(picture, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_with_metadata(in, out, metadataKept[e.Metadata])
	})
	if err != nil {
		return false, err
	}
	if e.Auto || e.MaxBytes > 0 {
		// It is encoded more than once.
		if err := toMemory(picture); err != nil {
			return false, err
		}
	}
	if e.Auto {
		if e.Quality, err = measuredQuality(picture, f, e); err != nil {
			return false, err
		}
	}
	encoded, err := encode(picture, f, e)
	if err == nil {
		if kept := own(); kept != nil && len(kept) < len(encoded) {
			encoded, used = kept, true
		}
	}
	if err == nil && e.MaxBytes > 0 && len(encoded) > e.MaxBytes {
		used = false
		encoded, err = encodeWithin(picture, f, e)
	}
	if err != nil {
		return false, err
	}
	_, err = out.Write(encoded)
	return used, err
}

// encode returns the picture as a file.
func encode(picture *vips.ImageRef, f *Format, e Encoding) ([]byte, error) {
	if f.saver == saveICO {
		if err := toIcon(picture); err != nil {
			return nil, err
		}
	}
	how := C.CalotypeSaving{
		quality:     C.int(e.Quality),
		effort:      C.int(f.saver.encoderEffort(e.Effort)),
		lossless:    truth(e.Lossless),
		progressive: truth(e.Progressive),
		subsample:   subsampling[e.Subsample],
		palette:     C.int(bits.Len(uint(max(0, e.Colors-1)))),
		strip:       truth(e.Metadata == "strip"),
	}
	var buffer unsafe.Pointer
	var length C.size_t
	if C.calotype_save(image(picture), C.CalotypeSaver(f.saver), &how, &buffer, &length) != 0 {
		return nil, vipsError()
	}
	defer C.g_free(C.gpointer(buffer))
	encoded := C.GoBytes(buffer, C.int(length))
	switch {
	case f.saver == saveICO:
		return dib.EncodeIcon(encoded, picture.Width(), picture.Height()), nil
	case e.gain != nil:
		return ultrahdr.Join(encoded, e.gain)
	}
	return encoded, nil
}

// toIcon gives a picture the samples that a PNG in an icon has: red, green, blue and alpha.
func toIcon(picture *vips.ImageRef) error {
	if picture.Bands() < 3 {
		if err := picture.ToColorSpace(vips.InterpretationSRGB); err != nil {
			return err
		}
	}
	if picture.HasAlpha() {
		return nil
	}
	return picture.AddAlpha()
}

// sizeProbes is how many qualities are tried at most to fit a print into so many bytes: as many as halve 1 to 100.
const sizeProbes = 7

// encodeWithin returns the file of the highest quality, below that of e, that has no more bytes than e allows. It returns ErrTooLarge
// if there is none.
func encodeWithin(picture *vips.ImageRef, f *Format, e Encoding) (best []byte, err error) {
	smallest := 0
	for low, high := 1, e.Quality-1; low <= high; {
		e.Quality = (low + high) / 2
		encoded, err := encode(picture, f, e)
		if err != nil {
			return nil, err
		}
		if smallest == 0 || len(encoded) < smallest {
			smallest = len(encoded)
		}
		if len(encoded) <= e.MaxBytes {
			best, low = encoded, e.Quality+1
		} else {
			high = e.Quality - 1
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: at the lowest quality the print has %d bytes, and %d are allowed", ErrTooLarge, smallest, e.MaxBytes)
	}
	return best, nil
}
