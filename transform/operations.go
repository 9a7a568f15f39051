package transform

import "slices"

// A Group is a part of Operations or Settings under one heading, as menus list them.
type Group[T any] struct {
	Name    string
	Members []*T
}

// OperationGroups are all operations, in the order of the reference. An operation that is in none of them does not exist.
var OperationGroups = []Group[Operation]{
	{"Size and shape", []*Operation{crop, trim, resize, rotate, flip, orient}},
	{"Edges and canvas", []*Operation{pad, extend, border, rounded, background}},
	{"Sharpness", []*Operation{blur, sharpen, pixelate, median}},
	{"Laid on top", []*Operation{overlay, writing}},
	{"Colors", []*Operation{
		grayscale, bitonal, invert, sepia, normalize,
		brightness, contrast, saturation, hue, gamma, tint, duotone, opacity,
	}},
	{"Presets", []*Operation{preset}},
}

// SettingGroups are all settings, in the order in which the canonical form writes them.
var SettingGroups = []Group[Setting]{
	{"What is printed", []*Setting{page, frames, dpr}},
	{"The file", []*Setting{quality, lossless, progressive, effort, subsample, depth, palette, maxbytes, metadata, icc, describe, format}},
	{"How it is sent", []*Setting{fileName, attach, version}},
}

// Operations are those of all groups.
var Operations = membersOf(OperationGroups)

// Settings are those of all groups.
var Settings = membersOf(SettingGroups)

func membersOf[T any](groups []Group[T]) (all []*T) {
	for _, g := range groups {
		all = append(all, g.Members...)
	}
	return all
}

// Formats are all formats that a print can have, in the order of the reference.
var Formats = []*Format{jpeg, png, gif, webp, avif, tiff, ico, jxl}

// Originals are all formats that an original can have: those of prints, and those that are only read.
var Originals = append(slices.Clone(Formats), bmp, heif, svg, pdf)
