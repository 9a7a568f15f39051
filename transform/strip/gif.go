package strip

// Blocks of GIF89a, appendix A.
const (
	gifExtension   = 0x21
	gifImage       = 0x2c
	gifTrailer     = 0x3b
	gifControl     = 0xf9
	gifComment     = 0xfe
	gifApplication = 0xff
)

// stripGIF keeps the images, how long each stays, and how often all of them run. GIF has no color profiles worth the name.
func stripGIF(data []byte, _ bool) ([]byte, bool) {
	const screen = 13
	if len(data) < screen || string(data[:4]) != "GIF8" {
		return nil, false
	}
	at := screen + colorTable(data[screen-3])
	if at > len(data) {
		return nil, false
	}
	out := append(make([]byte, 0, len(data)), data[:at]...)
	for at < len(data) {
		start := at
		kept := true
		switch data[at] {
		case gifTrailer:
			return append(out, gifTrailer), true
		case gifImage:
			const descriptor = 10
			if at+descriptor > len(data) {
				return nil, false
			}
			at += descriptor + colorTable(data[at+descriptor-1]) + 1 // the size of the first codes
		case gifExtension:
			if at+2 > len(data) {
				return nil, false
			}
			switch data[at+1] {
			case gifControl:
			case gifComment:
				kept = false
			case gifApplication:
				if kept = isLoop(data[at+2:]); kept && !isPlainLoop(data[at+2:]) {
					return nil, false
				}
			default: // plain text is a picture of its own, which nobody shows, and the control before it would hold for the next
				return nil, false
			}
			at += 2
		default:
			return nil, false
		}
		end, ok := subBlocks(data, at)
		if !ok {
			return nil, false
		}
		if kept {
			out = append(out, data[start:end]...)
		}
		at = end
	}
	return nil, false
}

// isLoop tells whether an application extension, from its first sub-block on, says how often an animation runs.
func isLoop(data []byte) bool {
	const name = 11
	return len(data) > name && data[0] == name && (string(data[1:1+name]) == "NETSCAPE2.0" || string(data[1:1+name]) == "ANIMEXTS1.0")
}

// isPlainLoop tells whether it says nothing else: one sub-block with the number 1 and that of the runs.
func isPlainLoop(data []byte) bool {
	return len(data) >= 17 && data[12] == 3 && data[13] == 1 && data[16] == 0
}

// subBlocks returns where the sub-blocks end that begin at a place.
func subBlocks(data []byte, at int) (end int, ok bool) {
	for at < len(data) {
		size := int(data[at])
		at += 1 + size
		if size == 0 {
			return at, true
		}
	}
	return 0, false
}

// colorTable returns the size of the color table that the flags of a screen or an image announce.
func colorTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 * 2 << (flags & 7)
}
