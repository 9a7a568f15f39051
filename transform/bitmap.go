package transform

// #include "vips.h"
import "C"

import (
	"fmt"
	"os"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/dib"
)

// A canvas is a picture of sRGB that Go writes the pixels of, 8 bits a sample.
type canvas struct{ picture *vips.ImageRef }

// make allocates the picture and returns its pixels, which last as long as it does. It is a dib.Canvas.
func (c *canvas) make(width, height, bands int) ([]byte, error) {
	var out *C.VipsImage
	var pixels unsafe.Pointer
	if C.calotype_new_picture(C.int(width), C.int(height), C.int(bands), &out, &pixels) != 0 {
		return nil, vipsError()
	}
	c.picture = wrap(out)
	return unsafe.Slice((*byte)(pixels), width*height*bands), nil
}

// filled returns the picture, or the error of those who should have filled it.
func (c *canvas) filled(err error) (*vips.ImageRef, error) {
	if err != nil && c.picture != nil {
		c.picture.Close()
	}
	if err != nil {
		return nil, err
	}
	return c.picture, nil
}

func decodeBMP(file *os.File, size int64) (*vips.ImageRef, error) {
	var c canvas
	return c.filled(dib.DecodeBMP(file, size, c.make))
}

// decodeICO reads the largest picture of an icon: a bitmap, or a PNG that libvips decodes.
func decodeICO(file *os.File, size int64) (*vips.ImageRef, error) {
	icon, err := dib.ChooseIcon(file, size)
	if err != nil {
		return nil, err
	}
	if !icon.PNG {
		var c canvas
		return c.filled(icon.Decode(file, c.make))
	}
	data := make([]byte, icon.Length)
	if _, err := file.ReadAt(data, icon.Offset); err != nil {
		return nil, fmt.Errorf("the PNG in an icon: %w", err)
	}
	var out *C.VipsImage
	if C.calotype_load_bytes(unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), C.LOAD_PNG, &out) != 0 {
		return nil, vipsError()
	}
	return wrap(out), nil
}
