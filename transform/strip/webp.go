package strip

import "encoding/binary"

// Flags of the VP8X chunk (RFC 9649, 2.7.1).
const (
	webpAnimation = 0x02
	webpAlpha     = 0x10
	webpProfile   = 0x20
)

const webpHeader = 8 // of a chunk: its name and length

func stripWebP(data []byte, profile bool) ([]byte, bool) {
	const start = 12
	if len(data) < start || string(data[:4]) != "RIFF" || string(data[8:start]) != "WEBP" {
		return nil, false
	}
	end := uint64(binary.LittleEndian.Uint32(data[4:])) + webpHeader
	if end > uint64(len(data)) || end < start {
		return nil, false
	}
	out := append(make([]byte, 0, len(data)), data[:start]...)
	ok := eachChunk(data[start:end], func(name string, body []byte) bool {
		switch name {
		case "VP8X":
			if len(body) < 10 {
				return false
			}
			kept := body[0] & (webpAnimation | webpAlpha)
			if profile {
				kept |= body[0] & webpProfile
			}
			out = appendChunk(out, name, append([]byte{kept, 0, 0, 0}, body[4:10]...))
		case "VP8 ", "VP8L", "ALPH", "ANIM":
			out = appendChunk(out, name, body)
		case "ICCP":
			if profile {
				out = appendChunk(out, name, body)
			}
		case "ANMF":
			stripped, ok := stripWebPFrame(body)
			if !ok {
				return false
			}
			out = appendChunk(out, name, stripped)
		}
		return true
	})
	if !ok {
		return nil, false
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-webpHeader))
	return out, true
}

// stripWebPFrame rewrites a frame of an animation: where it lies and how long it stays, then chunks.
func stripWebPFrame(body []byte) ([]byte, bool) {
	const head = 16
	if len(body) < head {
		return nil, false
	}
	out := append([]byte{}, body[:head]...)
	ok := eachChunk(body[head:], func(name string, body []byte) bool {
		if name == "ALPH" || name == "VP8 " || name == "VP8L" {
			out = appendChunk(out, name, body)
		}
		return true
	})
	return out, ok
}

// eachChunk goes through chunks, until do reports false. It reports whether all are whole and do never did.
func eachChunk(data []byte, do func(name string, body []byte) bool) bool {
	for len(data) > 0 {
		if len(data) < webpHeader {
			return false
		}
		length := uint64(binary.LittleEndian.Uint32(data[4:]))
		if length > uint64(len(data)-webpHeader) || !do(string(data[:4]), data[webpHeader:webpHeader+length]) {
			return false
		}
		data = data[min(uint64(len(data)), webpHeader+length+length&1):]
	}
	return true
}

func appendChunk(out []byte, name string, body []byte) []byte {
	out = binary.LittleEndian.AppendUint32(append(out, name...), uint32(len(body)))
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}
