//go:build remote

package test

import (
	"bytes"
	endian "encoding/binary"
	"encoding/json"
	"image"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the modules of clients/ make with Next.js, unpic and @nuxt/image, and what the page for plain HTML says, are addresses of prints of the right
// size and format: of an upload, of one with a chain and of images elsewhere.
func TestRemoteClients(t *testing.T) {
	node := frameworks(t)
	u := newUpstream(t)
	o := &origin{t: t, port: freePort(t), admin: freePort(t), arguments: remoteArguments(u.root())}
	o.start()
	id := o.landscape()
	addresses := addressesOf(t, node, map[string]any{"base": o.address(), "images": map[string]string{
		"upload":                   id,
		"upload with a chain":      id + "/grayscale",
		"upload by its path":       "/download/" + id,
		"upload by an address":     o.address() + "/download/" + id + "/grayscale.auto",
		"elsewhere":                u.url("/photo.jpg"),
		"elsewhere with a query":   u.url("/photos/a%20tree,1.jpg?size=large&v=2#top"),
		"elsewhere in other words": u.url("/фото/木.jpg"),
		"elsewhere by its path":    proxied(u.url("/photo.jpg")),
		"elsewhere, percent-coded": "/proxy/_/" + url.QueryEscape(u.url("/photo.jpg")),
	}})
	kinds := o.fetchAll(t, addresses)
	for _, kind := range []string{"address", "next/image", "unpic", "@nuxt/image", "src", "srcset", "background"} {
		if kinds[kind] == 0 {
			t.Errorf("there are no addresses of %s", kind)
		}
	}
	t.Logf("%d addresses: %v", len(addresses), kinds)
}

// Where the server wants signatures, what was signed with a grant is enough for the frameworks.
func TestRemoteSignedClients(t *testing.T) {
	t.Parallel()
	node := frameworks(t)
	const key = "k1:8f0c21d79b0e4c6aa1f3b5d7e90214365879a8b7c6d5e4f30112233445566778"
	u := newUpstream(t)
	o := &origin{t: t, port: freePort(t), admin: freePort(t)}
	o.arguments = append(slices.DeleteFunc(remoteArguments(u.root()), func(a string) bool { return a == "--sign" || a == "off" }), "--sign", "all", "--sign-keys", key)
	o.start()
	id := o.landscape()
	addresses := addressesOf(t, node, map[string]any{"base": o.address(), "key": key, "images": map[string]string{"upload": id, "elsewhere": u.url("/photo.jpg")}})
	kinds := o.fetchAll(t, addresses)
	t.Logf("%d addresses: %v", len(addresses), kinds)
	signature := regexp.MustCompile(`/~[^/]+/`)
	for _, a := range addresses {
		target := strings.TrimPrefix(a.URL, o.address())
		for _, other := range []string{
			signature.ReplaceAllString(target, map[bool]string{true: "/_/", false: "/"}[strings.HasPrefix(target, "/proxy/")]),
			strings.Replace(target, "/resize:", "/blur:9/resize:", 1), strings.Replace(target, "/resize:", "/resize:9000", 1), target[:strings.LastIndex(target, ".")] + ".png",
		} {
			get(t, o.address(), other).must(t, 403, "")
		}
	}
}

// A clientAddress is what a client has made, and the print that it must be. Sizes and types that are not known are missing.
type clientAddress struct {
	What, URL, Type string
	Width, Height   int
}

// addressesOf has clients/addresses.mjs make addresses of images.
func addressesOf(t *testing.T, node string, of map[string]any) (addresses []clientAddress) {
	t.Helper()
	asked, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(node, "addresses.mjs")
	command.Dir, command.Stdin, command.Stderr = "clients", bytes.NewReader(asked), os.Stderr
	command.Env = append(os.Environ(), "NODE_ENV=production")
	told, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(told, &addresses); err != nil || len(addresses) == 0 {
		t.Fatalf("%v: %.300s", err, told)
	}
	return addresses
}

// fetchAll fetches all addresses, and returns how many there are of each kind.
func (o *origin) fetchAll(t *testing.T, addresses []clientAddress) (kinds map[string]int) {
	t.Helper()
	kinds = map[string]int{}
	for _, a := range addresses {
		kinds[strings.Fields(a.What)[0]]++
	}
	const atOnce = 4
	together(atOnce, func(first int) {
		for i := first; i < len(addresses); i += atOnce {
			o.check(t, addresses[i])
		}
	})
	return kinds
}

// check fetches an address and compares the print with what it must be.
func (o *origin) check(t *testing.T, a clientAddress) {
	target, own := strings.CutPrefix(a.URL, o.address())
	got, err := sendTarget(http.MethodGet, o.address(), target, "Accept", "image/webp,*/*;q=0.8")
	switch kind := got.header.Get("Content-Type"); {
	case !own:
		t.Errorf("%s: %s is elsewhere", a.What, a.URL)
	case err != nil || got.status != 200:
		t.Errorf("%s: %s is answered %d, %v: %.300s", a.What, a.URL, got.status, err, got.body)
	case a.Type != "" && kind != a.Type:
		t.Errorf("%s: %s is %s, want %s", a.What, a.URL, kind, a.Type)
	default:
		width, height, err := measured(got.body)
		if err != nil || a.Width > 0 && max(width, a.Width)-min(width, a.Width) > 1 || a.Height > 0 && max(height, a.Height)-min(height, a.Height) > 1 {
			t.Errorf("%s: %s is %d×%d, want %d×%d: %v", a.What, a.URL, width, height, a.Width, a.Height, err)
		}
	}
}

// measured is the size of a picture as its bytes say it. Of AVIF and WebP it reads what the program writes, and no more.
func measured(picture []byte) (width, height int, err error) {
	if at := bytes.Index(picture, []byte("ispe")); at > 0 && len(picture) > at+16 {
		return int(endian.BigEndian.Uint32(picture[at+8:])), int(endian.BigEndian.Uint32(picture[at+12:])), nil
	}
	if len(picture) > 30 && string(picture[8:12]) == "WEBP" {
		little := endian.LittleEndian
		switch string(picture[12:16]) {
		case "VP8 ":
			return int(little.Uint16(picture[26:]) & 0x3fff), int(little.Uint16(picture[28:]) & 0x3fff), nil
		case "VP8L":
			bits := little.Uint32(picture[21:])
			return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1, nil
		case "VP8X":
			return int(little.Uint32(picture[24:])&0xffffff) + 1, int(little.Uint32(picture[26:])>>8) + 1, nil
		}
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(picture))
	return config.Width, config.Height, err
}

// frameworks finds node. Where it or what it runs is missing, the test says so and is skipped.
func frameworks(t *testing.T) (node string) {
	t.Helper()
	node = program(t, "node")
	if _, err := os.Stat(filepath.Join("clients", "node_modules", "next")); err != nil {
		t.Skip("NOTICE: the frameworks are not there; make test-remote fetches them")
	}
	return node
}

// The types that the modules of clients/ declare are those that the frameworks ask for.
func TestRemoteTypesOfClients(t *testing.T) {
	t.Parallel()
	check := exec.Command(frameworks(t), filepath.Join("node_modules", "typescript", "bin", "tsc"), "--project", ".")
	check.Dir = "clients"
	if told, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, told)
	}
}
