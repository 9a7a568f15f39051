package strip

import (
	"bytes"
	"encoding/binary"
)

// Markers of ITU-T T.81, table B.1, by their second byte.
const (
	jpegSOF0  = 0xc0
	jpegJPG   = 0xc8
	jpegSOF15 = 0xcf
	jpegRST0  = 0xd0
	jpegRST7  = 0xd7
	jpegSOI   = 0xd8
	jpegEOI   = 0xd9
	jpegSOS   = 0xda
	jpegDQT   = 0xdb
	jpegDRI   = 0xdd
	jpegAPP0  = 0xe0
	jpegAPP2  = 0xe2
	jpegAPP14 = 0xee
	jpegAPP15 = 0xef
	jpegCOM   = 0xfe
)

// stripJPEG keeps the segments that decoding needs: tables, frames, scans, and what says how colors are coded, which is JFIF's
// presence and Adobe's transform.
func stripJPEG(data []byte, profile bool) ([]byte, bool) {
	if len(data) < 4 || data[0] != 0xff || data[1] != jpegSOI {
		return nil, false
	}
	out := append(make([]byte, 0, len(data)), data[:2]...)
	jfif := false
	for at := 2; ; {
		for at+1 < len(data) && data[at] == 0xff && data[at+1] == 0xff { // fill bytes
			at++
		}
		if at+2 > len(data) || data[at] != 0xff {
			return nil, false
		}
		marker := data[at+1]
		if marker == jpegEOI {
			return append(out, 0xff, jpegEOI), true
		}
		if at+4 > len(data) {
			return nil, false
		}
		end := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if end < at+4 || end > len(data) {
			return nil, false
		}
		segment, body := data[at:end], data[at+4:end]
		switch {
		case marker >= jpegSOF0 && marker <= jpegSOF15 && marker != jpegJPG, marker >= jpegDQT && marker <= jpegDRI:
			out = append(out, segment...)
		case marker == jpegSOS:
			end = scanEnd(data, end)
			out = append(out, data[at:end]...)
		case marker == jpegAPP0:
			const version, density = 5, 12
			if !jfif && len(body) >= 14 && string(body[:version]) == "JFIF\x00" {
				jfif = true
				out = append(out, 0xff, jpegAPP0, 0, 16)
				out = append(append(out, body[:density]...), 0, 0) // without a thumbnail
			}
		case marker == jpegAPP2:
			if profile && bytes.HasPrefix(body, []byte("ICC_PROFILE\x00")) {
				out = append(out, segment...)
			}
		case marker == jpegAPP14:
			const adobe = 12 // "Adobe", a version, two flags, the transform
			if len(body) >= adobe && string(body[:5]) == "Adobe" {
				out = append(out, 0xff, jpegAPP14, 0, adobe+2)
				out = append(out, body[:adobe]...)
			}
		case marker > jpegAPP0 && marker <= jpegAPP15, marker == jpegCOM:
		default:
			return nil, false
		}
		at = end
	}
}

// scanEnd returns where the coded data that begin at a place end: at the next marker but restarts.
func scanEnd(data []byte, at int) int {
	for {
		found := bytes.IndexByte(data[at:], 0xff)
		if found < 0 || at+found+1 >= len(data) {
			return len(data)
		}
		at += found
		next := data[at+1]
		if next != 0 && next != 0xff && (next < jpegRST0 || next > jpegRST7) {
			return at
		}
		if next == 0xff { // a fill byte
			at++
			continue
		}
		at += 2
	}
}
