package transform

import (
	"io"
	"os"

	"calotype/transform/strip"
)

// mayBeOwn tells whether the print may have the original's own coded pixels: it is the whole picture, in the same format, and the
// address says nothing of how it is coded but by settings that trade bytes.
func (p *Plan) mayBeOwn() bool {
	if p.Format.Name != p.Original.Format || !strip.Knows(p.Format.Name) || len(p.Steps) > 0 || p.Page > 0 || p.Encoding.Metadata != "strip" {
		return false
	}
	for i, s := range Settings {
		switch s {
		case dpr, quality, effort, maxbytes, metadata, icc, describe, format:
		default:
			if p.chain.settings[i].Set {
				return false
			}
		}
	}
	return p.Frames == max(1, p.Original.Frames)
}

// ownPixels returns the original's file without its metadata, if it may stand for the print; else nil.
func (j *job) ownPixels(file *os.File) []byte {
	p := j.plan
	if !p.mayBeOwn() || j.look || j.gain != nil || j.converted {
		return nil
	}
	info, err := file.Stat()
	if err != nil || info.Size() > p.Cost().Memory/4 {
		return nil
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return nil
	}
	own, ok := strip.File(p.Format.Name, data, j.colors != inSRGB)
	if !ok {
		return nil
	}
	return own
}
