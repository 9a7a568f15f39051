package handler

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"

	"calotype/docs"
	"calotype/web"
)

// assetRoute is how the addresses of scripts, styles and samples begin.
const assetRoute = "/assets/"

// An asset is a file that pages load. Its path changes with its content, so that it may be kept for ever.
type asset struct {
	path      string
	mediaType string
	body      *compressed
}

// The files that are built into the program, by their names and by their paths.
var assetsByName, assetsByPath = func() (byName, byPath map[string]*asset) {
	byName, byPath = map[string]*asset{}, map[string]*asset{}
	for folder, files := range map[string]fs.FS{"": web.Files, sampleFolder: docs.Samples} {
		err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			body, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			a := newAsset(folder+name, body)
			byName[folder+name], byPath[a.path] = a, a
			return nil
		})
		if err != nil {
			panic(err) // they are embedded
		}
	}
	return byName, byPath
}()

// mediaTypes are those of assets, whatever the machine says of their extensions.
var mediaTypes = map[string]string{
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
	".jpg":  "image/jpeg",
	".png":  "image/png",
	".webp": "image/webp",
}

func newAsset(name string, body []byte) *asset {
	extension := path.Ext(name)
	sum := sha256.Sum256(body)
	return &asset{
		path:      assetRoute + strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:4]) + extension,
		mediaType: mediaTypes[extension],
		body:      compress(body),
	}
}

// assetPath returns where a page finds the asset of this name. A page that names another cannot be made.
func assetPath(name string) (string, error) {
	a, known := assetsByName[name]
	if !known {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return a.path, nil
}

// sendAsset serves a script, a style sheet or a picture, whose name tells its content.
func (h *Handler) sendAsset(ctx *fasthttp.RequestCtx) error {
	a, known := assetsByPath[string(pathOf(ctx))]
	if !known {
		return errNoRoute
	}
	header := &ctx.Response.Header
	header.SetContentType(a.mediaType)
	header.Set("Cache-Control", keepAsset)
	header.Set("X-Content-Type-Options", "nosniff")
	if strings.HasPrefix(a.mediaType, "image/") {
		ctx.Response.SetBodyRaw(a.body.plain) // as small as it gets
		return nil
	}
	a.body.send(ctx)
	return nil
}

// compressed is a text that is sent as small as the client takes it. Each form is made when it is first asked for.
type compressed struct {
	plain        []byte
	brotli, gzip func() []byte
}

func compress(plain []byte) *compressed {
	return &compressed{
		plain: plain,
		brotli: sync.OnceValue(func() []byte {
			return fasthttp.AppendBrotliBytesLevel(nil, plain, fasthttp.CompressBrotliBestCompression)
		}),
		gzip: sync.OnceValue(func() []byte { return fasthttp.AppendGzipBytesLevel(nil, plain, fasthttp.CompressBestCompression) }),
	}
}

// send makes the text the body of an answer.
func (c *compressed) send(ctx *fasthttp.RequestCtx) {
	header := &ctx.Response.Header
	varyBy(header, "Accept-Encoding")
	switch accepted := &ctx.Request.Header; {
	case accepted.HasAcceptEncoding("br"):
		header.Set("Content-Encoding", "br")
		ctx.Response.SetBodyRaw(c.brotli())
	case accepted.HasAcceptEncoding("gzip"):
		header.Set("Content-Encoding", "gzip")
		ctx.Response.SetBodyRaw(c.gzip())
	default:
		ctx.Response.SetBodyRaw(c.plain)
	}
}
