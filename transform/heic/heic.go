// Package heic decodes HEIC pictures (HEVC in HEIF) by libheif and libde265, compiled to WebAssembly: for a libvips that was built
// without a decoder of HEVC. What goes wrong in them stays within the memory of their virtual machine. The Makefile puts what they were
// compiled to into the folder module; a build without it reads no HEIC this way.
package heic

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

var (
	// ErrBroken says that the picture cannot be decoded.
	ErrBroken = errors.New("broken HEIC")
	// ErrMemory says that decoding takes more memory than there is.
	ErrMemory = errors.New("libheif cannot allocate memory")
)

//go:embed module
var folder embed.FS

// packed is the module, or nothing if the build had none.
var packed, _ = folder.ReadFile("module/heif.wasm.gz")

// Available tells whether this program has the decoder.
func Available() bool { return len(packed) > 0 }

// maxPages bounds the memory of a decoder, in pages of 64 KiB: 2 GiB, of which a worker may use what its limits leave it.
const maxPages = 1 << 15

// A machine runs the compiled module.
type machine struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

// start compiles the module, which takes about half a second and is done once in a process.
var start = sync.OnceValues(func() (machine, error) {
	// What Go once has for its heap counts against the limits of the process for good, so that the compiler is kept short.
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	ctx := context.Background()
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return machine{}, err
	}
	code, err := io.ReadAll(reader)
	if err != nil {
		return machine{}, err
	}
	m := machine{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(maxPages))}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, m.runtime); err != nil {
		return machine{}, err
	}
	if m.compiled, err = m.runtime.CompileModule(ctx, code); err != nil {
		return machine{}, err
	}
	debug.FreeOSMemory() // the compiler needs three times what it leaves
	return m, nil
})

// The color spaces and chroma formats of libheif (heif_image.h).
const (
	spaceYCbCr = 0
	spaceGray  = 2

	chroma420 = 1
	chroma422 = 2
	chroma444 = 3
)

// A Picture is decoded and turned upright as its file says; it has 8 bits a sample.
type Picture struct {
	Width, Height int

	planes  [3][]byte // luma and, unless the picture is gray, two of chroma
	strides [3]int
	shift   [2]int // by which the sides of chroma are halved, across and down
	free    func()
}

// Decode decodes the primary picture of a file. The caller must close it.
func Decode(file []byte) (_ *Picture, err error) {
	m, err := start()
	if err != nil {
		return nil, fmt.Errorf("the decoder of HEIC does not start: %w", err)
	}
	memory := new(memory)
	ctx := experimental.WithMemoryAllocator(context.Background(), memory)
	instance, err := m.runtime.InstantiateModule(ctx, m.compiled, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		return nil, memory.explain(err)
	}
	defer func() {
		if err != nil {
			instance.Close(ctx)
			err = memory.explain(err)
		}
	}()
	c := call{ctx: ctx, instance: instance}
	in := c.copyIn(file)
	facts := c.allocate(4 * 5) // width, height, color space, chroma, and whether colors are multiplied by alpha
	const headerOnly, pixels = 1, 0
	c.decode(in, len(file), headerOnly, facts, 0)
	p := &Picture{Width: c.number(facts), Height: c.number(facts + 4), free: func() { instance.Close(ctx) }}
	size := p.lay(c.number(facts+8), c.number(facts+12))
	if c.err == nil && size == 0 {
		c.err = fmt.Errorf("%w: %d×%d pixels in color space %d, chroma %d", ErrBroken, p.Width, p.Height, c.number(facts+8), c.number(facts+12))
	}
	out := c.allocate(size)
	c.decode(in, len(file), pixels, facts, out)
	if c.err != nil {
		return nil, c.err
	}
	for i, length := range p.lengths() {
		plane, ok := instance.Memory().Read(out, uint32(length))
		if !ok {
			return nil, fmt.Errorf("%w: planes outside of its memory", ErrBroken)
		}
		p.planes[i] = plane
		out += uint32(length)
	}
	return p, nil
}

// Close gives back the memory of the picture.
func (p *Picture) Close() { p.free() }

// lay works out how the planes lie in memory, one behind the other, and returns their bytes; 0 if it does not know.
func (p *Picture) lay(space, chroma int) int {
	const most = 1 << 16 // pixels of a side
	if p.Width < 1 || p.Height < 1 || p.Width > most || p.Height > most {
		return 0
	}
	aligned := func(n int) int { return (max(n, 64) + 15) &^ 15 } // as libheif lays rows
	p.strides = [3]int{aligned(p.Width)}
	switch {
	case space == spaceGray:
		return p.lengths()[0]
	case space != spaceYCbCr:
		return 0
	case chroma == chroma420:
		p.shift = [2]int{1, 1}
	case chroma == chroma422:
		p.shift = [2]int{1, 0}
	case chroma != chroma444:
		return 0
	}
	p.strides[1] = aligned((p.Width + p.shift[0]) >> p.shift[0])
	p.strides[2] = p.strides[1]
	l := p.lengths()
	return l[0] + l[1] + l[2]
}

// lengths are the bytes of the planes.
func (p *Picture) lengths() [3]int {
	chroma := (p.Height + p.shift[1]) >> p.shift[1]
	return [3]int{p.strides[0] * p.Height, p.strides[1] * chroma, p.strides[2] * chroma}
}

// A call keeps the first error of what it asks of the module.
type call struct {
	ctx      context.Context
	instance api.Module
	err      error
}

func (c *call) call(name string, arguments ...uint64) uint32 {
	if c.err != nil {
		return 0
	}
	result, err := c.instance.ExportedFunction(name).Call(c.ctx, arguments...)
	if err == nil && result[0] == 0 {
		err = errors.New(name + " fails")
	}
	if err != nil {
		c.err = fmt.Errorf("%w: %.200v", ErrBroken, err)
		return 0
	}
	return uint32(result[0])
}

func (c *call) allocate(bytes int) uint32 { return c.call("malloc", uint64(bytes)) }

func (c *call) copyIn(file []byte) uint32 {
	at := c.allocate(len(file))
	if c.err == nil && !c.instance.Memory().Write(at, file) {
		c.err = fmt.Errorf("%w: no room for the file", ErrBroken)
	}
	return at
}

// decode has the function of the module write the facts at an address of five numbers and, unless only the header is wanted, the planes.
func (c *call) decode(in uint32, length, headerOnly int, facts, out uint32) {
	arguments := []uint64{uint64(in), uint64(length), uint64(headerOnly)}
	for i := range uint64(5) {
		arguments = append(arguments, uint64(facts)+4*i)
	}
	c.call("decode", append(arguments, uint64(out))...)
}

func (c *call) number(at uint32) int {
	n, ok := c.instance.Memory().ReadUint32Le(at)
	if !ok && c.err == nil {
		c.err = fmt.Errorf("%w: a number outside of its memory", ErrBroken)
	}
	return int(n)
}
