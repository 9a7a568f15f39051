package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "calotype"

// mainPart is the program's own package. The other parts are the folders of the repository's root, each with all
// packages below it.
const mainPart = "main"

// mayImport says which parts of this module a part may import beside itself.
var mayImport = map[string]struct {
	parts []string
	why   string
}{
	mainPart:    {[]string{"handler", "transform", "cache", "store", "docs"}, "it puts the program together"},
	"handler":   {[]string{"transform", "cache", "store", "web", "docs"}, "it tells the story of a request to the three that do the work"},
	"transform": {nil, "it is a leaf: it knows images, and no HTTP, cache or store"},
	"cache":     {nil, "it is a leaf: it keeps values of any type, and knows no images and no HTTP"},
	"store":     {nil, "it is a leaf: it keeps originals, and knows neither what is made of them nor who asks"},
	"web":       {nil, "it holds files"},
	"docs":      {[]string{"transform"}, "it is the reference: it says what is declared there"},
	"bench":     {nil, "it measures the program from outside, over HTTP"},
	"clients":   {nil, "it is copied into the programs of others"},
}

const cloudsInOnePlace = "the store and its tests compile without the libraries of clouds, which are large"

// onlyIn says which parts, or folders of a part, may import a package, or one below it, that is not of this module.
var onlyIn = []struct {
	path        string
	parts       []string
	testsExempt bool
	why         string
}{
	{"github.com/valyala/fasthttp", []string{mainPart, "handler", "bench"}, false, "only the edge knows HTTP"},
	{
		"net/http",
		[]string{mainPart, "bench", "handler/admin", "handler/purge", "store/cloud", "store/remote", "store/storetest/servers"},
		true,
		"the public listener is fasthttp; its constants name the statuses. The private one needs net/http, for profiles and metrics, and so do purges, blobs in clouds and remote originals, which go out by its client, and what makes buckets for tests",
	},
	{"github.com/aws/aws-sdk-go-v2", []string{"handler/purge", "store/cloud"}, false, "only the hook of CloudFront and the blobs in S3 sign for AWS"},
	{"gocloud.dev", []string{"store/cloud"}, false, cloudsInOnePlace},
	{"cloud.google.com", []string{"store/cloud"}, false, cloudsInOnePlace},
	{"google.golang.org/api", []string{"store/cloud"}, false, cloudsInOnePlace},
	{"github.com/Azure", []string{"store/cloud"}, false, cloudsInOnePlace},
	{"github.com/pires/go-proxyproto", []string{"handler"}, false, "whom a connection is from is found out in one place"},
	{"github.com/prometheus", []string{"handler/admin", "handler/metrics"}, false, "what happens is told in our own words and counted in one place"},
	{"github.com/davidbyttow/govips/v2", []string{"transform"}, false, "only the engine knows libvips"},
	{"github.com/dgraph-io/ristretto/v2", []string{"cache"}, false, "what the cache is made of is its own affair"},
	{"golang.org/x/sync/singleflight", []string{"cache"}, false, "requests for the same value are brought together in one place"},
	{"database/sql", []string{"store"}, false, "only the index knows SQL"},
	{"modernc.org/sqlite", []string{"store"}, false, "only the index knows SQL"},
	{"github.com/jackc/pgx/v5", []string{"store"}, false, "only the index knows SQL"},
	{"github.com/pressly/goose/v3", []string{"store"}, false, "only the index knows SQL"},
	{"github.com/alecthomas/kong", []string{mainPart}, false, "settings are read in one place and handed on as values"},
	{"go.yaml.in/yaml/v3", []string{"handler/tenants", "handler/preset"}, false, "files that operators write are read next to what they say"},
	{"log", []string{mainPart, "handler"}, false, "leaves return errors, and the edge logs each once"},
}

// mayReadEnvironment are the folders that have a reason: a worker process is told by its environment that it is one, clouds are asked with
// the credentials that their own tools find there, and tests are told whether a server may be missing.
var mayReadEnvironment = []string{"transform/worker", "store/cloud", "store/storetest/servers"}

// nativeFree are the packages that run on hostile bytes in the server's own process, before libvips may see them.
var nativeFree = []string{module + "/transform/sniff", module + "/transform/dib"}

