package tenants

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// readSize reads 100 and 10kB.
func readSize(text string) (int64, error) {
	number, thousands := strings.CutSuffix(text, "kB")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, errors.New("is no size")
	}
	if thousands {
		n *= 1000
	}
	return n, nil
}

func environment(name string) (string, bool) {
	value, found := map[string]string{"ONE": "from-the-environment", "TWO": "first-of-two, second-of-two", "EMPTY": ""}[name]
	return value, found
}

var testOptions = Options{Size: readSize, Environment: environment}

// read reads a file of this text.
func read(t *testing.T, text string) ([]Tenant, error) {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string]string{"tenants.yaml": text, "secrets": "# of acme\nsecret-from-a-file\n\n  another-from-a-file  \n", "empty": "# nothing\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := Read(filepath.Join(folder, "tenants.yaml"), testOptions)
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), folder+"/", ""))
	}
	return list, err
}

func TestAFileSaysAllThatCanBeSaid(t *testing.T) {
	list, err := read(t, `
acme: &usual
  hosts: [Images.acme.example, "[::1]", 10.0.0.7]
  tokens:
    - a-token-as-it-is
    - env: TWO
    - {file: secrets}
  upload-origins: https://app.acme.example
  sources: [https://cdn.acme.example/photos/, "s3://acme/"]
  sign: all
  sign-keys: [{env: ONE}]
  presets: acme/presets.yaml
  presets-only: true
  operations: [crop, resize]
  sizes: [320, 640]
  snap: true
  max-upload-bytes: 10kB
  max-pixels: 1000000
  max-side: 2000
  prints-per-hour: 0
  max-images: 5
  max-bytes: 7
zeta-2:
  hosts: zeta.example
`)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Name != "acme" || list[1].Name != "zeta-2" {
		t.Fatalf("%+v", list)
	}
	a, z := list[0], list[1]
	f := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, want %#v", what, got, want)
		}
	}
	f("hosts", a.Hosts, []string{"images.acme.example", "[::1]", "10.0.0.7"})
	f("tokens", Values(a.Tokens), []string{"a-token-as-it-is", "first-of-two", "second-of-two", "secret-from-a-file", "another-from-a-file"})
	f("origins", Values(a.UploadOrigins), []string{"https://app.acme.example"})
	f("sources", Values(a.Sources), []string{"https://cdn.acme.example/photos/", "s3://acme/"})
	f("place of a source", a.Sources[1].Line, 9)
	f("sign", a.Sign.Value, "all")
	f("keys", Values(a.SignKeys), []string{"from-the-environment"})
	f("presets", strings.HasSuffix(a.Presets.Value, "/acme/presets.yaml") && filepath.IsAbs(a.Presets.Value), true)
	f("policy", []any{a.PresetsOnly, Values(a.Operations), a.Sizes, a.Snap}, []any{true, []string{"crop", "resize"}, []int{320, 640}, true})
	f("limits", []any{a.MaxUploadBytes, a.MaxPixels, a.MaxSide, *a.PrintsPerHour, a.MaxImages, a.MaxBytes}, []any{int64(10000), int64(1000000), 2000, 0, int64(5), int64(7)})
	f("what is not said", z, Tenant{Name: "zeta-2", Hosts: []string{"zeta.example"}, place: z.place, places: z.places})
	wrong := a.Wrong("sources", a.Sources[1].Place, errors.New("is none"))
	if !errors.Is(wrong, ErrFile) || !strings.HasSuffix(wrong.Error(), "tenants.yaml:9: tenant acme: sources: is none") {
		t.Errorf("it is told %v", wrong)
	}
	if wrong := a.Wrong("max-side", Place{}, errors.New("x")); !strings.Contains(wrong.Error(), ":19: tenant acme: max-side: x") {
		t.Errorf("it is told %v", wrong)
	}
	if wrong := z.Wrong("tokens", Place{}, errors.New("x")); !strings.Contains(wrong.Error(), ":23: tenant zeta-2: tokens: x") {
		t.Errorf("it is told %v", wrong)
	}
}

