package transform

import (
	"math"
	"time"
)

// A Cost is what a print is predicted to take of one worker. It decides which print is made when, and which is refused.
type Cost struct {
	Time   time.Duration // of the processor
	Memory int64         // bytes, more than will be used
}

// A codecCost is what a codec takes for each pixel.
type codecCost struct {
	decode, encode             float64 // nanoseconds
	decodeMemory, encodeMemory float64 // bytes

	// How many times as much a lossless print takes, where the format can do either.
	losslessTime, losslessMemory float64

	// What the decoder takes to get ready, in the worst case.
	start       time.Duration
	startMemory int64 // bytes
}

// What a print takes whatever its size, and what a step takes for each pixel that goes in and each that comes out.
const (
	fixedTime   = 2 * time.Millisecond
	fixedMemory = 24 << 20
	stepTime    = 2.5 // nanoseconds
	pixelMemory = 4   // bytes of a picture of 8 bits a sample that stands in memory
)

// What the search for a palette takes for each pixel of a PNG beside the rest.
const (
	paletteTime   = 1500 // nanoseconds
	paletteMemory = 40   // bytes
)

// openCost is what it takes to look at the header of an upload.
var openCost = Cost{Time: 2 * time.Millisecond, Memory: 128 << 20}

// A costlyStep takes more time than most.
type costlyStep interface {
	// cost returns nanoseconds for each pixel that comes out.
	cost() float64
}

// A sourcedStep needs something beside the picture, once for all frames.
type sourcedStep interface {
	// sourceCost returns nanoseconds, and the bytes that are held until the print is done.
	sourceCost() (nanoseconds, bytes float64)
}

// layingTime is what it takes to blend two pictures, in nanoseconds a pixel.
const layingTime = 40

// Cost predicts what the print takes: pixels × format × operations.
func (p *Plan) Cost() Cost {
	nanoseconds, memory := p.making()
	out := float64(p.Size.Pixels()) * float64(p.Frames)
	encodeTime, encodeMemory := p.encoding(p.Format.cost)
	nanoseconds += out * encodeTime
	memory += out * encodeMemory * p.depthFactor()
	if p.Frames > 1 {
		memory += (float64(p.Original.Size.Pixels())*float64(p.Frames) + out) * pixelMemory
	}
	return Cost{Time: fixedTime + time.Duration(nanoseconds), Memory: fixedMemory + int64(memory)}
}

// depthFactor is how many bytes a sample of the picture has.
func (p *Plan) depthFactor() float64 {
	if p.Original.Depth > 8 || p.Deep {
		return 2
	}
	return 1
}

// making returns the nanoseconds and bytes that it takes to decode the original and to do all steps.
func (p *Plan) making() (nanoseconds, memory float64) {
	frames := float64(p.Frames)
	decoded := float64(p.Original.Size.Pixels()) * frames
	from, deep := FormatNamed(p.Original.Format).cost, p.depthFactor()
	nanoseconds = decoded * from.decode * float64(p.Page+p.Frames) / frames // earlier ones are decoded too
	memory = decoded * from.decodeMemory * deep
	size, held := p.Original.Size.shrunk(p.Shrink), 0.0
	for _, s := range p.Steps {
		next := s.Size(size)
		in, out := float64(size.Pixels())*frames, float64(next.Pixels())*frames
		rate := stepTime
		if c, ok := s.(costlyStep); ok {
			rate = c.cost()
		}
		nanoseconds += in*stepTime + out*rate
		if s, ok := s.(sourcedStep); ok {
			time, bytes := s.sourceCost()
			nanoseconds += time
			memory += bytes
		}
		if _, random := s.(randomStep); random {
			held = max(held, (in+out)*pixelMemory*deep)
		}
		size = next
	}
	return nanoseconds + float64(from.start), memory + float64(from.startMemory) + held
}

// encoding returns nanoseconds and bytes for each pixel of the print.
func (p *Plan) encoding(c codecCost) (nanoseconds, bytes float64) {
	// A step of effort takes about a third more time.
	nanoseconds = c.encode * math.Pow(1.35, float64(p.Encoding.Effort-p.Format.Effort))
	bytes = c.encodeMemory
	once := nanoseconds
	if p.Encoding.Auto {
		// Each probe is decoded as well, and compared.
		nanoseconds += autoProbes*once + (autoProbes+1)*(c.decode+similarityTime)
		bytes += c.decodeMemory + similarityMemory
	}
	if p.Encoding.MaxBytes > 0 {
		nanoseconds += sizeProbes * once
		bytes += pixelMemory
	}
	if p.Encoding.Lossless {
		return nanoseconds * c.losslessTime, bytes * c.losslessMemory
	}
	if p.Encoding.Colors > 0 && p.Format == png {
		return nanoseconds + paletteTime, bytes + paletteMemory
	}
	return nanoseconds, bytes
}
