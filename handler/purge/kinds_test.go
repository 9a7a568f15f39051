package purge

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// asked is a request that a cache has had.
type asked struct {
	method, target, body string
	header               http.Header
}

// A recorder is a cache that writes down what it is asked, over HTTP.
type recorder struct {
	*httptest.Server
	mutex  sync.Mutex
	asked  []asked
	answer func(n int, w http.ResponseWriter, r *http.Request) // to the request number n, from 0; nil answers 200
}

func record(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *recorder {
	c := &recorder{answer: answer}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		c.mutex.Lock()
		n := len(c.asked)
		c.asked = append(c.asked, asked{r.Method, r.RequestURI, string(body), r.Header})
		c.mutex.Unlock()
		if c.answer != nil {
			c.answer(n, w, r)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *recorder) all() []asked {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.asked)
}

// always answers with a status and a body.
func always(status int, body string) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

var secrets = Secrets{Token: "t-plain", Cloudflare: "t-cloudflare", Fastly: "t-fastly", AWS: AWS{KeyID: "AKID", Secret: "t-aws", Session: "t-session"}}

// hookAt returns the hook of an address, which hurries.
func hookAt(t *testing.T, address string) *Hook {
	t.Helper()
	hooks, err := New([]string{address}, secrets)
	if err != nil {
		t.Fatal(err)
	}
	hooks[0].FirstPause = time.Millisecond
	return hooks[0]
}

// id is the id of the image number n.
func id(n int) string { return fmt.Sprintf("01990000-0000-7000-8000-%012d", n) }

func ids(n int) (list []string) {
	for i := range n {
		list = append(list, id(i))
	}
	return list
}

var everything = What{IDs: []string{id(1)}, Tags: []string{"fmt-webp"}, Paths: []string{"/download/" + id(2) + "/crop:0"}}

// send tells a hook and returns every failure, and what went wrong in the end.
func send(t *testing.T, h *Hook, what What) (failures []error, err error) {
	t.Helper()
	err = h.send(t.Context(), what, func(err error) { failures = append(failures, err) })
	return failures, err
}

func mustSend(t *testing.T, h *Hook, what What) {
	t.Helper()
	if failures, err := send(t, h, what); err != nil || len(failures) > 0 {
		t.Fatalf("%v, after %v", err, failures)
	}
}

func (a asked) want(t *testing.T, method, target string, headers ...string) {
	t.Helper()
	if a.method != method || a.target != target {
		t.Errorf("got %s %s, want %s %s", a.method, a.target, method, target)
	}
	for i := 0; i < len(headers); i += 2 {
		if got := a.header.Get(headers[i]); got != headers[i+1] {
			t.Errorf("%s: got %q, want %q", headers[i], got, headers[i+1])
		}
	}
}

func TestVarnish(t *testing.T) {
	c := record(t, nil)
	h := hookAt(t, "varnish+"+c.URL)
	mustSend(t, h, everything)
	c.all()[0].want(t, "PURGE", "/", "xkey", "img-"+id(1)+" img-"+id(2)+" fmt-webp")
	mustSend(t, h, What{IDs: ids(101)})
	if n := len(c.all()); n != 3 {
		t.Fatalf("%d requests", n)
	}
	if size := len(c.all()[1].header.Get("xkey")); size > 8000 {
		t.Errorf("a header of %d bytes", size)
	}
	c.all()[2].want(t, "PURGE", "/", "xkey", "img-"+id(100))
}

func TestNginx(t *testing.T) {
	c := record(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader([]int{http.StatusOK, http.StatusNotFound, http.StatusPreconditionFailed}[n])
	})
	h := hookAt(t, "nginx+"+c.URL+"/")
	mustSend(t, h, What{IDs: []string{id(1)}, Paths: everything.Paths})
	c.all()[0].want(t, "PURGE", "/download/"+id(1)+"*")
	c.all()[1].want(t, "PURGE", "/srcset/"+id(1)+"*")
	c.all()[2].want(t, "PURGE", "/download/"+id(2)+"/crop:0*")
	if _, err := send(t, h, everything); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "fmt-webp") || len(c.all()) != 3 {
		t.Errorf("a tag: %v, %d requests", err, len(c.all()))
	}
}

