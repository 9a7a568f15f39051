package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"calotype/handler/quota"
	"calotype/handler/signing"
	"calotype/handler/tenants"
)

// What a tenant's settings say is checked as the options of the same names are, and every fault is told by its line.
func TestFaultsOfTenants(t *testing.T) {
	f := func(settings, want string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "tenants.yaml")
		if err := os.WriteFile(file, []byte("acme:\n  hosts: [a.example]\n  "+settings), 0o600); err != nil {
			t.Fatal(err)
		}
		c := serveCommand{Tenants: file, MaxUploadBytes: 1000, MaxPixels: 1000, MaxSide: 100}
		list, err := c.readTenants(quota.NewBook(time.Hour), 10)
		if want == "" && (err != nil || len(list) != 1) || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s\ngives %v, want %s", settings, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "short-one") {
			t.Errorf("a secret is told: %v", err)
		}
	}
	f("tokens: [0123456789abcdef]\n  max-upload-bytes: 1kB\n  max-pixels: 1000\n  max-side: 100", "")
	f("tokens:\n    - 0123456789abcdef\n    - short-one", "tenants.yaml:5: tenant acme: tokens: token 1 has less than 16 characters")
	f("upload-origins: https://a.example/x", "tenants.yaml:3: tenant acme: upload-origins: must be an origin as browsers write it, as https://example.org or http://localhost:3000, not \"https://a.example/x\"")
	f("max-upload-bytes: 1001", "tenants.yaml:3: tenant acme: max-upload-bytes: must be at most --max-upload-bytes, which is 1000")
	f("max-pixels: 1001", "tenants.yaml:3: tenant acme: max-pixels: must be at most --max-pixels, which is 1000")
	f("max-side: 101", "tenants.yaml:3: tenant acme: max-side: must be at most --max-side, which is 100")
	f("max-bytes: auto", "tenants.yaml:3: tenant acme: max-bytes: must be at least 1 byte")
	f("max-bytes: lots", `tenants.yaml:3: tenant acme: max-bytes: "lots" is no size; write it as 500000, 32MB or 1GiB`)
	f("sources: [https://ok.example, ftp://x]", "tenants.yaml:3: tenant acme: sources: pattern of sources \"ftp://x\": "+strings.TrimPrefix(sourceFault(t, "ftp://x"), "pattern of sources \"ftp://x\": "))
	f("sign: some", "tenants.yaml:3: tenant acme: sign: must be one of off, remote, transforms, all, not \"some\"")
	f("sign: all", "tenants.yaml:3: tenant acme: sign: sign=all needs sign-keys: without a key nobody gets a print")
	f("sources: 'https://x.example'", "tenants.yaml:1: tenant acme: sign: sources needs sign-keys, or everybody has images of others fetched and printed here, which sign=off allows")
	f("sources: 'https://x.example'\n  sign: off", "")
	f("sign: transforms\n  sign-keys: ['k1:"+strings.Repeat("ab", 32)+"', 'k1:short-one']", "tenants.yaml:4: tenant acme: sign-keys: key 1: a key is its name, of 1 to 8 letters a to z and digits, a colon, and 32 bytes or more in hexadecimal digits")
	f("sign-keys: ['k1:"+strings.Repeat("ab", 32)+"', 'k1:"+strings.Repeat("cd", 32)+"']", "tenants.yaml:3: tenant acme: sign-keys: key 2: there is another one with its name")
	f("sources: [https://ok.example, ftp://x]", "tenants.yaml:3: tenant acme: sources: "+sourceFault(t, "ftp://x"))
	f("sources: 'local:///x/'", "tenants.yaml:3: tenant acme: sources: local:///x/ needs --source-root")
}

// sourceFault is what is told of a pattern.
func sourceFault(t *testing.T, pattern string) string {
	t.Helper()
	_, err := (&sources{}).parseAllowed([]string{pattern})
	if err == nil {
		t.Fatalf("%s is a pattern", pattern)
	}
	return err.Error()
}

// A running is the program in a process of its own.
type running struct {
	t       *testing.T
	command *exec.Cmd
	address string
	said    *said
	client  *http.Client
}

// said is what a program says.
type said struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(p)
}

func (s *said) count(text string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return strings.Count(s.text.String(), text)
}

