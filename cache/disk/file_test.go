package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

const sampleText = "/download/0193/rotate:90.png\ndigest\nepoch"

func sample() []byte {
	body := []byte("the bytes of a print")
	return append(headOf(sampleText, []byte("meta"), body), body...)
}

// Whatever single bit is wrong, the file is damaged: nothing of it is taken for what was written.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	file := sample()
	for i := range 8 * len(file) {
		file[i/8] ^= 1 << (i % 8)
		if e, err := decode(file, sampleText); !errors.Is(err, errDamaged) {
			t.Errorf("bit %d of byte %d: %+v, %v", i%8, i/8, e, err)
		}
		file[i/8] ^= 1 << (i % 8)
	}
	if _, err := decode(file, sampleText); err != nil {
		t.Fatal(err)
	}
}

func TestEveryOtherLengthIsNoticed(t *testing.T) {
	file := sample()
	for n := range file {
		if e, err := decode(file[:n], sampleText); !errors.Is(err, errDamaged) {
			t.Errorf("%d bytes: %+v, %v", n, e, err)
		}
		torn := append(bytes.Clone(file[:n]), make([]byte, len(file)-n)...) // what a crash of the machine may leave
		if _, err := decode(torn, sampleText); !errors.Is(err, errDamaged) && !bytes.Equal(torn, file) {
			t.Errorf("zeros from byte %d: %v", n, err)
		}
	}
	if _, err := decode(append(file, 0), sampleText); !errors.Is(err, errDamaged) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestOtherKeyIsNotDamage(t *testing.T) {
	if _, err := decode(sample(), sampleText+"2"); !errors.Is(err, errOtherKey) {
		t.Error(err)
	}
}

// Files that were damaged on the disk are misses, are counted and removed, and the entry can be put again.
func TestDamagedFilesAreMisses(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	k := key(sampleText)
	put(t, c, k, "meta", "the bytes of a print")
	path := filepath.Join(dir, k.path())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := uint64(0)
	f := func(what string, data []byte) {
		t.Helper()
		put(t, c, k, "meta", "the bytes of a print")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if e, ok := c.Get(t.Context(), k); ok {
			t.Errorf("%s: %q, %q", what, e.Meta, e.Body)
		}
		settle(t, c)
		damaged++
		if s := c.Stats(); s.Damaged != damaged || s.Entries != 0 || s.Bytes != 0 || s.Failing {
			t.Fatalf("%s: %+v", what, s)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s: the file is still there: %v", what, err)
		}
	}
	for n := range whole {
		f(fmt.Sprint("cut at ", n), whole[:n])
		flipped := bytes.Clone(whole)
		flipped[n] ^= 0x10
		f(fmt.Sprint("flipped at ", n), flipped)
	}
	f("longer", append(bytes.Clone(whole), 0))
	put(t, c, k, "meta", "the bytes of a print")
	mustGet(t, c, k, "meta", "the bytes of a print")
}

func TestPathsAreReadAsWritten(t *testing.T) {
	for _, groups := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c", "d", "e", "f", "g", "h", "i"}} {
		k := Key{Text: "text", Groups: groups}
		n, further, ok := parsePath(k.path())
		if !ok || n != k.Name() || len(further) != len(groups)-1 || n.path(further) != k.path() {
			t.Errorf("%q: %v, %v, %v", k.path(), n, further, ok)
		}
	}
	good := key("text").path()
	for _, path := range []string{
		"", "lock", "new", good[3:], "zz/" + good[3:], good + "-", good + "x", good[:len(good)-1], good + "-0", "00" + good[2:], good + "/" + good[3:], "0x/0x-0x",
	} {
		if n, _, ok := parsePath(path); ok {
			t.Errorf("%q is taken for %v", path, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample(), sampleText)
	f.Add([]byte(magic), "")
	f.Add(sample()[:headLength], sampleText)
	f.Fuzz(func(t *testing.T, file []byte, text string) {
		before := bytes.Clone(file)
		e, err := decode(file, text)
		if !bytes.Equal(file, before) {
			t.Fatal("the file was changed")
		}
		if err != nil {
			return
		}
		if again := append(headOf(text, e.Meta, e.Body), e.Body...); !bytes.Equal(again, file) {
			t.Errorf("%q was read as %q", file, again)
		}
		if known, ok := textIn(file); !ok || known != text {
			t.Errorf("the text is %q and %q", text, known)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	f.Add(key("a", "b", "c").path())
	f.Fuzz(func(t *testing.T, path string) {
		if n, further, ok := parsePath(path); ok && n.path(further) != path {
			t.Errorf("%q is taken for %q", path, n.path(further))
		}
	})
}
