package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBenchOfUploads(t *testing.T) {
	sizes, clients := uploadSizes, uploadClients
	t.Cleanup(func() { uploadSizes, uploadClients = sizes, clients })
	uploadSizes, uploadClients = []int{3000, 50_000}, []int{1, 3}
	file := filepath.Join(t.TempDir(), "results.json")
	status, out, progress := runBench(t, "-server", os.Args[0], "-uploads", "-rounds", "2", "-duration", "60ms", "-json", file)
	if status != exitOK {
		t.Fatalf("status %d\n%s%s", status, progress, out)
	}
	t.Log(out)
	for _, cell := range []string{"calotype / one by one", "calotype / cp && sync", "\n| 3 KB ", "\n| 50 KB "} {
		if !strings.Contains(out, cell) {
			t.Errorf("the table lacks %q", cell)
		}
	}
	if strings.Contains(out, "tusd") || strings.Contains(out, " - ") {
		t.Error("the table has more than was measured")
	}
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), `"median"`) != 4*3 {
		t.Errorf("%s, %v", text, err)
	}
}

func TestUploadFilesDiffer(t *testing.T) {
	for _, size := range []int{1000, 20_000} {
		f, err := newUploadFile(size)
		if err != nil {
			t.Fatal(err)
		}
		first := bytes.Clone(f.data)
		f.renew()
		if bytes.Equal(first, f.data) || len(f.data) < size*9/10 || len(f.data) > size+size/10+1000 {
			t.Errorf("a file of %d bytes has %d, or is always the same", size, len(f.data))
		}
		for _, data := range [][]byte{first, f.data} {
			if _, err := png.Decode(bytes.NewReader(data)); err != nil {
				t.Error(err)
			}
		}
	}
}
