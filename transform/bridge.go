package transform

// #cgo pkg-config: vips
// #include "vips.h"
import "C"

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"
)

// govips keeps the pointer to libvips' image in a private field and offers no way to wrap an image that was made
// elsewhere. The engine loads, resamples and saves by calls of its own and leaves the many other operations to govips, so
// that both must see the same image.
var imageField = func() uintptr {
	field, ok := reflect.TypeFor[vips.ImageRef]().FieldByName("image")
	if !ok || field.Type.Kind() != reflect.Pointer {
		panic("transform: this version of govips keeps its image elsewhere")
	}
	return field.Offset
}()

// image returns the libvips image of ref, which goes on owning it.
func image(ref *vips.ImageRef) *C.VipsImage { return *imageOf(ref) }

func imageOf(ref *vips.ImageRef) **C.VipsImage {
	return (**C.VipsImage)(unsafe.Add(unsafe.Pointer(ref), imageField))
}

// wrap returns a govips image that owns img.
func wrap(img *C.VipsImage) *vips.ImageRef {
	ref := new(vips.ImageRef)
	*imageOf(ref) = img
	return ref
}

// replace runs a libvips call on the image of ref and puts the result in its place.
func replace(ref *vips.ImageRef, call func(in *C.VipsImage, out **C.VipsImage) C.int) error {
	var out *C.VipsImage
	if call(image(ref), &out) != 0 {
		return vipsError()
	}
	old := imageOf(ref)
	C.g_object_unref(C.gpointer(*old))
	*old = out
	return nil
}

// forgetErrors empties libvips' error buffer of what work that went well in the end has left there.
func forgetErrors() { C.vips_error_clear() }

// vipsError takes libvips' error buffer. It is one for the whole process, so that under load the text may be that of
// another job: good for a log, not for a client.
func vipsError() error {
	text := C.GoString(C.vips_error_buffer())
	C.vips_error_clear()
	return fmt.Errorf("libvips: %s", clip(text))
}