func (s *said) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// run starts the program, which ends with the test.
func run(t *testing.T, arguments ...string) *running {
	t.Helper()
	r := &running{t: t, address: freePort(t), said: &said{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	r.command = exec.Command(program(t), append([]string{"--listen", r.address, "--admin-listen", "off", "--data", t.TempDir()}, arguments...)...)
	r.command.Stdout, r.command.Stderr = r.said, r.said
	if err := r.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		if err := r.command.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := r.command.Wait(); err != nil {
			t.Errorf("it ends with %v and said\n%s", err, r.said)
		}
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get("http://" + r.address + "/capabilities"); err == nil {
			answer.Body.Close()
			return r
		}
		if time.Now().After(end) {
			t.Fatalf("it does not start: %s", r.said)
		}
	}
}

// at asks for something at a host, with a token.
func (r *running) at(host, secret, method, target string, body []byte) (status int, answer []byte, err error) {
	request := &http.Request{
		Method: method, URL: &url.URL{Scheme: "http", Host: r.address, Opaque: target}, Host: host, Header: http.Header{}, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	if secret != "" {
		request.Header.Set("Authorization", "Bearer "+secret)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// must is at where one status will do.
func (r *running) must(host, secret, method, target string, body []byte, want int) []byte {
	r.t.Helper()
	status, answer, err := r.at(host, secret, method, target, body)
	if err != nil || status != want {
		r.t.Errorf("%s %s at %s: %d %.300s, %v, want %d", method, target, host, status, answer, err, want)
	}
	return answer
}

// upload uploads an image and returns the path of its original.
func (r *running) upload(host, secret string, data []byte) string {
	r.t.Helper()
	var u struct{ URL string }
	if err := json.Unmarshal(r.must(host, secret, "POST", "/upload-image", data, http.StatusCreated), &u); err != nil {
		r.t.Fatal(err)
	}
	return u.URL
}

// hangUp sends SIGHUP and waits until something was said once more.
func (r *running) hangUp(wait string) {
	r.t.Helper()
	before := r.said.count(wait)
	if err := r.command.Process.Signal(syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); r.said.count(wait) == before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("after SIGHUP it does not say %q: %s", wait, r.said)
		}
	}
}

// Files are read again at SIGHUP while 200 requests a second are served: every one is answered as it was before, and what has changed
// counts. A file that cannot be used changes nothing.
func TestReloadUnderLoad(t *testing.T) {
	const rate, changes = 200, 6
	folder := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const acme, zeta = "img.acme.example", "img.zeta.example"
	token := func(i int) string { return fmt.Sprintf("token-of-tenant-%04d", i) }
	said := func(i int) string {
		return fmt.Sprintf("acme:\n  hosts: [%s]\n  tokens: [always-good-token, %s]\nzeta-%d:\n  hosts: [%s]\n  tokens: [%s]\n  max-images: 1\n", acme, token(i), i, zeta, token(i))
	}
	file, tokens := write("tenants.yaml", said(0)), write("tokens", "token-of-everybody-0\n")
	r := run(t, "--tenants", file, "--token-file", tokens)
	for end := time.Now().Add(10 * time.Second); !strings.Contains(r.said.String(), "2 tenants of "+file); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it says %s", r.said)
		}
	}
	picture := onePixel(t)
	image := r.upload(acme, token(0), picture)

	stop := make(chan struct{})
	var asking sync.WaitGroup
	var answered, uploaded atomic.Int64
	began := time.Now()
	due := make(chan int, rate*600) // those that are late are not left out
	asking.Go(func() {
		defer close(due)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Until(began.Add(time.Duration(i) * time.Second / rate))):
				due <- i
			}
		}
	})
	for range 16 {
		asking.Go(func() {
			for i := range due {
				method, target, body, want := "GET", fmt.Sprintf("%s/resize:%d,up.png", image, 2+i%20), []byte(nil), http.StatusOK
				switch {
				case i%50 == 0:
					method, target, body, want = "POST", "/upload-image", picture, http.StatusCreated
				case i%3 == 0:
					target = image
				}
				status, answer, err := r.at(acme, "always-good-token", method, target, body)
				if err != nil || status != want {
					t.Errorf("request %d: %d %.200s, %v", i, status, answer, err)
				}
				if answered.Add(1); method == "POST" {
					uploaded.Add(1)
				}
			}
		})
	}
	const again = "a file was read again"
	r.upload(zeta, token(0), picture)
	for i := 1; i <= changes; i++ {
		time.Sleep(300 * time.Millisecond)
		write("tenants.yaml", said(i))
		write("tokens", fmt.Sprintf("token-of-everybody-%d\n", i))
		r.hangUp(again + "\" option=--tenants")
		r.must(acme, token(i), "GET", "/images?limit=1", nil, http.StatusOK)
		r.must(acme, token(i-1), "GET", "/images?limit=1", nil, http.StatusUnauthorized)
		r.must("else.example", fmt.Sprintf("token-of-everybody-%d", i), "GET", "/images", nil, http.StatusOK)
		r.must("else.example", fmt.Sprintf("token-of-everybody-%d", i-1), "GET", "/images", nil, http.StatusUnauthorized)
		// Its host is another tenant's now, who has nothing yet and may have one image.
		mine := r.upload(zeta, token(i), picture)
		r.must(zeta, token(i), "POST", "/upload-image", picture, http.StatusInsufficientStorage)
		r.must(acme, "", "GET", mine, nil, http.StatusNotFound)
		// A fault leaves all as it is.
		write("tenants.yaml", said(i)+"  max-imges: 2\n")
		r.hangUp("a file was not taken")
		r.must(zeta, token(i), "GET", mine, nil, http.StatusOK)
		r.must(acme, token(i), "GET", "/images?limit=1", nil, http.StatusOK)
	}
	if want := `tenants.yaml:8: tenant zeta-6: what it says: there is no setting`; !strings.Contains(r.said.String(), want) {
		t.Errorf("it says nothing of %s:\n%s", want, r.said)
	}
	time.Sleep(300 * time.Millisecond)
	close(stop)
	wanted := int64(time.Since(began).Seconds() * rate)
	asking.Wait()
	if uploaded.Load() == 0 || answered.Load() < wanted-1 {
		t.Errorf("%d requests of %d, %d uploads", answered.Load(), wanted, uploaded.Load())
	}
	t.Logf("%d requests, %d of them uploads, during %d changes and as many faults", answered.Load(), uploaded.Load(), changes)
	if strings.Contains(r.said.String(), "token-of") || strings.Contains(r.said.String(), "always-good") {
		t.Errorf("a token is told: %s", r.said)
	}
}

