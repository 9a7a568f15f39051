package strip

import (
	"encoding/binary"
	"hash/crc32"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// pngKept are the chunks (PNG, third edition, 11) that say what the pixels are and which colors their samples mean. Further
// pictures of an animation are not among them: a print shows the first.
var pngKept = map[string]bool{
	"IHDR": true, "PLTE": true, "IDAT": true, "tRNS": true, "gAMA": true, "cHRM": true, "sRGB": true, "cICP": true,
}

func stripPNG(data []byte, profile bool) ([]byte, bool) {
	const frame = 12 // length, type and checksum of a chunk
	if len(data) < len(pngSignature) || string(data[:len(pngSignature)]) != pngSignature {
		return nil, false
	}
	out := append(make([]byte, 0, len(data)), pngSignature...)
	for at := len(pngSignature); at+frame <= len(data); {
		length := binary.BigEndian.Uint32(data[at:])
		if uint64(length) > uint64(len(data)-at-frame) {
			return nil, false
		}
		chunk := data[at : at+frame+int(length)]
		sum := len(chunk) - 4
		kind := string(chunk[4:8])
		critical := kind[0]&0x20 == 0
		switch {
		case kind == "IEND":
			return append(out, "\x00\x00\x00\x00IEND\xae\x42\x60\x82"...), true
		case pngKept[kind], profile && kind == "iCCP":
			if binary.BigEndian.Uint32(chunk[sum:]) != crc32.ChecksumIEEE(chunk[4:sum]) {
				return nil, false
			}
			out = append(out, chunk...)
		case critical:
			return nil, false
		}
		at += len(chunk)
	}
	return nil, false
}
