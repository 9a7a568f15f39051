package handler

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/image/bmp"

	"calotype/store"
	"calotype/transform"
)

// A site is the whole service on a port of its own: real server, real store, real engine.
type site struct {
	t       testing.TB
	handler *Handler
	store   *store.Store
	dir     string // of the store
	host    string // 127.0.0.1:port
	client  *http.Client
	log     *logged
}

func TestMain(m *testing.M) {
	transform.RunWorker()
	os.Exit(m.Run())
}

// testEngine is shared by all tests. Its workers end with the process.
var testEngine = sync.OnceValues(func() (*transform.Engine, error) {
	return transform.NewEngine(transform.Options{
		Workers: 2, Deadline: time.Minute, Limits: transform.Limits{Pixels: 10_000_000, Side: 16384},
	})
})

// options are those of a site that nobody asked to be otherwise. It is open to all.
func options(t testing.TB) Options {
	t.Helper()
	engine, err := testEngine()
	if err != nil {
		t.Fatal(err)
	}
	return Options{Engine: engine, CacheBytes: 32 << 20, MaxUploadBytes: 4 << 20, Access: Access{Open: true}}
}

// serve starts a site, which ends with the test.
func serve(t testing.TB, change ...func(*Options)) *site {
	t.Helper()
	o := options(t)
	for _, f := range change {
		f(&o)
	}
	s := &site{t: t, dir: t.TempDir(), log: &logged{}}
	o.Log = slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	if s.store = o.Store; s.store == nil {
		if s.store, err = store.Open(t.Context(), store.Options{Dir: s.dir, Damaged: LogDamage(o.Log)}); err != nil {
			t.Fatal(err)
		}
	}
	o.Store = s.store
	if s.handler, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.handler.Close()
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	s.host = listen(t, s.handler)
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{
		Transport:     transport,
		Timeout:       2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// listen serves h on a port of its own until the test ends and returns host and port.
func listen(t testing.TB, h *Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listenOn(t, h, Limit(listener, h, 1000))
}

// listenOn serves h on a listener until the test ends and returns host and port.
func listenOn(t testing.TB, h *Handler, listener net.Listener) string {
	t.Helper()
	server := Server(h)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		for {
			// It does nothing to a server that has not come to its listener yet.
			if err := server.Shutdown(); err != nil {
				t.Error(err)
			}
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return listener.Addr().String()
}

// logged is what a site has logged.
type logged struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// An answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	length int64 // Content-Length, -1 if there is none
	closed bool  // the server closes the connection
	body   []byte
}

// do sends a request with the target exactly as written. Headers are pairs of names and values.
func (s *site) do(method, target string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	request := &http.Request{
		Method: method, URL: &url.URL{Scheme: "http", Host: s.host, Opaque: target}, Header: http.Header{}, ProtoMajor: 1, ProtoMinor: 1,
	}
	if body != nil {
		request.Body, request.ContentLength = io.NopCloser(body), -1
		if sized, ok := body.(interface{ Len() int }); ok {
			request.ContentLength = int64(sized.Len())
		}
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	return read(s.t, method+" "+target, response)
}

func read(t testing.TB, what string, response *http.Response) answer {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: reading the body: %v", what, err)
	}
	return answer{response.StatusCode, response.Header, response.ContentLength, response.Close, body}
}

func (s *site) get(target string, headers ...string) answer {
	s.t.Helper()
	return s.do("GET", target, nil, headers...)
}

// mustGet is get where 200 is the only answer that will do.
func (s *site) mustGet(target string, headers ...string) answer {
	s.t.Helper()
	a := s.get(target, headers...)
	if a.status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", target, a.status, a.body)
	}
	return a
}

// raw sends text as it is on a connection of its own and reads the answers to the given methods.
func (s *site) raw(text string, methods ...string) []answer {
	s.t.Helper()
	conn := s.dial()
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	var answers []answer
	for _, method := range methods {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			s.t.Fatalf("%.100q: %v", text, err)
		}
		answers = append(answers, read(s.t, text, response))
	}
	return answers
}

// dial opens a connection to the site that is closed with the test.
func (s *site) dial() *net.TCPConn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.host)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// uploaded is the answer to an upload in JSON.
type uploaded struct {
	ID, URL, Name, Format string
	Width, Height, Frames int
	Bytes                 int64
	Error                 *problemBody
	Images                []uploaded
}

// upload uploads an image as the body of a request.
func (s *site) upload(data []byte) uploaded {
	s.t.Helper()
	a := s.do("POST", "/upload-image", bytes.NewReader(data))
	if a.status != http.StatusCreated {
		s.t.Fatalf("upload: %d %s", a.status, a.body)
	}
	return decode[uploaded](s.t, a)
}

// decode reads the JSON of an answer.
func decode[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return v
}

// wantProblem checks that an answer is a problem of the given status and type, for programs.
func (s *site) wantProblem(what string, a answer, status int, code string) problemBody {
	s.t.Helper()
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("%s: got %d %s %.200s, want problem %d", what, a.status, a.header.Get("Content-Type"), a.body, status)
		return problemBody{}
	}
	p := decode[problemBody](s.t, a)
	if p.Type != "urn:calotype:problem:"+code || p.Title == "" || p.Status != status || a.header.Get("Calotype-Error") != code {
		s.t.Errorf("%s: got %s, want %s", what, a.body, code)
	}
	if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") == "" || a.length != int64(len(a.body)) {
		s.t.Errorf("%s: headers of a problem are missing: %v", what, a.header)
	}
	return p
}