// A file with a fault does not let the program start.
func TestTenantsMustBeUsableAtTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(file, []byte("acme:\n  hosts: [a.example]\n  max-side: tall\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program(t), "--listen", "127.0.0.1:0", "--admin-listen", "off", "--data", t.TempDir(), "--tenants", file)
	output, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "tenants.yaml:3: tenant acme: max-side: must be a whole number of at least 1") {
		t.Errorf("%v: %s", err, output)
	}
}

// What docs/tenants.md shows starts the program, and does what it says.
func TestTenantsOfTheDocs(t *testing.T) {
	page := string(read(t, "docs/tenants.md"))
	_, example, _ := strings.Cut(page, "```yaml\n")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("docs/tenants.md has no example")
	}
	for _, s := range tenants.Settings {
		if !strings.Contains(example, "\n  "+s.Name+":") {
			t.Errorf("the example does not show %s", s.Name)
		}
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"tenants.yaml": example, "secrets/shop-editors": "# of the shop\neditors-token-of-the-shop\n", "secrets/shop-keys": "k1:" + strings.Repeat("5a", 32) + "\n",
		"presets/shop.yaml": "avatar: crop:ar=1x1/resize:160\n",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SHOP_TOKEN", "token-of-the-shop")
	t.Setenv("BLOG_TOKEN", "token-of-the-blog")
	r := run(t, "--tenants", filepath.Join(folder, "tenants.yaml"))
	const shop, blog = "img.shop.example", "img.blog.example"
	photo := read(t, "docs/samples/landscape.jpg") // 480×320
	image := r.upload(shop, "token-of-the-shop", photo)
	r.upload("www.shop.example", "editors-token-of-the-shop", photo)
	post := r.upload(blog, "token-of-the-blog", photo)
	r.must(blog, "token-of-the-shop", "POST", "/upload-image", photo, http.StatusUnauthorized)
	r.must(blog, "", "GET", image+"/resize:320.jpg", nil, http.StatusNotFound)
	r.must(shop, "", "GET", post+"/resize:320.jpg", nil, http.StatusNotFound)
	width := func(host, path string, want int) {
		t.Helper()
		picture, err := jpeg.DecodeConfig(bytes.NewReader(r.must(host, "", "GET", path, nil, http.StatusOK)))
		if err != nil || picture.Width != want {
			t.Errorf("%s is %d wide, %v, want %d", path, picture.Width, err, want)
		}
	}
	width(shop, image+"/resize:320.jpg", 320)
	width(shop, image+"/resize:200.jpg", 320) // the next larger one
	width(shop, image+"/preset:avatar.jpg", 160)
	width(blog, post+"/resize:160/blur:1.jpg", 160)
	r.must(shop, "", "GET", image+"/blur:1.jpg", nil, http.StatusForbidden)
	r.must(blog, "", "GET", post+"/resize:200.jpg", nil, http.StatusForbidden)
	r.must(blog, "", "GET", post+"/preset:avatar.jpg", nil, http.StatusNotFound)
	source := "/proxy/_/" + base64.RawURLEncoding.EncodeToString([]byte("https://cdn.shop.example/products/1.jpg")) + ".jpg"
	r.must(shop, "", "GET", source, nil, http.StatusForbidden) // which is not signed
}

