package transform

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"calotype/transform/worker"
)

// hello is what a worker process says of itself when it is ready.
type hello struct {
	Libvips      string
	Capabilities []Capability
	Loading      []string // formats whose codecs load libraries on their first use
}

// RunWorker does the work of a worker process and never returns, if this process was started as one; else it does nothing. The
// main program calls it before anything else, and so does the TestMain of every test that makes an isolated Engine.
func RunWorker() {
	worker.Child{Prepare: prepareWorker, Do: doRequest}.Run()
}

// prepareWorker starts libvips, allows the formats that are otherwise off, by their names, and has codecs work once, since what they load on their first use cannot be had later. The first
// worker tries all of them and says which ones do that; the others come up in less than half of the time.
func prepareWorker(formats string, first []byte) ([]byte, error) {
	keepMemory()
	if err := startVips(); err != nil {
		return nil, err
	}
	allow(strings.Fields(formats))
	h := hello{Libvips: LibvipsVersion(), Capabilities: capabilities()}
	var known hello
	informed := json.Unmarshal(first, &known) == nil && known.Libvips == h.Libvips
	for _, c := range ready(h.Capabilities) {
		if informed && !slices.Contains(known.Loading, c.Format) {
			continue
		}
		before := loadedLibraries()
		if err := tryFormats(context.Background(), inProcess{}, []Capability{c}); err != nil {
			return nil, err
		}
		if informed || loadedLibraries() > before {
			h.Loading = append(h.Loading, c.Format)
		}
	}
	return json.Marshal(h)
}

// doRequest does one request: the first file is the original, the second takes the print, the others are what the chain names.
func doRequest(encoded []byte, files []*os.File) []byte {
	answer := reply{Error: "no original was handed over"}
	var r request
	if err := json.Unmarshal(encoded, &r); err != nil {
		answer.Error = err.Error()
	} else if len(files) > 0 {
		out := io.Writer(io.Discard)
		var layers []*os.File
		if len(files) > 1 {
			out, layers = files[1], files[2:]
		}
		answer = r.perform(context.Background(), files[0], layers, out)
	}
	releaseMemory()
	answer.Error = clip(answer.Error)
	encoded, err := json.Marshal(answer)
	if err != nil {
		panic(err) // there is nothing in a reply that cannot be encoded
	}
	return encoded
}

// welcome refuses a worker whose libvips is not the one that this process knows, as after an update of the system: the tags of
// prints would name the wrong one.
func welcome(encoded []byte) error {
	var h hello
	if err := json.Unmarshal(encoded, &h); err != nil {
		return err
	}
	if h.Libvips != LibvipsVersion() {
		return fmt.Errorf("its libvips is %s, and this process was started with %s: restart it", h.Libvips, LibvipsVersion())
	}
	return nil
}
