//go:build differential

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A comparison holds a print against what somebody else makes of the same picture.
type comparison struct {
	chain string // expressions in braces are filled in, see fill; SELF is the id of the picture
	by    reference
	most  bound
}

// A reference is the other side of a comparison: ImageMagick with the arguments of a command line, or, where ImageMagick has no such
// thing, the definition of the operation written down anew.
type reference struct {
	magick  string
	formula func(in raster) raster
	// accepts is for operations that leave a choice: it tells whether what was made of the picture is one that is allowed.
	accepts func(in, out raster) error
	least   int // side of the pictures that are compared
}

// from leaves out small pictures, which are mostly edges: those are where definitions differ.
func (r reference) from(side int) reference {
	r.least = side
	return r
}

// A bound says how far a print may be apart from its reference, see deviation. Zero means exact.
type bound struct{ mean, high, most float64 }

var (
	exact    = bound{}
	rounding = bound{0.51, 0.51, 0.51} // to a whole step
)

// keeps tells whether a deviation is within the bound.
func (b bound) keeps(d deviation) bool {
	return d.mean <= b.mean && d.high <= b.high && d.most <= b.most
}

// operation is what the comparison is about: the last one of its chain.
func (c comparison) operation() string {
	calls := callNames.FindAllStringSubmatch(c.chain, -1)
	return calls[len(calls)-1][1]
}

// callNames finds the names of operations, but no division in braces.
var callNames = regexp.MustCompile(`/([a-z]+)(?::|/|$)`)

// A finding is what came of one comparison over all pictures.
type finding struct {
	compared         int
	mean, high, most float64 // the greatest of all pictures
	ofMean, ofMost   string  // the pictures
	complaints       []string
}

// Every operation does to pictures of all kinds what ImageMagick does, or the formula that defines it: exactly where pixels are only
// moved, else within a bound.
func TestDifferential(t *testing.T) {
	magick := imageMagick(t)
	if magick == "" {
		t.Log("NOTICE: ImageMagick is not installed: only what is compared with formulas is compared")
	}
	address := serve(t)
	operations := describedOperations(t, address)
	for _, c := range comparisons {
		if !operations[c.operation()] {
			t.Errorf("%s: the program has no operation %q", c.chain, c.operation())
		}
	}
	for name := range operations {
		if !slices.ContainsFunc(comparisons, func(c comparison) bool { return c.operation() == name }) {
			t.Errorf("%s is compared with nothing: it needs a line in comparisons", name)
		}
	}
	findings := make([]finding, len(comparisons))
	var mutex sync.Mutex
	var clients sync.WaitGroup
	next := make(chan original)
	pictures := 0
	for range 2 {
		clients.Go(func() {
			for o := range next {
				p, err := takePicture(t, address, o)
				if err != nil {
					t.Logf("%s is not compared: %v", o.name, err)
					continue
				}
				found, err := p.compareAll(t, magick)
				mutex.Lock()
				if err != nil {
					t.Errorf("%s: %v", o.name, err)
				}
				pictures++
				for i, f := range found {
					findings[i].add(f)
				}
				mutex.Unlock()
			}
		})
	}
	originals := comparedOriginals(t)
	for _, o := range originals {
		next <- o
	}
	close(next)
	clients.Wait()
	if len(originals) > mostPictures && pictures < 50 {
		t.Errorf("only %d pictures were compared", pictures)
	}
	t.Logf("%d pictures, %d comparisons of each", pictures, len(comparisons))
	for i, c := range comparisons {
		findings[i].report(t, c, pictures)
	}
}

func (f *finding) add(o finding) {
	f.compared += o.compared
	if o.mean > f.mean {
		f.mean, f.ofMean = o.mean, o.ofMean
	}
	f.high = max(f.high, o.high)
	if o.most > f.most {
		f.most, f.ofMost = o.most, o.ofMost
	}
	f.complaints = append(f.complaints, o.complaints...)
}

func (f *finding) report(t *testing.T, c comparison, pictures int) {
	for _, complaint := range f.complaints[:min(3, len(f.complaints))] {
		t.Error(complaint)
	}
	if n := len(f.complaints); n > 3 {
		t.Errorf("%s: and %d more", c.chain, n-3)
	}
	if f.compared > 0 && f.compared < min(50, pictures*2/3) {
		t.Errorf("%s: only %d of %d pictures were compared", c.chain, f.compared, pictures)
	}
	line := fmt.Sprintf("%-44s %3d pictures", c.chain, f.compared)
	if c.by.accepts == nil {
		line += fmt.Sprintf(", mean %6.3f, high %6.2f, most %6.2f", f.mean, f.high, f.most)
		if f.most > 0 {
			line += fmt.Sprintf(" (%s; %s)", f.ofMean, f.ofMost)
		}
	}
	t.Log(line)
}