func TestNoTenants(t *testing.T) {
	if list, err := read(t, "{}\n"); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// What several tenants have in common can be said once.
func TestAliases(t *testing.T) {
	list, err := read(t, "a:\n  hosts: [a.example]\n  sizes: &sizes [1, 2]\nb:\n  hosts: [b.example]\n  sizes: *sizes\n")
	if err != nil || len(list) != 2 || len(list[1].Sizes) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Every fault is told by the line where it stands, and no secret is told.
func TestFaults(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		list, err := read(t, text)
		if err == nil {
			t.Errorf("%s\nis taken for %+v", text, list)
			return
		}
		for i, line := range want {
			want[i] = "the file of tenants cannot be used: " + line
		}
		if got := err.Error(); got != strings.Join(want, "\n") {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, strings.Join(want, "\n"))
		}
		if strings.Contains(err.Error(), "secret-") {
			t.Errorf("a secret is told: %v", err)
		}
	}
	const a = "a:\n  hosts: [a.example]\n  " // the next setting is in line 3
	f("", "tenants.yaml is empty; {} stands for no tenants")
	f("# nothing yet\n", "tenants.yaml is empty; {} stands for no tenants")
	f("{}\n---\na:\n  hosts: x", "tenants.yaml has more than one document")
	f("[a, b]", "tenants.yaml:1: must be a mapping: tenants by their names")
	f("a: [b", "tenants.yaml: yaml: line 1: did not find expected ',' or ']'")
	f("a:\n\thosts: x", "tenants.yaml: yaml: line 2: found character that cannot start any token")
	f("A:\n  hosts: a.example", `tenants.yaml:1: the name of a tenant has 1 to 32 letters a to z, digits and hyphens, none at its ends, not "A"`)
	f("a-:\n  hosts: a.example", `tenants.yaml:1: the name of a tenant has 1 to 32 letters a to z, digits and hyphens, none at its ends, not "a-"`)
	f("a:", "tenants.yaml:1: tenant a: what it says: must be a mapping: settings by their names", "tenants.yaml:1: tenant a: hosts: it needs at least one")
	f("a:\n  tokens: x-y", "tenants.yaml:1: tenant a: hosts: it needs at least one")
	f("a:\n  hosts: []", "tenants.yaml:2: tenant a: hosts: it needs at least one")
	f("a:\n  hosts: [x]\na:\n  hosts: [y]", `tenants.yaml:3: "a" stands in line 1 already`)
	f(a+"hosts: [b]", `tenants.yaml:3: tenant a: hosts: "hosts" stands in line 2 already`)
	f(a+"quota: 1", "tenants.yaml:3: tenant a: what it says: there is no setting \"quota\"; the settings are "+settingNames())
	f(a+"<<: {max-side: 1}", "tenants.yaml:3: tenant a: what it says: there is no setting \"<<\"; the settings are "+settingNames())
	f("a:\n  hosts: [x, y]\nb:\n  hosts:\n    - z\n    - Y", "tenants.yaml:6: tenant b: hosts: y is in line 2 already")
	for _, host := range []string{"a:80", "http://a", "a.", "*.a", "a..b", "-a", "ä.example", "[::1", "[127.0.0.1]", "[0::1]", "a b", strings.Repeat("a.", 127) + "b"} {
		f("a:\n  hosts:\n    - \""+host+"\"", "tenants.yaml:3: tenant a: hosts: "+errHost.Error()+", not "+strconv.Quote(host))
	}
	f(a+"max-side: many\n  max-pixels: 0\n  snap: 1", "tenants.yaml:3: tenant a: max-side: must be a whole number of at least 1",
		"tenants.yaml:4: tenant a: max-pixels: must be a whole number of at least 1", "tenants.yaml:5: tenant a: snap: must be true or false")
	f(a+"prints-per-hour: -1", "tenants.yaml:3: tenant a: prints-per-hour: must be a whole number of at least 0")
	f(a+"sizes: [1, [2]]", "tenants.yaml:3: tenant a: sizes: must be a whole number of at least 1")
	f(a+"max-bytes: 0", "tenants.yaml:3: tenant a: max-bytes: must be at least 1 byte")
	f(a+"max-upload-bytes: much", "tenants.yaml:3: tenant a: max-upload-bytes: is no size")
	f(a+"max-bytes: [1]", "tenants.yaml:3: tenant a: max-bytes: must be a size")
	f(a+"sources:\n    - {a: b}\n    -", "tenants.yaml:4: tenant a: sources: must be a text", "tenants.yaml:5: tenant a: sources: must be a text")
	f(a+"presets: {a: b}", "tenants.yaml:3: tenant a: presets: must be a text")
	f(a+"tokens:\n    - secret-a-b-c-d\n    - {var: secret-x}", `tenants.yaml:5: tenant a: tokens: a secret is a text, {env: NAME} or {file: PATH}, and has no "var"`)
	f(a+"tokens: [{env: MISSING}, {env: EMPTY}]", "tenants.yaml:3: tenant a: tokens: the variable MISSING is not set in the environment of the server, or is empty",
		"tenants.yaml:3: tenant a: tokens: the variable EMPTY is not set in the environment of the server, or is empty")
	f(a+"sign-keys: [{file: missing}, {file: empty}]", "tenants.yaml:3: tenant a: sign-keys: open missing: no such file or directory",
		"tenants.yaml:3: tenant a: sign-keys: empty holds no secret")
	f(a+"tokens: [[secret-x]]", "tenants.yaml:3: tenant a: tokens: must be a text")
}

func TestAFileThatIsNotThereOrTooLarge(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none"), testOptions); !errors.Is(err, ErrFile) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := read(t, strings.Repeat("#", MaxBytes+1)); err == nil || !strings.Contains(err.Error(), "has more than") {
		t.Errorf("got %v", err)
	}
}

// Whatever stands in a file, it is tenants or an error: never a panic, and never two tenants for one host.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "a:\n  hosts: [x]\n  tokens: [{env: ONE}]", "a: &a\n  hosts: *a", "&a [*a]", "? [x]\n: y", "a: {hosts: [x, X], sizes: [1, 2e9]}", "a: !!binary x", "%YAML 1.1\n---\na: 1\n---\nb: 2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parse("tenants.yaml", []byte(text), Options{Size: readSize, Environment: environment})
		if err != nil {
			if !errors.Is(err, ErrFile) || list != nil {
				t.Errorf("%+v, %v", list, err)
			}
			return
		}
		hosts := map[string]bool{}
		for _, tenant := range list {
			if !nameForm.MatchString(tenant.Name) || len(tenant.Hosts) == 0 {
				t.Errorf("%+v", tenant)
			}
			for _, host := range tenant.Hosts {
				if hosts[host] || host != strings.ToLower(host) {
					t.Errorf("host %q of %s", host, tenant.Name)
				}
				hosts[host] = true
			}
		}
	})
}
