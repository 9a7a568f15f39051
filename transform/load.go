package transform

// #include "vips.h"
import "C"

import (
	"os"
	"runtime"
	"slices"
	"unsafe"

	"github.com/davidbyttow/govips/v2/vips"

	"calotype/transform/heic"
)

// loaders are libvips' decoders of the formats that are read, by the name of the format, and the operations of libvips that do
// the work.
var loaders = map[string]struct {
	loader    C.CalotypeLoader
	operation string
	class     string // of those that libvips' authors do not trust: its name, to allow it
}{
	"jpeg": {C.LOAD_JPEG, "jpegload_source", ""},
	"png":  {C.LOAD_PNG, "pngload_source", ""},
	"gif":  {C.LOAD_GIF, "gifload_source", ""},
	"webp": {C.LOAD_WEBP, "webpload_source", ""},
	"avif": {C.LOAD_HEIF, "heifload_source", ""},
	"heic": {C.LOAD_HEIF, "heifload_source", ""},
	"tiff": {C.LOAD_TIFF, "tiffload_source", ""},
	"jxl":  {C.LOAD_JXL, "jxlload_source", "VipsForeignLoadJxl"},
	"svg":  {C.LOAD_SVG, "svgload_source", "VipsForeignLoadSvg"},
	"pdf":  {C.LOAD_PDF, "pdfload_source", "VipsForeignLoadPdf"},
}

// decoders are those in Go of the formats that libvips leaves to others, or may be built without. They decode a picture whole.
var decoders = map[string]func(file *os.File, size int64) (*vips.ImageRef, error){
	"bmp":  decodeBMP,
	"ico":  decodeICO,
	"heic": decodeHEIC,
}

// decoderInGo returns the decoder in Go that a format needs, nil if it needs none.
func decoderInGo(format string) func(*os.File, int64) (*vips.ImageRef, error) {
	if format == heif.Name && libheifDecodesHEVC() {
		return nil
	}
	return decoders[format]
}

// savers are the operations of libvips that write a format.
var savers = map[saver]string{
	saveJPEG: "jpegsave_buffer", savePNG: "pngsave_buffer", saveGIF: "gifsave_buffer",
	saveWebP: "webpsave_buffer", saveAVIF: "heifsave_buffer", saveTIFF: "tiffsave_buffer", saveICO: "pngsave_buffer", saveJXL: "jxlsave_buffer",
}

// load opens the image in file, from where the file stands, by the decoder of the named format and no other. Only the
// header is read; pixels are decoded when they are computed, top to bottom, unless a decoder in Go has done so. The file must stay
// open until then. Of an animation so many frames are taken, from the page on, or all if that is below 0.
func load(file *os.File, format string, shrink, page, frames int) (*vips.ImageRef, error) {
	if decode := decoderInGo(format); decode != nil {
		info, err := file.Stat()
		if err != nil {
			return nil, err
		}
		return decode(file, info.Size())
	}
	var out *C.VipsImage
	code := C.calotype_load(C.int(file.Fd()), loaders[format].loader, C.int(shrink), C.int(page), C.int(frames), &out)
	runtime.KeepAlive(file)
	if code != 0 {
		return nil, vipsError()
	}
	return wrap(out), nil
}

// allow lets libvips read formats although its authors do not trust their loaders: those that are on, and those named.
func allow(names []string) {
	for name, l := range loaders {
		if l.class == "" || FormatNamed(name).Off && !slices.Contains(names, name) {
			continue
		}
		unblock(l.class)
	}
	unblock("VipsForeignSaveJxl") // whose decoder is read with
}

// unblock lets libvips use all operations of a class.
func unblock(class string) {
	name := C.CString(class)
	defer C.free(unsafe.Pointer(name))
	C.vips_operation_block_set(name, 0)
}

// can tells whether the libvips that is linked has an operation, and may use it.
func can(operation string) bool {
	name := C.CString(operation)
	defer C.free(unsafe.Pointer(name))
	return C.calotype_can(name) != 0
}

// loadedLibraries counts the shared libraries that this process has loaded.
func loadedLibraries() int { return int(C.calotype_loaded_libraries()) }

func canRead(format string) bool {
	if format == heif.Name && !libheifDecodesHEVC() {
		return heic.Available()
	}
	l, known := loaders[format]
	return known && can(l.operation) || decoderInGo(format) != nil
}

// exactAVIF tells whether a lossless AVIF has the very samples of its picture: older ones of libvips convert colors all the same.
var exactAVIF = vips.MajorVersion > 8 || vips.MajorVersion == 8 && vips.MinorVersion >= 18

func canWrite(f *Format) bool { return f.Written() && can(savers[f.saver]) }

// A Capability tells what this program, with the libvips that is linked, does with a format.
type Capability struct {
	Format string `json:"format"`
	Read   bool   `json:"read"`
	Write  bool   `json:"write"`
}

// capabilities returns what can be read and written with the libvips of this process, which must have been started.
func capabilities() []Capability {
	list := make([]Capability, len(Originals))
	for i, f := range Originals {
		list[i] = Capability{Format: f.Name, Read: canRead(f.Name), Write: canWrite(f)}
	}
	return list
}

// LibvipsVersion is the version of the linked libvips.
func LibvipsVersion() string { return vips.Version }

// Epoch names what the bytes of a print depend on beside the original and the address: the codecs, the kind of processor
// that their arithmetic runs on, and the engine itself.
func Epoch() string {
	// engineVersion changes whenever the engine, or a default, makes other bytes of the same address.
	const engineVersion = "4"
	return vips.Version + "-" + runtime.GOARCH + "-" + engineVersion
}