// Keys of signatures change with their file, and are in nothing that the program says.
func TestKeysOfAFileAreReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	write := func(keys ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("# keys\n"+strings.Join(keys, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old, next := "k1:"+strings.Repeat("ab", 32), "k2:"+strings.Repeat("cd", 32)
	write(old)
	r := run(t, "--open", "--sign=all", "--sign-keys-file", file)
	image := r.upload("any.example", "", onePixel(t)) // signed
	_, rest, _ := strings.Cut(strings.TrimPrefix(image, "/download/"), "/")
	signed := func(key string) string {
		t.Helper()
		keys, err := signing.ParseKeys([]string{key})
		if err != nil {
			t.Fatal(err)
		}
		path, err := keys.Sign("/download/"+rest+".png", signing.Terms{})
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := func(key string, want int) {
		t.Helper()
		for range 2 {
			r.must("any.example", "", "GET", signed(key), nil, want)
		}
	}
	f(old, http.StatusOK)
	f(next, http.StatusForbidden)
	write(next, old)
	r.hangUp("a file was read again")
	f(old, http.StatusOK)
	f(next, http.StatusOK)
	write(next)
	r.hangUp("a file was read again")
	f(old, http.StatusForbidden)
	f(next, http.StatusOK)
	write("k3:tooshort")
	r.hangUp("a file was not taken")
	f(next, http.StatusOK)
	if said := r.said.String(); strings.Contains(said, "cdcd") || strings.Contains(said, "tooshort") {
		t.Errorf("a key is told: %s", said)
	}
}

// Backups, restored ones too, and exports have the images of all tenants, and know whose they are.
func TestCopiesKeepTenants(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "tenants.yaml")
	if err := os.WriteFile(file, []byte("acme:\n  hosts: [a.example]\n  tokens: [token-of-acme-000]\n  max-images: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = "token-of-everybody"
	data := filepath.Join(folder, "data")
	r := run(t, "--tenants", file, "--token", secret, "--data", data)
	const host, token = "a.example", "token-of-acme-000"
	acme, other := r.upload(host, token, onePixel(t)), r.upload("else.example", secret, onePixel(t))
	id := func(path string) string { return path[strings.LastIndex(path, "/")+1:] }
	removed := r.upload(host, token, onePixel(t))
	r.must(host, token, "DELETE", "/images/"+id(removed), nil, http.StatusNoContent)

	backup, restored, exported := filepath.Join(folder, "backup"), filepath.Join(folder, "restored"), filepath.Join(folder, "exported")
	for _, command := range [][]string{
		{"backup", backup, "--data", data}, {"restore", backup, "--data", restored}, {"export", "--data", data, "--to-data", exported},
	} {
		if out, told, err := calotype(t, command...); err != nil {
			t.Fatalf("%q: %s%s%v", command, out, told, err)
		}
	}
	for _, data := range []string{backup, restored, exported} {
		r := run(t, "--tenants", file, "--token", secret, "--data", data)
		r.must(host, "", "GET", acme, nil, http.StatusOK)
		r.must(host, "", "GET", other, nil, http.StatusNotFound)
		r.must(host, "", "GET", removed, nil, http.StatusGone)
		r.must("else.example", "", "GET", acme, nil, http.StatusNotFound)
		r.must("else.example", "", "GET", other, nil, http.StatusOK)
		r.must("else.example", "", "GET", removed, nil, http.StatusNotFound)
		r.upload(host, token, onePixel(t))
		r.must(host, token, "POST", "/upload-image", onePixel(t), http.StatusInsufficientStorage)
	}
}
