package sniff

import (
	"bytes"
	"errors"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// corpus returns the files in a folder of the corpus that lies beside the repository, or skips the test.
func corpus(t testing.TB, folder string) []string {
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Skip("no go.mod above the package")
		}
		root = filepath.Dir(root)
	}
	files, _ := filepath.Glob(filepath.Join(root, "..", "shared", "corpus", folder, "*"))
	if len(files) == 0 {
		t.Skip("the corpus is not beside the repository")
	}
	return files
}

var extensions = map[string]Format{
	".jpg": JPEG, ".jpeg": JPEG, ".png": PNG, ".gif": GIF, ".webp": WebP, ".avif": AVIF, ".tif": TIFF, ".tiff": TIFF, ".bmp": BMP, ".svg": SVG,
}

// refused holds the names of files that are good only to test a decoder's errors.
var refused = []string{"_0x0.tiff", "_0x1.tiff", "_1x0.tiff", "corrupt-header.jpg"}

func TestGoodFilesAreWhatTheirNamesSay(t *testing.T) {
	for _, file := range corpus(t, "good") {
		name := filepath.Base(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Read(bytes.NewReader(data), int64(len(data)))
		if want := extensions[strings.ToLower(filepath.Ext(name))]; h.Format != want {
			t.Errorf("%s is %q, %v", name, h.Format, err)
		}
		bad := false
		for _, ending := range refused {
			bad = bad || strings.HasSuffix(name, ending)
		}
		if bad {
			if !errors.Is(err, ErrBroken) {
				t.Errorf("%s: %+v, %v", name, h, err)
			}
			continue
		}
		if err != nil && !(h.Format == SVG && errors.Is(err, ErrKind)) { // one of them has text
			t.Errorf("%s: %v", name, err)
		}
		config, _, err := image.DecodeConfig(bytes.NewReader(data))
		if err == nil && (h.Width != config.Width || h.Height != config.Height) {
			t.Errorf("%s is %d×%d, Go says %d×%d", name, h.Width, h.Height, config.Width, config.Height)
		}
	}
}

func TestOrientationsAreWhatTheirNamesSay(t *testing.T) {
	seen := 0
	for _, file := range corpus(t, "good") {
		_, digit, found := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".jpg"), "scape_")
		if !found || len(digit) != 1 || digit < "1" || digit > "8" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil || h.Orientation != int(digit[0]-'0') {
			t.Errorf("%s has the orientation %d, %v", filepath.Base(file), h.Orientation, err)
		}
		seen++
	}
	if seen < 8 {
		t.Errorf("only %d files", seen)
	}
}

func TestBadFilesAreReadAtOnce(t *testing.T) {
	const limit = 50 * time.Millisecond
	for _, file := range corpus(t, "bad") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		took := time.Hour
		for range 3 { // the machine may be busy with something else
			start := time.Now()
			_, err = Read(bytes.NewReader(data), int64(len(data)))
			if took = min(took, time.Since(start)); took < limit {
				break
			}
		}
		if took >= limit {
			t.Errorf("%s took %v", filepath.Base(file), took)
		}
		if err != nil && !errors.Is(err, ErrBroken) && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrKind) {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, path := range corpus(b, "good") {
		if !strings.HasSuffix(path, "2569067123_aca715a2ee_o.jpg") {
			continue
		}
		file, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Read(file, info.Size()); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
	b.Skip("the photograph is not in the corpus")
}