// describedOperations are the names of all operations, as the program's own description has them.
func describedOperations(t *testing.T, address string) map[string]bool {
	t.Helper()
	var description struct {
		Components struct {
			Schemas struct {
				Operation struct {
					OneOf []struct {
						Name    string `json:"x-name"`
						Setting bool   `json:"x-setting"`
					}
				}
			}
		}
	}
	status, body, err := send(http.MethodGet, address+"/openapi.json", nil)
	if err == nil {
		err = json.Unmarshal(body, &description)
	}
	if status != http.StatusOK || err != nil {
		t.Fatalf("the description: %d, %v", status, err)
	}
	names := map[string]bool{}
	for _, schema := range description.Components.Schemas.Operation.OneOf {
		if !schema.Setting && schema.Name != "preset" { // which does what the others in it do
			names[schema.Name] = true
		}
	}
	if len(names) == 0 {
		t.Fatal("the description has no operations")
	}
	return names
}

// A subject is a picture, and where the program has it.
type subject struct {
	name    string
	address string // of its prints, without a chain
	picture raster
}

// takePicture uploads an original, or a smaller print of it, and has its pixels read by the program: what is compared is what
// operations do, not how files are decoded.
func takePicture(t *testing.T, address string, o original) (subject, error) {
	s, whole, err := uploadAndPrint(address, o.data, fmt.Sprintf("/icc:srgb/resize:%d,%d", longestSide, longestSide))
	if err != nil {
		return subject{}, err
	}
	_, stored, err := send(http.MethodGet, s+"/orient:none/effort:0.png", nil)
	if err != nil {
		return subject{}, err
	}
	if !bytes.Equal(stored, whole) { // it is larger, or lies on its side
		if s, whole, err = uploadAndPrint(address, whole, ""); err != nil {
			return subject{}, err
		}
	}
	picture, err := readPNG(whole)
	return subject{o.name, s, picture}, err
}

// uploadAndPrint returns the address of an image and one print of it.
func uploadAndPrint(address string, data []byte, chain string) (string, []byte, error) {
	status, body, err := send(http.MethodPost, address+"/upload-image", data)
	if err != nil {
		return "", nil, err
	}
	var uploaded struct{ URL string }
	if err := json.Unmarshal(body, &uploaded); err != nil || status != http.StatusCreated {
		return "", nil, fmt.Errorf("the upload is answered %d: %.200s", status, body)
	}
	of := address + uploaded.URL
	status, body, err = send(http.MethodGet, of+chain+"/effort:0.png", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the print is answered %d: %.200s", status, body)
	}
	return of, body, err
}

func send(method, url string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// compareAll makes all comparisons on one picture, in their order.
func (s subject) compareAll(t *testing.T, magick string) ([]finding, error) {
	var lists [][]string
	place := map[int]int{} // of a comparison in lists
	for i, c := range comparisons {
		if c.by.magick != "" && magick != "" {
			place[i] = len(lists)
			lists = append(lists, strings.Fields(fill(c.by.magick, s.picture)))
		}
	}
	made, err := runMagick(t.Context(), magick, s.picture, lists)
	if err != nil {
		return nil, err
	}
	findings := make([]finding, len(comparisons))
	for i, c := range comparisons {
		at, byMagick := place[i]
		switch {
		case min(s.picture.width, s.picture.height) < c.by.least:
		case byMagick:
			findings[i] = s.compare(c, func() raster { return made[at] })
		case c.by.magick == "":
			findings[i] = s.compare(c, func() raster { return c.by.formula(s.picture) })
		}
	}
	return findings, nil
}

// compare makes one comparison.
func (s subject) compare(c comparison, want func() raster) (f finding) {
	id := s.address[strings.LastIndexByte(s.address, '/')+1:]
	chain := strings.ReplaceAll(fill(c.chain, s.picture), "SELF", id)
	complain := func(format string, arguments ...any) finding {
		f.complaints = append(f.complaints, fmt.Sprintf("%s of %s: ", chain, s.name)+fmt.Sprintf(format, arguments...))
		return f
	}
	status, body, err := send(http.MethodGet, s.address+chain+"/effort:0.png", nil)
	if err != nil {
		return complain("%v", err)
	}
	if status == http.StatusUnprocessableEntity && min(s.picture.width, s.picture.height) < 8 && bytes.Contains(body, []byte("outside")) {
		return f // of so small a picture there is nothing left
	}
	if status != http.StatusOK {
		return complain("%d %s", status, body)
	}
	got, err := readPNG(body)
	if err != nil {
		return complain("%v", err)
	}
	f.compared++
	if c.by.accepts != nil {
		if err := c.by.accepts(s.picture, got); err != nil {
			return complain("%v", err)
		}
		return f
	}
	reference := want()
	if got.width != reference.width || got.height != reference.height {
		return complain("is %d×%d, want %d×%d", got.width, got.height, reference.width, reference.height)
	}
	d := apart(got, reference)
	f.mean, f.high, f.most, f.ofMean, f.ofMost = d.mean, d.high, d.most, s.name, s.name
	if !c.most.keeps(d) {
		return complain("%s; there %.4v for %.4v", d, got.at(d.where.X, d.where.Y), reference.at(d.where.X, d.where.Y))
	}
	return f
}