// goPackage is what `go list` says of a package, and whether its own files, not those of its tests, read the environment.
type goPackage struct {
	Dir, ImportPath                    string
	GoFiles, CgoFiles                  []string
	Imports, TestImports, XTestImports []string

	readsEnvironment bool
}

func (p goPackage) part() string { return partOf(p.ImportPath) }

// isIn tells whether the package is of one of the parts, or in or below one of the folders.
func (p goPackage) isIn(parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return p.part() == part || isOrBelow(p.ImportPath, module+"/"+part) })
}

func partOf(path string) string {
	if path == module {
		return mainPart
	}
	part, _, _ := strings.Cut(strings.TrimPrefix(path, module+"/"), "/")
	return part
}

func isOrBelow(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

// breaches returns what the package does against the rules.
func (p goPackage) breaches() []string {
	own, known := mayImport[p.part()]
	if !known {
		return []string{fmt.Sprintf("%s is in no part that the rules know: say in mayImport what it may import, and why", p.ImportPath)}
	}
	var list []string
	report := func(what, where, why string) {
		list = append(list, fmt.Sprintf("%s %s, which %s: %s", p.ImportPath, what, where, why))
	}
	check := func(path string, inTests bool) {
		what := "imports " + path
		if inTests {
			what = "imports " + path + " in its tests"
		}
		if isOrBelow(path, module) {
			if part := partOf(path); part != p.part() && !slices.Contains(own.parts, part) {
				report(what, fmt.Sprintf("%s may not (beside itself it may import: %s)", p.part(), orNothing(own.parts)), own.why)
			}
			return
		}
		for _, rule := range onlyIn {
			if isOrBelow(path, rule.path) && !p.isIn(rule.parts) && (!inTests || !rule.testsExempt) {
				report(what, "only "+strings.Join(rule.parts, " and ")+" may", rule.why)
			}
		}
		for _, free := range nativeFree {
			if isOrBelow(p.ImportPath, free) && (path == "C" || strings.HasPrefix(path, "github.com/davidbyttow/govips/")) {
				report(what, "nothing in "+free+" may", "it judges hostile bytes before native code may see them")
			}
		}
	}
	for _, path := range p.Imports {
		check(path, false)
	}
	for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
		check(path, true)
	}
	if p.readsEnvironment && p.part() != mainPart && !p.isIn(mayReadEnvironment) {
		report("reads the environment", "only main and "+strings.Join(mayReadEnvironment, " and ")+" may", "settings are read in one place and handed on as values")
	}
	return list
}

func orNothing(parts []string) string {
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// packages lists the packages of this module.
func packages(t *testing.T) []goPackage {
	t.Helper()
	// The tags add tests that do not always run, which are no less bound.
	command := exec.Command("go", "list", "-e", "-tags=corpus,servers", "-json=Dir,ImportPath,GoFiles,CgoFiles,Imports,TestImports,XTestImports", "./...")
	var failure bytes.Buffer
	command.Stderr = &failure
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, failure.String())
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		// go list reads the folders unseen; reading them here tells go test when its cached result is out of date.
		if _, err := os.ReadDir(p.Dir); err != nil {
			t.Fatal(err)
		}
		for _, file := range slices.Concat(p.GoFiles, p.CgoFiles) {
			source, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			p.readsEnvironment = p.readsEnvironment || readsEnvironment(source)
		}
		list = append(list, p)
	}
}

func readsEnvironment(file *ast.File) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok && name.Name == "os" {
				found = found || selector.Sel.Name == "Getenv" || selector.Sel.Name == "LookupEnv"
			}
		}
		return !found
	})
	return found
}

func TestImportRules(t *testing.T) {
	list := packages(t)
	for _, part := range []string{mainPart, "handler", "transform", "cache", "store"} {
		if !slices.ContainsFunc(list, func(p goPackage) bool { return p.part() == part }) {
			t.Errorf("go list does not name %s", part)
		}
	}
	for _, p := range list {
		for _, breach := range p.breaches() {
			t.Error(breach)
		}
	}
}