func TestCloudflare(t *testing.T) {
	c := record(t, always(200, `{"success":true,"errors":[],"result":{"id":"z"}}`))
	h := hookAt(t, "cloudflare+"+c.URL+"/zone1")
	mustSend(t, h, everything)
	a := c.all()[0]
	a.want(t, "POST", "/client/v4/zones/zone1/purge_cache", "Authorization", "Bearer t-cloudflare", "Content-Type", "application/json")
	if a.body != `{"tags":["img-`+id(1)+`","img-`+id(2)+`","fmt-webp"]}` {
		t.Errorf("body %s", a.body)
	}
	mustSend(t, h, What{IDs: ids(61)})
	if n := len(c.all()); n != 4 {
		t.Errorf("%d requests for 61 images, want 3", n-1)
	}
	c.answer = always(200, `{"success":false,"errors":[{"code":1012}]}`)
	if failures, err := send(t, h, everything); !errors.Is(err, ErrRefused) || len(failures) != 1 || !strings.Contains(err.Error(), "1012") {
		t.Errorf("no success: %v after %v", err, failures)
	}
}

func TestFastly(t *testing.T) {
	c := record(t, nil)
	h := hookAt(t, "fastly+"+c.URL+"/SU1")
	mustSend(t, h, everything)
	c.all()[0].want(t, "POST", "/service/SU1/purge", "Fastly-Key", "t-fastly", "Surrogate-Key", "img-"+id(1)+" img-"+id(2)+" fmt-webp")
	mustSend(t, h, What{IDs: ids(257)})
	if n := len(c.all()); n != 3 {
		t.Errorf("%d requests for 257 images, want 2", n-1)
	}
}

func TestCloudFront(t *testing.T) {
	c := record(t, always(201, "<Invalidation/>"))
	h := hookAt(t, "cloudfront+"+c.URL+"/E1")
	mustSend(t, h, What{IDs: []string{id(1)}, Paths: everything.Paths})
	a := c.all()[0]
	a.want(t, "POST", "/2020-05-31/distribution/E1/invalidation", "Content-Type", "application/xml", "X-Amz-Security-Token", "t-session")
	if signed := a.header.Get("Authorization"); !strings.HasPrefix(signed, "AWS4-HMAC-SHA256 Credential=AKID/"+time.Now().UTC().Format("20060102")+"/us-east-1/cloudfront/aws4_request, ") {
		t.Errorf("signature %q", signed)
	}
	var batch struct {
		XMLName         xml.Name `xml:"http://cloudfront.amazonaws.com/doc/2020-05-31/ InvalidationBatch"`
		CallerReference string
		Quantity        int      `xml:"Paths>Quantity"`
		Items           []string `xml:"Paths>Items>Path"`
	}
	if err := xml.Unmarshal([]byte(a.body), &batch); err != nil {
		t.Fatal(err)
	}
	want := []string{"/download/" + id(1) + "*", "/srcset/" + id(1) + "*", "/download/" + id(2) + "/crop:0*"}
	if !slices.Equal(batch.Items, want) || batch.Quantity != 3 || batch.CallerReference == "" {
		t.Errorf("got %s", a.body)
	}
	mustSend(t, h, What{IDs: ids(8)})
	if n := len(c.all()); n != 3 {
		t.Errorf("%d requests for 16 paths, want 2", n-1)
	}
	if _, err := send(t, h, everything); !errors.Is(err, ErrRefused) {
		t.Errorf("a tag: %v", err)
	}
	// A limit is told of by 400. The same invalidation is asked for again, with a reference that tells so.
	first := len(c.all())
	c.answer = func(n int, w http.ResponseWriter, r *http.Request) {
		if n == first {
			always(400, "<ErrorResponse><Error><Code>TooManyInvalidationsInProgress</Code></Error></ErrorResponse>")(n, w, r)
			return
		}
		w.WriteHeader(201)
	}
	if failures, err := send(t, h, What{IDs: ids(1)}); err != nil || len(failures) != 1 {
		t.Errorf("%v after %v", err, failures)
	}
	if all := c.all(); len(all) != first+2 || all[first].body != all[first+1].body {
		t.Errorf("%d requests", len(all)-first)
	}
	c.answer = always(400, "<ErrorResponse><Error><Code>InvalidArgument</Code></Error></ErrorResponse>")
	if failures, err := send(t, h, What{IDs: ids(1)}); !errors.Is(err, ErrRefused) || len(failures) != 1 {
		t.Errorf("%v after %v", err, failures)
	}
}

