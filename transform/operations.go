package transform

import "slices"

// Operations are all operations, in the order of the reference. An operation that is not in this list does not exist.
var Operations = []*Operation{
	crop, trim, resize, rotate, flip, orient,
	pad, extend, border, rounded, background,
	blur, sharpen, pixelate, median,
	overlay, writing,
	grayscale, bitonal, invert, sepia, normalize,
	brightness, contrast, saturation, hue, gamma, tint, duotone, opacity,
	preset,
}

// Settings are all settings, in the order in which the canonical form writes them.
var Settings = []*Setting{
	page, frames, dpr, quality, lossless, progressive, effort, subsample, depth, palette, maxbytes, metadata, icc, describe, format,
	fileName, attach, version,
}

// Formats are all formats that a print can have, in the order of the reference.
var Formats = []*Format{jpeg, png, gif, webp, avif, tiff, ico, jxl}

// Originals are all formats that an original can have: those of prints, and those that are only read.
var Originals = append(slices.Clone(Formats), bmp, heif, svg, pdf)