func TestImportRulesSeeWhatTheyForbid(t *testing.T) {
	f := func(p goPackage, want string) {
		t.Helper()
		p.ImportPath = strings.TrimSuffix(module+"/"+p.ImportPath, "/")
		got := p.breaches()
		if want == "" && len(got) > 0 {
			t.Errorf("%v: got %q, want none", p, got)
		}
		if want != "" && (len(got) != 1 || !strings.Contains(got[0], want)) {
			t.Errorf("%v: got %q, want one that says %q", p, got, want)
		}
	}
	f(goPackage{ImportPath: "", Imports: []string{"calotype/handler", "github.com/alecthomas/kong", "log/slog", "net/http"}, readsEnvironment: true}, "")
	f(goPackage{ImportPath: "", Imports: []string{"database/sql"}}, "only store may: only the index knows SQL")
	f(goPackage{ImportPath: "handler", Imports: []string{"calotype/transform/sniff", "calotype/cache", "github.com/valyala/fasthttp/fasthttputil"}}, "")
	f(goPackage{ImportPath: "handler", Imports: []string{"calotype/bench"}}, "beside itself it may import: transform, cache, store")
	f(goPackage{ImportPath: "handler", Imports: []string{"net/http"}}, "only main and bench and handler/admin and handler/purge and store/cloud and store/remote and store/storetest/servers may")
	f(goPackage{ImportPath: "handler/admin", Imports: []string{"net/http/pprof", "github.com/prometheus/client_golang/prometheus"}}, "")
	f(goPackage{ImportPath: "handler/purge", Imports: []string{"net/http", "github.com/aws/aws-sdk-go-v2/aws"}}, "")
	f(goPackage{ImportPath: "handler", Imports: []string{"github.com/aws/aws-sdk-go-v2/aws"}}, "only handler/purge and store/cloud may")
	f(goPackage{ImportPath: "handler/metrics", Imports: []string{"net/http"}}, "only main and bench and handler/admin and handler/purge and store/cloud and store/remote and store/storetest/servers may")
	f(goPackage{ImportPath: "handler", Imports: []string{"github.com/prometheus/client_golang/prometheus"}}, "only handler/admin and handler/metrics may")
	f(goPackage{ImportPath: "transform", Imports: []string{"github.com/prometheus/client_golang/prometheus"}}, "counted in one place")
	f(goPackage{ImportPath: "handler", TestImports: []string{"net/http"}, XTestImports: []string{"net/http/httptest"}}, "")
	f(goPackage{ImportPath: "handler", readsEnvironment: true}, "reads the environment")
	f(goPackage{ImportPath: "transform/worker", readsEnvironment: true}, "")
	f(goPackage{ImportPath: "transform", Imports: []string{"calotype/transform/sniff", "github.com/davidbyttow/govips/v2/vips", "C"}}, "")
	f(goPackage{ImportPath: "transform/sniff", Imports: []string{"github.com/davidbyttow/govips/v2/vips"}}, "before native code may see them")
	f(goPackage{ImportPath: "transform/sniff", Imports: []string{"C"}}, "before native code may see them")
	f(goPackage{ImportPath: "transform", Imports: []string{"calotype/store"}}, "beside itself it may import: nothing")
	f(goPackage{ImportPath: "transform", TestImports: []string{"calotype/cache"}}, "in its tests")
	f(goPackage{ImportPath: "cache", Imports: []string{"github.com/dgraph-io/ristretto/v2", "golang.org/x/sync/singleflight"}}, "")
	f(goPackage{ImportPath: "cache", Imports: []string{"log/slog"}}, "leaves return errors")
	f(goPackage{ImportPath: "store", Imports: []string{"database/sql", "modernc.org/sqlite", "golang.org/x/sync/errgroup"}}, "")
	f(goPackage{ImportPath: "store/cloud", Imports: []string{"gocloud.dev/blob", "net/http"}, readsEnvironment: true}, "")
	f(goPackage{ImportPath: "store/remote", Imports: []string{"net/http"}}, "")
	f(goPackage{ImportPath: "store/remote", Imports: []string{"gocloud.dev/blob"}}, "only store/cloud may")
	f(goPackage{ImportPath: "store", Imports: []string{"gocloud.dev/blob"}}, "only store/cloud may")
	f(goPackage{ImportPath: "store", Imports: []string{"github.com/dgraph-io/ristretto/v2"}}, "only cache may")
	f(goPackage{ImportPath: "helpers"}, "in no part that the rules know")
}
