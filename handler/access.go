package handler

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"calotype/handler/token"
)

// Access says who may change what a server keeps, or see all of it. Prints and originals are for all who know their
// addresses. The zero value admits nobody.
type Access struct {
	// Tokens are the secrets that admit whoever sends one; nil if there are none.
	Tokens *token.Set
	// Open admits everyone, if there are no tokens.
	Open bool
	// Loopback says that only this machine reaches the listener, as far as the operator says. Who asks from it is then
	// admitted without a token, unless a proxy does.
	Loopback bool
}

// access is who may use a route. The zero value is the strictest, so that a route that does not say is not open.
type access int

const (
	managed       access = iota // for those whom Access admits: uploads, lists, deletions, purges
	publicIfNamed               // for everyone if the query names an image; else it is a list
	public                      // for everyone
)

// The reasons for which a client is not admitted.
var (
	errNoToken    = errors.New("a token is needed")
	errNeedsToken = errors.New("nothing is uploaded, listed or deleted here without a token")
	errCrossSite  = errors.New("a page of another site asks for this")
)

// signInPath is for browsers without scripts: they ask for the token as a password there, and send it to all other addresses after that.
const signInPath = "/sign-in"

// signIn leads on who is admitted.
func (h *Handler) signIn(ctx *fasthttp.RequestCtx) error {
	return h.home(ctx)
}

// The challenges of an answer 401: for programs and scripts, and for people, whose browser then asks them for a password.
const (
	challengeBearer = `Bearer realm="calotype"`
	challengeBasic  = `Basic realm="Calotype: the password is the token", charset="UTF-8"`
)

// challenge tells how to send a token. Browsers would ask for a password whatever it is that is not admitted, also where a page asks by itself.
func challenge(ctx *fasthttp.RequestCtx) {
	header := &ctx.Response.Header
	header.Add("WWW-Authenticate", challengeBearer)
	if string(pathOf(ctx)) == signInPath {
		header.Add("WWW-Authenticate", challengeBasic)
	}
}

// Wrong tokens that a client may send in a time.
const (
	maxAttempts   = 20
	attemptWindow = time.Minute
)

// admit returns nil if whoever sends a request may do what has the given access. It reads the head of the request only.
func (h *Handler) admit(ctx *fasthttp.RequestCtx, a access) error {
	if a == public || a == publicIfNamed && namesImage(ctx) {
		return nil
	}
	who := h.tenantOf(ctx).Access
	switch {
	case who.Tokens != nil:
		byBrowser, err := h.checkToken(ctx, who.Tokens)
		if err != nil || !byBrowser {
			return err
		}
	case who.Open:
	case h.tenantOf(ctx).Name != "":
		return fmt.Errorf("%w: whoever runs this server has to give this tenant one", errNeedsToken)
	case !who.Loopback:
		return fmt.Errorf("%w: whoever runs this server has to set --token, or --open to let everyone", errNeedsToken)
	case !fromThisMachine(ctx):
		return fmt.Errorf("%w but from this machine, and this request came by a proxy or asks for another host: whoever runs this server has to set --token, or --open to let everyone", errNeedsToken)
	}
	if !ctx.IsGet() && !ctx.IsHead() && fromOtherSite(ctx) && !h.allowsUploader(ctx) {
		return errCrossSite
	}
	return nil
}

// checkToken looks for a token in the Authorization header. byBrowser tells that it came as a password, which a browser sends
// with every request to this server, whichever page has made it do so.
func (h *Handler) checkToken(ctx *fasthttp.RequestCtx, tokens *token.Set) (byBrowser bool, err error) {
	scheme, credentials, _ := bytes.Cut(ctx.Request.Header.Peek("Authorization"), []byte(" "))
	credentials = bytes.Trim(credentials, " ")
	switch {
	case bytes.EqualFold(scheme, []byte("Bearer")):
	case bytes.EqualFold(scheme, []byte("Basic")):
		byBrowser = true
		credentials = passwordOf(credentials)
	default:
		return false, fmt.Errorf("%w: Authorization: Bearer, or as the password", errNoToken)
	}
	client := h.clientOf(ctx)
	if err := h.attempts.Allow(client); err != nil {
		return byBrowser, err
	}
	if !tokens.Has(credentials) {
		h.attempts.Count(client)
		return byBrowser, fmt.Errorf("%w, and this is none", errNoToken)
	}
	return byBrowser, nil
}

// passwordOf returns the password of the credentials of the scheme Basic (RFC 7617), whatever the name of the user; nil if
// there is none.
func passwordOf(credentials []byte) []byte {
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(credentials)))
	n, err := base64.StdEncoding.Decode(decoded, credentials)
	if err != nil {
		return nil
	}
	_, password, _ := bytes.Cut(decoded[:n], []byte(":"))
	return password
}

// proxyHeaders are set by proxies, and by nobody else.
var proxyHeaders = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// fromThisMachine tells whether a request on a loopback listener was made on this machine, and meant for it. It was not if a
// proxy has passed it on: by its headers, by the host that it asks for, or by HTTP/1.0, which is what nginx speaks
// unless told otherwise, while it keeps all else to itself. Nor was it if a page of another site has made a browser send it,
// by having the name of its own host lead to this machine (DNS rebinding): that name is then the host.
func fromThisMachine(ctx *fasthttp.RequestCtx) bool {
	if !ipOf(ctx.RemoteAddr()).IsLoopback() || !ctx.Request.Header.IsHTTP11() {
		return false
	}
	for _, name := range proxyHeaders {
		if ctx.Request.Header.Peek(name) != nil {
			return false
		}
	}
	return namesLoopback(string(ctx.Host()))
}

// namesLoopback tells whether the host of a request, with or without a port, is this machine by its very name.
func namesLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback() || strings.EqualFold(host, "localhost")
}

// fromOtherSite tells whether a browser sends a request for a page of another site. It says so in Sec-Fetch-Site, or, where it is
// old or does not trust the connection, by another host in Origin. Programs say nothing.
func fromOtherSite(ctx *fasthttp.RequestCtx) bool {
	switch site := ctx.Request.Header.Peek("Sec-Fetch-Site"); string(site) {
	case "same-origin", "none":
		return false
	case "":
	default:
		return true
	}
	origin := ctx.Request.Header.Peek("Origin")
	if len(origin) == 0 {
		return false
	}
	_, host, _ := bytes.Cut(origin, []byte("://"))
	return !bytes.EqualFold(host, ctx.Host())
}
