package sniff

import (
	"bytes"
	"errors"
	"testing"
)

// packed writes numbers of so many bits each, the lowest first.
func packed(fields ...[2]int) []byte {
	out := []byte{0xff, 0x0a}
	at := 0
	for _, f := range fields {
		for i := range f[0] {
			if at%8 == 0 {
				out = append(out, 0)
			}
			out[len(out)-1] |= byte(f[1] >> i & 1 << (at % 8))
			at++
		}
	}
	return append(out, 0, 0)
}

func TestSizeOfJXL(t *testing.T) {
	boxed := func(name string, body []byte) []byte {
		head := []byte("\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x14ftypjxl \x00\x00\x00\x00jxl ")
		return append(append(head, 0, 0, 0, byte(8+len(body))), append([]byte(name), body...)...)
	}
	plain := packed([2]int{1, 0}, [2]int{2, 0}, [2]int{9, 39}, [2]int{3, 0}, [2]int{2, 1}, [2]int{13, 999})
	for name, c := range map[string]struct {
		data          []byte
		width, height int
	}{
		"small":           {packed([2]int{1, 1}, [2]int{5, 4}, [2]int{3, 0}, [2]int{5, 7}), 64, 40},
		"small, square":   {packed([2]int{1, 1}, [2]int{5, 0}, [2]int{3, 1}), 8, 8},
		"16 to 9":         {packed([2]int{1, 0}, [2]int{2, 1}, [2]int{13, 1079}, [2]int{3, 5}), 1920, 1080},
		"3 to 2, rounded": {packed([2]int{1, 0}, [2]int{2, 0}, [2]int{9, 30}, [2]int{3, 4}), 46, 31},
		"both sides":      {plain, 1000, 40},
		"large":           {packed([2]int{1, 0}, [2]int{2, 3}, [2]int{30, 1<<30 - 1}, [2]int{3, 0}, [2]int{2, 2}, [2]int{18, 0}), 1, 1 << 30},
		"in a box":        {boxed("jxlc", plain), 1000, 40},
		"in parts":        {boxed("jxlp", append([]byte{0, 0, 0, 0}, plain...)), 1000, 40},
	} {
		width, height, err := SizeOfJXL(bytes.NewReader(c.data), int64(len(c.data)))
		if err != nil || width != c.width || height != c.height {
			t.Errorf("%s: %d×%d, %v, want %d×%d", name, width, height, err, c.width, c.height)
		}
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "a signature": {0xff, 0x0a}, "boxes without it": []byte("\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x08free"),
		"an endless box": []byte("\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x00free"), "another codestream": boxed("jxlc", []byte("\xff\xd8\xff\xff")),
	} {
		if _, _, err := SizeOfJXL(bytes.NewReader(data), int64(len(data))); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzSizeOfJXL(f *testing.F) {
	f.Add([]byte("\xff\x0a\x01\x02\x03\x04"))
	f.Add([]byte("\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x10jxlc\xff\x0a\x01\x02"))
	f.Fuzz(func(t *testing.T, data []byte) {
		width, height, err := SizeOfJXL(bytes.NewReader(data), int64(len(data)))
		if err == nil && (width < 1 || height < 1) {
			t.Errorf("%d×%d", width, height)
		}
	})
}
