package test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// An api is the program and what it says of itself.
type api struct {
	t           testing.TB
	address     string
	description *openapi3.T
	router      routers.Router
	answered    http.Header // of the last answer
}

// describe starts the program and reads its description.
func describe(t testing.TB) *api {
	t.Helper()
	openapi3filter.RegisterBodyDecoder("text/html", openapi3filter.PlainBodyDecoder)
	for _, format := range []string{"image/jpeg", "image/png", "image/webp", "application/offset+octet-stream"} {
		openapi3filter.RegisterBodyDecoder(format, openapi3filter.FileBodyDecoder)
	}
	s := &api{t: t, address: serve(t, "--max-upload-bytes", "1MB", "--max-pixels", "1000000", "--sign-keys", "k1:"+strings.Repeat("5a", 32))}
	response, err := http.Get(s.address + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s.description, err = openapi3.NewLoader().LoadFromData(text); err != nil {
		t.Fatal(err)
	}
	// OpenAPI has no word for a parameter of several segments, the router has: everything that follows.
	routed, err := openapi3.NewLoader().LoadFromData(bytes.ReplaceAll(text, []byte(`/{id}/{chain}"`), []byte(`/{id}/{chain:.+}"`)))
	if err != nil {
		t.Fatal(err)
	}
	if s.router, err = gorillamux.NewRouter(routed); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request and holds it and its answer against the description.
func (s *api) ask(method, target string, status int, body []byte, headers ...string) []byte {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.address+target, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	route, parameters, err := s.router.FindRoute(request)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	asked := &openapi3filter.RequestValidationInput{Request: request, PathParams: parameters, Route: route}
	if status < 400 {
		if err := openapi3filter.ValidateRequest(s.t.Context(), asked); err != nil {
			s.t.Errorf("%s %s is not a request that is described: %v", method, target, err)
		}
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	s.answered = response.Header
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if response.StatusCode != status {
		s.t.Fatalf("%s %s: %d %s, want %d", method, target, response.StatusCode, answer, status)
	}
	got := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: asked, Status: response.StatusCode, Header: response.Header,
		Options: &openapi3filter.Options{
			IncludeResponseStatus:   true,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.EnableJSONSchema2020()},
		},
	}
	got.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(s.t.Context(), got); err != nil {
		s.t.Errorf("%s %s: the answer is not one that is described: %v\n%s", method, target, err, answer)
	}
	return answer
}

// wantAllDescribed checks that a schema names every field of an object.
func (s *api) wantAllDescribed(text []byte, schema string) {
	s.t.Helper()
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		s.t.Fatal(err)
	}
	for name := range object {
		if s.description.Components.Schemas[schema].Value.Properties[name] == nil {
			s.t.Errorf("%s has no %s, which is in %s", schema, name, text)
		}
	}
}