// originals are the records of all images, the newest first.
func (s *site) originals() []store.Original {
	s.t.Helper()
	list, _, err := s.store.List(s.t.Context(), store.Query{Limit: store.MaxLimit})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// wantNothingSpooled checks that no upload has left anything behind but what was kept.
func (s *site) wantNothingSpooled() {
	s.t.Helper()
	var names []string
	for range 200 {
		entries, err := os.ReadDir(filepath.Join(s.dir, "spool"))
		if err != nil {
			s.t.Fatal(err)
		}
		if len(entries) == 0 {
			return
		}
		names = names[:0]
		for _, e := range entries {
			names = append(names, e.Name())
		}
		time.Sleep(10 * time.Millisecond) // the upload of a client that is gone may be about to end
	}
	s.t.Errorf("in the spool: %v", names)
}

// A part is one part of a form.
type part struct{ field, file, mediaType, content string }

// form writes a multipart form and its Content-Type. A part with neither a file name nor a media type is a plain field.
func form(t testing.TB, parts ...part) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for _, p := range parts {
		header := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name="%s"`, p.field)
		if p.file != "" || p.mediaType != "" {
			disposition += fmt.Sprintf(`; filename="%s"`, strings.ReplaceAll(p.file, `"`, `\"`))
		}
		header.Set("Content-Disposition", disposition)
		if p.mediaType != "" {
			header.Set("Content-Type", p.mediaType)
		}
		to, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(to, p.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

// letters are the colors of pictures in tests.
var letters = map[byte]color.NRGBA{
	'r': {255, 0, 0, 255}, 'g': {0, 255, 0, 255}, 'b': {0, 0, 255, 255}, 'y': {255, 255, 0, 255}, 'w': {255, 255, 255, 255}, '.': {},
}

// draws makes a PNG of rows of letters: draws("rg", "by") is red, green above blue, yellow.
func draws(t testing.TB, rows ...string) []byte {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, len(rows[0]), len(rows)))
	for y, row := range rows {
		for x := range row {
			picture.SetNRGBA(x, y, letters[row[x]])
		}
	}
	return encodePNG(t, picture)
}

// reads is the inverse of draws for any image that the standard library decodes.
func reads(t testing.TB, data []byte) string {
	t.Helper()
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	box := picture.Bounds()
	var rows []string
	for y := box.Min.Y; y < box.Max.Y; y++ {
		var row strings.Builder
		for x := box.Min.X; x < box.Max.X; x++ {
			letter := byte('?')
			c := color.NRGBAModel.Convert(picture.At(x, y)).(color.NRGBA)
			for l, known := range maps.All(letters) {
				if c == known || c.A == 0 && l == '.' {
					letter = l
				}
			}
			row.WriteByte(letter)
		}
		rows = append(rows, row.String())
	}
	return strings.Join(rows, " ")
}

// photo is a picture with soft shapes and some detail; those of different seeds differ.
func photo(width, height, seed int) *image.NRGBA {
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			picture.SetNRGBA(x, y, color.NRGBA{
				R: uint8(x * 255 / width), G: uint8(y * 255 / height), B: uint8(seed*40 + (x*y/64)%64), A: 255,
			})
		}
	}
	return picture
}

func encodePNG(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodeJPEG(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// encodeGIF makes an animation of frames in one color each.
func encodeGIF(t testing.TB, width, height, frames int) []byte {
	t.Helper()
	animation := &gif.GIF{}
	for i := range frames {
		palette := color.Palette{color.NRGBA{uint8(60 * i), 200, uint8(255 - 60*i), 255}, color.Black}
		animation.Image = append(animation.Image, image.NewPaletted(image.Rect(0, 0, width, height), palette))
		animation.Delay = append(animation.Delay, 10)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, animation); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// allFormats uploads one image of each format and returns the answers by the name of the format. What Go cannot write,
// the site makes.
func (s *site) allFormats() map[string]uploaded {
	s.t.Helper()
	all := map[string]uploaded{
		"jpeg": s.upload(encodeJPEG(s.t, photo(60, 40, 1))),
		"png":  s.upload(encodePNG(s.t, photo(60, 40, 2))),
		"gif":  s.upload(encodeGIF(s.t, 60, 40, 3)),
	}
	for name, extension := range map[string]string{"webp": "webp", "avif": "avif", "tiff": "tif", "ico": "ico"} {
		all[name] = s.upload(s.mustGet(all["png"].URL + "." + extension).body)
	}
	var b bytes.Buffer
	if err := bmp.Encode(&b, photo(60, 40, 3)); err != nil {
		s.t.Fatal(err)
	}
	all["bmp"] = s.upload(b.Bytes())
	photograph, err := os.ReadFile("testdata/photo.heic")
	if err != nil {
		s.t.Fatal(err)
	}
	all["heic"] = s.upload(photograph)
	return all
}

// sameColor tells whether two opaque colors are equal.
func sameColor(a, b color.Color) bool {
	return color.NRGBAModel.Convert(a) == color.NRGBAModel.Convert(b)
}
