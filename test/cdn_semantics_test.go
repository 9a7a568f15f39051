//go:build cdn

package test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A verdict is what a shared cache makes of an answer. Times are in seconds.
type verdict struct {
	Storable        bool `json:"storable"`
	Fresh           int  `json:"fresh"`
	WhileRevalidate int  `json:"whileRevalidate"`
	IfError         int  `json:"ifError"`
}

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

var (
	unstored    = verdict{}
	keptPicture = verdict{true, 365 * day, day, 30 * day}
)

// A library that was written from the standard for HTTP caches reads the answers as they are meant.
func TestCDNCacheSemantics(t *testing.T) {
	t.Parallel()
	node := program(t, "node")
	if _, err := os.Stat(filepath.Join("semantics", "node_modules", "http-cache-semantics")); err != nil {
		t.Skip("NOTICE: http-cache-semantics is not there; make test-cdn fetches it")
	}
	o := newOrigin(t)
	id := o.landscape()
	page := string(get(t, o.address(), "/upload-image").body)
	at := strings.Index(page, "/assets/")
	if at < 0 {
		t.Fatal("the upload page has no style sheet")
	}
	sheet, _, _ := strings.Cut(page[at:], `"`)
	type meant struct {
		target string
		status int
		want   verdict
	}
	cases := []meant{
		{"/download/" + id, 200, keptPicture},
		{"/download/" + id + ".png", 200, keptPicture},
		{"/download/" + id + "/resize:20.webp", 200, keptPicture},
		{"/download/" + id + "/resize:20.auto", 200, keptPicture},
		{"/download/" + id + "/RESIZE=20.webp", 200, keptPicture},
		{"/download/" + id + "/resize:20/format:auto.jpg", 200, keptPicture},
		{"/download/" + id + ".json", 200, verdict{true, hour, 0, 0}},
		{"/download?id=" + id, 200, unstored},
		{"/download?exts=jpeg", 200, unstored},
		{"/upload-image", 200, unstored},
		{"/srcset/" + id + ".jpg?widths=20", 200, unstored},
		{"/capabilities", 200, verdict{true, hour, 0, 0}},
		{"/openapi.json", 200, verdict{true, hour, 0, 0}},
		{sheet, 200, verdict{true, 365 * day, 0, 0}},
		{"/", 302, unstored},
		{"/download/00000000-0000-7000-8000-000000000000", 404, verdict{true, 10, 0, 0}},
		{"/download/00000000-0000-7000-8000-000000000000/resize:20.auto", 404, verdict{true, 10, 0, 0}},
		{"/nowhere", 404, verdict{true, 10, 0, 0}},
		{"/download/" + id + "/" + strings.Repeat("a", 5000), 414, verdict{true, minute, 0, 0}},
		// The standard lets these be stored for as long as they say, by a cache that understands them. This one does not, as many.
		{"/download/" + id + "/resize:-1.png", 400, unstored},
		{"/download/" + id + "/crop:60000,0,10,10.png", 422, unstored},
	}
	deleted := o.landscape()
	askTarget(t, "DELETE", o.address(), "/images/"+deleted).must(t, 204, "")
	cases = append(cases,
		meant{"/download/" + deleted, 410, verdict{true, hour, 0, 0}},
		meant{"/download/" + deleted + "/resize:20.png", 410, verdict{true, hour, 0, 0}},
	)
	type answer struct {
		URL     string            `json:"url"`
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
	}
	var answers []answer
	for _, c := range cases {
		got := get(t, o.address(), c.target, "Accept", "image/webp").must(t, c.status, "")
		headers := map[string]string{}
		for name, values := range got.header {
			headers[strings.ToLower(name)] = strings.Join(values, ", ")
		}
		answers = append(answers, answer{c.target, got.status, headers})
	}
	asked, err := json.Marshal(answers)
	if err != nil {
		t.Fatal(err)
	}
	judge := exec.Command(node, "judge.mjs")
	judge.Dir, judge.Stdin, judge.Stderr = "semantics", bytes.NewReader(asked), os.Stderr
	told, err := judge.Output()
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []verdict
	if err := json.Unmarshal(told, &verdicts); err != nil || len(verdicts) != len(cases) {
		t.Fatalf("%v: %s", err, told)
	}
	for i, c := range cases {
		if verdicts[i] != c.want {
			t.Errorf("%.80s, Cache-Control %q:\n got %+v\nwant %+v", c.target, answers[i].Headers["cache-control"], verdicts[i], c.want)
		}
	}
}