func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 30, 20))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func form(t testing.TB, files ...string) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, content := range files {
		part, err := w.CreateFormFile("image", "a.png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

func TestDescriptionIsValid(t *testing.T) {
	d := describe(t).description
	if !d.IsOpenAPI31OrLater() {
		t.Errorf("version %s", d.OpenAPI)
	}
	if err := d.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaPatternValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
}

func TestUploadIsAsDescribed(t *testing.T) {
	s := describe(t)
	data := picture(t)
	answer := s.ask("POST", "/upload-image", 201, data, "Content-Type", "image/png")
	s.wantAllDescribed(answer, "Uploaded")
	s.ask("POST", "/upload-image", 201, data, "Content-Type", "application/octet-stream")
	s.ask("POST", "/upload-image", 201, data, "Content-Type", "image/png", "Accept", "text/html")
	f := func(status int, accept string, files ...string) []byte {
		t.Helper()
		body, contentType := form(t, files...)
		return s.ask("POST", "/upload-image", status, body, "Content-Type", contentType, "Accept", accept)
	}
	s.wantAllDescribed(f(201, "*/*", string(data)), "Uploaded")
	s.wantAllDescribed(f(201, "*/*", string(data), "no image"), "Uploads")
	for _, accept := range []string{"*/*", "text/html"} {
		f(201, accept, string(data))
		f(201, accept, string(data), string(data))
		f(201, accept, string(data), "no image")
		f(415, accept, "no image")
		f(415, accept, "no image", "none either")
		f(400, accept)
	}
	s.ask("POST", "/upload-image", 413, make([]byte, 2<<20), "Content-Type", "image/png")
	s.ask("POST", "/upload-image", 422, data[:20], "Content-Type", "image/png")
	s.ask("GET", "/upload-image", 200, nil)
}

func TestDownloadIsAsDescribed(t *testing.T) {
	s := describe(t)
	var uploaded struct{ ID, URL string }
	if err := json.Unmarshal(s.ask("POST", "/upload-image", 201, picture(t), "Content-Type", "image/png"), &uploaded); err != nil {
		t.Fatal(err)
	}
	u := uploaded.URL
	for _, target := range []string{u, u + ".webp", u + "/rotate:90.jpg", u + "/crop:0,0,5,5/rotate:90.png", "/download?id=" + uploaded.ID} {
		s.ask("GET", target, 200, nil)
		s.ask("GET", target, 304, nil, "If-None-Match", "*")
	}
	for _, target := range []string{u + ".json", u + "/resize:20.json", u + "/describe:look,exif.json", u + "/crop:0,0,5,5/rotate:90/dpr:2/format:webp.json"} {
		s.wantAllDescribed(s.ask("GET", target, 200, nil), "Print")
	}
	srcset := strings.Replace(u, "/download/", "/srcset/", 1)
	for _, target := range []string{srcset, srcset + ".auto?widths=10,20&sizes=50vw&alt=a&loading=eager", srcset + "/crop:0,0,5,5/rotate:90.png?placeholder=0&base=https://a.example"} {
		s.ask("GET", target, 200, nil)
		s.ask("GET", target, 304, nil, "If-None-Match", "*")
	}
	s.wantAllDescribed(s.ask("GET", srcset+"/border:2,gold.jpg?as=json", 200, nil), "Picture")
	for _, query := range []string{"", "?exts=jpeg%7Cpng", "?limit=1", "?exts=gif"} {
		s.ask("GET", "/download"+query, 200, nil)
		s.ask("GET", "/download"+query, 200, nil, "Accept", "application/json")
	}
	body, contentType := form(t, string(picture(t)))
	s.ask("POST", "/upload-image", 201, body, "Content-Type", contentType)
	var gallery struct {
		Images []json.RawMessage
		Next   string
	}
	if err := json.Unmarshal(s.ask("GET", "/download?limit=1", 200, nil, "Accept", "application/json"), &gallery); err != nil {
		t.Fatal(err)
	}
	if len(gallery.Images) != 1 || gallery.Next == "" {
		t.Fatalf("got %+v", gallery)
	}
	s.wantAllDescribed(gallery.Images[0], "Shown")
	s.ask("GET", gallery.Next, 200, nil, "Accept", "application/json")
	s.ask("GET", "/capabilities", 200, nil)
	s.ask("GET", "/openapi.json", 200, nil)
}

func TestManagementIsAsDescribed(t *testing.T) {
	s := describe(t)
	var uploaded struct{ ID, URL string }
	for range 2 {
		if err := json.Unmarshal(s.ask("POST", "/upload-image", 201, picture(t), "Content-Type", "image/png"), &uploaded); err != nil {
			t.Fatal(err)
		}
	}
	var list struct {
		Images []json.RawMessage
		Next   string
	}
	page := s.ask("GET", "/images?limit=1&format=png&since=2000-01-01&until=2100-01-01T00:00:00Z", 200, nil)
	if err := json.Unmarshal(page, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Images) != 1 || list.Next == "" {
		t.Fatalf("got %s", page)
	}
	s.wantAllDescribed(page, "Images")
	s.wantAllDescribed(list.Images[0], "Image")
	s.ask("GET", list.Next, 200, nil)
	s.wantAllDescribed(s.ask("GET", "/images/"+uploaded.ID, 200, nil), "Image")
	s.ask("GET", "/images/"+uploaded.ID, 304, nil, "If-None-Match", "*")
	purge := []byte(`{"ids":["` + uploaded.ID + `"],"tags":["fmt-png"],"prefixes":["/download/` + uploaded.ID + `/"],"presets":["hero"]}`)
	s.wantAllDescribed(s.ask("POST", "/purge", 200, purge, "Content-Type", "application/json"), "Purged")
	signing := []byte(`{"address":"` + uploaded.URL + `/resize:10.webp","expires":4102444800}`)
	s.wantAllDescribed(s.ask("POST", "/sign", 200, signing, "Content-Type", "application/json"), "Signed")
	s.ask("POST", "/sign", 400, []byte(`{"address":"/images"}`), "Content-Type", "application/json")
	sent := []byte(`{"chain":"resize:10.webp"}`)
	s.wantAllDescribed(s.ask("PUT", "/presets/small", 201, sent, "Content-Type", "application/json", "If-None-Match", "*"), "Preset")
	s.ask("PUT", "/presets/small", 200, sent, "Content-Type", "application/json")
	s.ask("PUT", "/presets/other", 201, []byte(`{"chain":"preset:small/flip:h"}`), "Content-Type", "application/json")
	s.wantAllDescribed(s.ask("GET", "/presets/other", 200, nil), "Preset")
	s.ask("GET", "/presets/other", 304, nil, "If-None-Match", "*")
	s.wantAllDescribed(s.ask("GET", "/presets", 200, nil), "Presets")
	s.ask("GET", uploaded.URL+"/preset:other", 200, nil)
	s.ask("DELETE", "/presets/small", 409, nil)
	s.ask("DELETE", "/presets/other", 412, nil, "If-Match", `"x"`)
	s.ask("DELETE", "/presets/other", 204, nil, "If-Match", "*")
	s.ask("PUT", "/presets/small", 400, []byte(`{"chain":"resiz:10"}`), "Content-Type", "application/json")
	s.ask("GET", "/presets/other", 404, nil)
	s.ask("DELETE", "/images/"+uploaded.ID, 412, nil, "If-Match", `"x"`)
	s.ask("DELETE", "/images/"+uploaded.ID, 204, nil, "If-Match", "*")
	s.ask("DELETE", "/images/"+uploaded.ID, 410, nil)
	s.ask("GET", "/images/"+uploaded.ID, 410, nil)
	s.ask("GET", uploaded.URL, 410, nil)
	s.ask("DELETE", "/images/x", 404, nil)
	s.ask("GET", "/images?since=x", 400, nil)
	s.ask("POST", "/purge", 400, []byte("{}"), "Content-Type", "application/json")
}

func TestUploadsInPartsAreAsDescribed(t *testing.T) {
	s := describe(t)
	data := picture(t)
	begin := func() string {
		t.Helper()
		s.ask("POST", "/files/", 201, nil, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(data)), "Upload-Metadata", "filename YS5wbmc=")
		return s.answered.Get("Location")
	}
	file := begin()
	s.wantAllDescribed(s.ask("GET", file, 200, nil), "Upload")
	send := func(file string, offset, status int, bytes []byte, headers ...string) []byte {
		t.Helper()
		return s.ask("PATCH", file, status, bytes, append(headers, "Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream")...)
	}
	send(file, 0, 204, data[:10])
	s.wantAllDescribed(send(file, 0, 409, data[10:]), "Problem")
	send(file, 10, 460, data[10:], "Upload-Checksum", "crc32 AAAAAA==")
	send(file, 10, 204, data[10:])
	s.wantAllDescribed(s.ask("GET", file, 200, nil), "Uploaded")
	s.ask("DELETE", file, 403, nil, "Tus-Resumable", "1.0.0")
	s.ask("DELETE", begin(), 204, nil, "Tus-Resumable", "1.0.0")
	s.wantAllDescribed(s.ask("POST", "/files/", 201, data, "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(data)), "Content-Type", "application/offset+octet-stream"), "Uploaded")
	s.ask("GET", "/files/x", 404, nil)
}

func TestProblemsAreAsDescribed(t *testing.T) {
	s := describe(t)
	var uploaded struct{ URL string }
	if err := json.Unmarshal(s.ask("POST", "/upload-image", 201, picture(t), "Content-Type", "image/png"), &uploaded); err != nil {
		t.Fatal(err)
	}
	for target, status := range map[string]int{
		uploaded.URL + "/rotate:x.png": 400, uploaded.URL + "/rotat:90.png": 400, uploaded.URL + ".exe": 400, uploaded.URL + "/crop:50,0,1,1.png": 422,
		uploaded.URL + "/resize:9999,9999,stretch,up.png": 422, "/download/x": 404, "/download/x/rotate:90.png": 404, "/download?id=x": 404, "/download?exts=x": 400, "/download?limit=x": 400,
		"/srcset/x": 404, strings.Replace(uploaded.URL, "/download/", "/srcset/", 1) + "?width=1": 400,
	} {
		answer := s.ask("GET", target, status, nil)
		s.wantAllDescribed(answer, "Problem")
		var problem struct{ Type string }
		if err := json.Unmarshal(answer, &problem); err != nil {
			t.Fatal(err)
		}
		if code := strings.TrimPrefix(problem.Type, "urn:calotype:problem:"); s.description.Components.Responses[code] == nil {
			t.Errorf("%s: %s is not among the problems that are described", target, problem.Type)
		}
	}
	s.ask("GET", "/download?id=x", 404, nil, "Accept", "text/html")
}

// What is described of operations holds for their arguments.
func TestOperationSchemas(t *testing.T) {
	d := describe(t).description
	f := func(name, parameter string, value any, want bool) {
		t.Helper()
		found := false
		for _, o := range d.Components.Schemas["Operation"].Value.OneOf {
			p := o.Value.Properties[parameter]
			if o.Value.Extensions["x-name"] != name || p == nil {
				continue
			}
			found = true
			if err := p.Value.VisitJSON(value, openapi3.EnableJSONSchema2020()); (err == nil) != want {
				t.Errorf("%s: %s = %v: got %v, want valid %v", name, parameter, value, err, want)
			}
		}
		if !found {
			t.Errorf("%s has no %s", name, parameter)
		}
	}
	f("crop", "left", -200.0, true)
	f("crop", "left", "12.5p", true)
	f("crop", "left", 12.5, false)
	f("crop", "left", "12.5", false)
	f("crop", "width", -1.0, false)
	f("crop", "gravity", "smart", true)
	f("crop", "gravity", "up", false)
	f("crop", "fp", "0.3x0.7", true)
	f("crop", "ar", "16x9", true)
	f("rotate", "angle", 22.5, true)
	f("rotate", "angle", "x", false)
	f("quality", "level", 101.0, false)
	f("quality", "level", 80.0, true)
	f("dpr", "factor", 1.25, true)
	f("dpr", "factor", 0.1, false)
	f("describe", "what", []any{"look", "exif"}, true)
	f("describe", "what", []any{"look", "look"}, false)
	f("describe", "what", []any{"place"}, false)
	f("describe", "what", []any{}, false)
}