func TestPlainHook(t *testing.T) {
	c := record(t, always(204, ""))
	h := hookAt(t, "http+"+c.URL+"/forget?all=1")
	mustSend(t, h, everything)
	a := c.all()[0]
	a.want(t, "POST", "/forget?all=1", "Authorization", "Bearer t-plain", "Content-Type", "application/json")
	var got struct{ IDs, Tags, Paths []string }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.IDs, everything.IDs) || !slices.Equal(got.Tags, []string{"img-" + id(1), "img-" + id(2), "fmt-webp"}) ||
		!slices.Equal(got.Paths, []string{"/download/" + id(1), "/srcset/" + id(1), everything.Paths[0]}) {
		t.Errorf("got %s", a.body)
	}
	mustSend(t, h, What{Tags: []string{"fmt-png"}})
	if got := c.all()[1].body; got != `{"ids":[],"tags":["fmt-png"],"paths":[]}` {
		t.Errorf("got %s", got)
	}
}

func TestImageOf(t *testing.T) {
	for path, want := range map[string]string{
		"/download/" + id(1): id(1), "/srcset/" + id(1) + "/": id(1), "/download/" + id(1) + "/crop:0,0": id(1), "/download/" + id(1) + ".png": id(1),
		"": "", "/download/": "", "/download/x": "", "/images/" + id(1): "", "/download/" + id(1)[:35]: "", "/download/" + strings.Repeat("g", 36): "",
		"/download/" + id(1) + "*": "", "/download/" + id(1) + "?x": "", "/download/" + id(1) + " ": "", "/download/" + id(1) + "\n": "", "/download/" + id(1) + "é": "",
		"/download/" + id(1) + strings.Repeat("a", 4096): "",
	} {
		if got := ImageOf(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, name := range map[string]string{
		"varnish+http://10.0.0.1:6081": "varnish 10.0.0.1:6081", "nginx+https://cdn.example.com": "nginx cdn.example.com", "cloudflare:abc": "cloudflare abc",
		"cloudflare+http://127.0.0.1:1/abc": "cloudflare abc", "fastly:SU1": "fastly SU1", "cloudfront:E1": "cloudfront E1",
		"http+https://user:pass@example.com/secret?key=secret": "http example.com",
	} {
		hooks, err := New([]string{address}, secrets)
		if err != nil || hooks[0].Name != name {
			t.Errorf("%s: %v, %v", address, hooks, err)
		}
	}
	for _, address := range []string{
		"", "varnish", "varnish:6081", "http://example.com", "https://example.com", "varnish+", "varnish+10.0.0.1", "varnish+ftp://a", "squid+http://a", "cloudflare:",
		"cloudflare", "cloudflare:a/b", "cloudflare:a b", "cloudflare+http://127.0.0.1:1/", "fastly+http://a/b/c", "http+http://", "+http://a", ":a", "nginx+http://secret:secret@h:x",
	} {
		if hooks, err := New([]string{address}, secrets); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, %v", address, hooks, err)
		}
	}
	for _, address := range []string{"cloudflare:a", "fastly:a", "cloudfront:a"} {
		if _, err := New([]string{address}, Secrets{}); err == nil || !strings.Contains(err.Error(), "needs") {
			t.Errorf("%s without a secret: %v", address, err)
		}
	}
	if _, err := New([]string{"varnish+http://a", "varnish+https://a"}, secrets); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("one cache twice: %v", err)
	}
}
