package handler

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/signing"
)

// signPath is where addresses are signed for those who manage images.
const signPath = "/sign"

// signBytes bounds the body of a request for a signature. Addresses are shorter.
const signBytes = 16 << 10

var errBadSign = errors.New("it is not understood what is to be signed")

// signRequest is an address without its signature, and what the signature is to say beside it.
type signRequest struct {
	Address string `json:"address"`
	Expires int64  `json:"expires"` // in seconds since 1970; 0 for never
	Grant   string `json:"grant"`   // what may follow the address; "" for nothing
}

// signAnswer is the address with its signature.
type signAnswer struct {
	Address string `json:"address"`
	Expires int64  `json:"expires,omitempty"`
}

// sign serves POST /sign: an address is signed by the first key of the tenant.
func (h *Handler) sign(ctx *fasthttp.RequestCtx) error {
	body := newUploadBody(ctx, h.options.UploadPause, h.options.allowance)
	asked, err := readSign(string(ctx.Request.Header.ContentType()), body)
	if err == nil {
		asked.Address, err = h.tenantOf(ctx).sign(asked)
	}
	if err == nil {
		ctx.Response.Header.Set("Cache-Control", "no-store")
		err = sendJSON(ctx, fasthttp.StatusOK, signAnswer{Address: asked.Address, Expires: asked.Expires})
	}
	if body.ended {
		return err
	}
	if err != nil {
		h.fail(ctx, err)
	}
	return linger(ctx)
}

// readSign reads what is to be signed.
func readSign(contentType string, body io.Reader) (asked signRequest, err error) {
	err = readJSON(contentType, body, signBytes, &asked, errBadSign, `such as {"address": "/download/ID/resize:640.webp", "expires": 1800003600}`)
	if err == nil && asked.Expires != 0 && asked.Expires <= time.Now().Unix() {
		err = fmt.Errorf("%w: expires is a second since 1970 that is still to come, or 0 for never, not %d", errBadSign, asked.Expires)
	}
	return asked, err
}

// sign returns an address with its signature. Nothing is signed that could not be answered if there is such an image.
func (t *Tenant) sign(asked signRequest) (string, error) {
	signed, err := t.Keys.Sign(asked.Address, signing.Terms{Expires: asked.Expires, Grant: asked.Grant})
	if errors.Is(err, signing.ErrNone) {
		return "", err
	}
	if err == nil {
		route := downloadRoute
		if strings.HasPrefix(signed, proxyRoute) {
			route = proxyRoute
		}
		rest, _ := signing.Cut([]byte(signed))
		_, err = parseBelow(route, rest, true)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", errBadSign, err)
	}
	return signed, nil
}
