package transform

// #include "vips.h"
import "C"

import (
	"io"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"
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
)

// encoderEffort maps the effort of a URL, 0 to 9, to the scale of the encoder.
func (s saver) encoderEffort(effort int) int {
	switch s {
	case saveWebP: // 0 to 6
		return (effort*6 + 4) / 9
	case saveGIF: // 1 to 10
		return effort + 1
	}
	return effort
}

var metadataKept = map[string]C.CalotypeMetadata{
	"strip": C.METADATA_NONE, "copyright": C.METADATA_COPYRIGHT, "keep": C.METADATA_ALL,
}

// save encodes the picture as the plan says and writes it to out.
func save(picture *vips.ImageRef, f *Format, e Encoding, out io.Writer) error {
	err := replace(picture, func(in *C.VipsImage, out **C.VipsImage) C.int {
		return C.calotype_with_metadata(in, out, metadataKept[e.Metadata])
	})
	if err != nil {
		return err
	}
	how := C.CalotypeSaving{
		quality:     C.int(e.Quality),
		effort:      C.int(f.saver.encoderEffort(e.Effort)),
		lossless:    truth(e.Lossless),
		progressive: truth(e.Progressive),
		strip:       truth(e.Metadata == "strip"),
	}
	var buffer unsafe.Pointer
	var length C.size_t
	if C.calotype_save(image(picture), C.CalotypeSaver(f.saver), &how, &buffer, &length) != 0 {
		return vipsError()
	}
	defer C.g_free(C.gpointer(buffer))
	_, err = out.Write(unsafe.Slice((*byte)(buffer), int(length)))
	return err
}
