//go:build hostile

package test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var everyHistory = flag.Int("history-every", 3, "TestHistory prints every so many files of the corpus: with 1 it takes three times as long")

// histories are ways to come to the same prints. What is freed and allocated anew reads as other bytes in each of them, a worker has
// made many prints before or none, and each begins with other files.
var histories = []struct {
	name      string
	perturb   string // MALLOC_PERTURB_: what glibc fills freed and new memory with, mallopt(3)
	arguments []string
}{
	{name: "memory as it comes"},
	{name: "memory filled with 0xaa", perturb: "170"},
	{name: "memory filled with 0x55", perturb: "85"},
	{name: "a process for every print", perturb: "33", arguments: []string{"--jobs-per-worker", "1"}},
}

// historyChains are printed of every file; those that cost much, of every tenth.
var historyChains = []struct {
	chain  string
	seldom bool
}{
	{chain: "/resize:200.webp"},
	{chain: "/resize:800.png"},
	{chain: "/resize:400/rotate:45/blur:3.jpg"},
	{chain: "/resize:120.avif", seldom: true},
	{chain: "/resize:120.gif", seldom: true},
	{chain: "/resize:300.tif", seldom: true},
}

// A historyPrint is what one server makes of one request: the sum of its bytes, or the status that it is refused with.
type historyPrint struct {
	status int
	sum    [sha256.Size]byte
}

// The bytes of a print depend on the original and the address alone: not on what the worker has done before, nor on what the memory
// held that it is made in. Else one address would have two prints under one tag.
func TestHistory(t *testing.T) {
	files := historyFiles(t)
	var first map[string]historyPrint
	for seed, h := range histories {
		began := time.Now()
		got := printAll(t, files, uint64(seed), h.perturb, h.arguments)
		made := 0
		for _, p := range got {
			if p.status == http.StatusOK {
				made++
			}
		}
		t.Logf("%s: %d prints and %d refusals in %v", h.name, made, len(got)-made, time.Since(began).Round(time.Second))
		if first == nil {
			if first = got; made == 0 {
				t.Fatal("nothing was printed")
			}
			continue
		}
		differences := 0
		for _, request := range slices.Sorted(maps.Keys(first)) {
			switch was, is := first[request], got[request]; {
			case was.status != is.status:
				t.Errorf("%s: %s is answered %d, and was %d", h.name, request, is.status, was.status)
			case was != is:
				differences++
				t.Errorf("%s: %s has other bytes", h.name, request)
			}
		}
		t.Logf("%s: %d of %d prints differ", h.name, differences, len(first))
	}
}

// historyFiles are the good ones of the corpus, or the samples.
func historyFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	paths := corpusFiles(t, "good")
	if len(paths) == 0 {
		t.Log("NOTICE: the corpus is not beside the checkout: only the samples are printed")
		paths = []string{sample(t, "landscape.jpg"), sample(t, "cutout.png"), sample(t, "orient-6.webp")}
	}
	for i, path := range paths {
		if len(paths) > 10 && i%*everyHistory != 0 {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = data
	}
	return files
}

// printAll starts a server and has it make all prints, in an order of its own, by several clients.
func printAll(t *testing.T, files map[string][]byte, seed uint64, perturb string, arguments []string) map[string]historyPrint {
	t.Helper()
	made := map[string]historyPrint{}
	// A test of its own, so that the server stops before the next one starts.
	t.Run("server", func(t *testing.T) {
		if perturb != "" {
			t.Setenv("MALLOC_PERTURB_", perturb)
		}
		before := *furtherArguments
		t.Cleanup(func() { *furtherArguments = before })
		*furtherArguments = strings.Join(append([]string{before}, arguments...), " ")
		s := launch(t)
		order := slices.Sorted(maps.Keys(files))
		names := slices.Clone(order)
		random := rand.New(rand.NewPCG(seed, 0))
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		var mutex sync.Mutex
		next := make(chan string)
		var clients sync.WaitGroup
		for range 3 {
			clients.Go(func() {
				c := newClient(s.address)
				defer c.close()
				c.Timeout = time.Minute
				for name := range next {
					of := printChains(t, c, name, slices.Index(order, name), files[name])
					mutex.Lock()
					maps.Copy(made, of)
					mutex.Unlock()
				}
			})
		}
		for _, name := range names {
			next <- name
		}
		close(next)
		clients.Wait()
	})
	return made
}

// printChains uploads a file and asks for all its prints. The answer that there is too much to do is no answer.
func printChains(t *testing.T, c *client, name string, index int, data []byte) map[string]historyPrint {
	made := map[string]historyPrint{}
	uploaded := c.patient(t, func() answer { return c.upload(t.Context(), data) })
	id := uploaded.id()
	if id == "" {
		return map[string]historyPrint{name: {status: uploaded.status}}
	}
	for _, chain := range historyChains {
		if chain.seldom && index%10 != 0 {
			continue
		}
		a := c.patient(t, func() answer { return c.do(t.Context(), http.MethodGet, "/download/"+id+chain.chain, nil) })
		made[fmt.Sprint(name, chain.chain)] = historyPrint{a.status, sum(a)}
	}
	return made
}

// sum is that of a print; refusals have their own words, which are not compared.
func sum(a answer) (s [sha256.Size]byte) {
	if a.status == http.StatusOK {
		s = sha256.Sum256(a.body)
	}
	return s
}

// patient asks until the answer is another than to come back later.
func (c *client) patient(t *testing.T, ask func() answer) answer {
	for {
		a := ask()
		wait, put := a.putOff()
		if !put {
			return a
		}
		select {
		case <-time.After(wait):
		case <-t.Context().Done():
			return a
		}
	}
}
