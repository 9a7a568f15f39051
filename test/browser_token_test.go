//go:build browser

package test

import (
	"bytes"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// A logFile is what a program has logged, which other goroutines read.
type logFile struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *logFile) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// keptInTab is what the tab has in its two stores and in its cookies.
type keptInTab struct {
	Session, Local, Cookies string
}

func (v *visitor) keeps() keptInTab {
	v.t.Helper()
	return script[keptInTab](v, `const {"calotype-tab": name, ...session} = sessionStorage; // the upload page gives the tab a name
		return {Session: JSON.stringify(session), Local: JSON.stringify({...localStorage}), Cookies: document.cookie}`)
}

// A token is asked for once in a tab, on whatever page, and is then good for all pages until it is forgotten or the tab is closed. It stands in no
// address, no log, no cookie and no store that lives longer.
func TestBrowserTokenIsKeptForTheTab(t *testing.T) {
	log := &logFile{}
	s, command := startIn(t, t.TempDir(), log, "--token", browserToken)
	t.Cleanup(func() {
		if command.ProcessState == nil {
			stop(t, command)
		}
	})
	root := "http://" + s.address
	id := sendSamples(t, root, browserToken, "landscape.jpg")[0]
	v := visit(t, root, 1440, 900)
	traffic := v.follow()
	locked, open := chromedp.WaitVisible(`#locked`), chromedp.WaitVisible(`#forget`)
	v.do(chromedp.Navigate(root+"/download"), locked)
	v.refused(401)
	if kept := v.keeps(); kept != (keptInTab{"{}", "{}", ""}) {
		t.Errorf("before a token was given the tab keeps %+v", kept)
	}

	// What is no token at all is not sent, and a wrong one is told.
	give := func(value string) {
		t.Helper()
		v.do(chromedp.Evaluate[chromedp.Void](`document.querySelector("#locked input").value = ""`), chromedp.SendKeys(`#locked input`, value), chromedp.Click(`#locked button`))
	}
	give("not-the-token-of-the-tests")
	v.do(chromedp.WaitVisible(`//*[@id="locked-why"][contains(., "does not know this token")]`))
	v.refused(401)
	if kept := v.keeps(); kept.Session != "{}" {
		t.Errorf("a wrong token is kept: %+v", kept)
	}

	// The right one opens the page, at the same address.
	give(" " + browserToken + " ")
	v.do(open, chromedp.WaitVisible(`a[download] img`))
	v.look("token-gallery")
	if at := ask(v, chromedp.Location()); at != root+"/download" {
		t.Errorf("the page is at %s", at)
	}
	want := keptInTab{`{"calotype-token":"` + browserToken + `"}`, "{}", ""}
	if kept := v.keeps(); kept != want {
		t.Errorf("the tab keeps %+v", kept)
	}

	// It is not asked for again: on other pages, after a link, a step back, or when a page is loaded anew.
	for _, page := range []struct{ name, path, shows string }{
		{"upload", "/upload-image", `main button`}, {"playground", "/playground/" + id, `main img`}, {"choice", "/playground", `main a`}, {"reference", "/docs", `#crop`}, {"gallery", "/download?exts=jpeg", `a[download] img`},
	} {
		v.do(chromedp.Navigate(root+page.path), open, chromedp.WaitVisible(page.shows))
		v.allowed(401)
		v.look("token-" + page.name)
	}
	v.do(chromedp.Click(`header a[href="/upload-image"]`), chromedp.WaitVisible(`main button`), open)
	v.do(chromedp.NavigateBack(), chromedp.WaitVisible(`a[download] img`), open)
	v.do(chromedp.Reload(), chromedp.WaitVisible(`a[download] img`), open)
	v.allowed(401)
	v.look("token-again")
	if kept := v.keeps(); kept != want {
		t.Errorf("then the tab keeps %+v", kept)
	}

	// Whoever has it forgotten is asked again.
	v.do(chromedp.Click(`#forget`), locked)
	v.refused(401)
	if kept := v.keeps(); kept.Session != "{}" {
		t.Errorf("what is forgotten is kept: %+v", kept)
	}

	traffic.mutex.Lock()
	defer traffic.mutex.Unlock()
	sent := 0
	for _, address := range traffic.asked {
		if strings.Contains(address, browserToken) {
			t.Errorf("the token stands in the address %s", address)
		}
	}
	for _, head := range traffic.heads {
		field := `"authorization":"bearer ` + browserToken + `"`
		head = strings.ToLower(head)
		sent += strings.Count(head, field)
		if rest := strings.ReplaceAll(head, field, ""); strings.Contains(rest, browserToken) {
			t.Errorf("the token stands in a request: %s", rest)
		}
	}
	if sent < 5 {
		t.Errorf("%d requests have the token", sent)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Contains(text, browserToken) || !strings.Contains(text, "stopping") {
		t.Errorf("the log has the token, or is none: %s", text)
	}
}

// signInWith fills in the browser's own dialog when it comes.
func (v *visitor) signInWith(user, password string) {
	v.t.Helper()
	err := chromedp.Listen(v.ctx, func(event any) {
		switch e := event.(type) {
		case *fetch.EventRequestPaused:
			go chromedp.Call(v.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: e.RequestID})
		case *fetch.EventAuthRequired:
			answer := &fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseProvideCredentials, Username: user, Password: password}
			go chromedp.Call(v.ctx, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{RequestID: e.RequestID, AuthChallengeResponse: answer})
		}
	})
	if err != nil {
		v.t.Fatal(err)
	}
	asks := true
	if _, err := chromedp.Call(v.ctx, fetch.Enable, fetch.EnableParams{HandleAuthRequests: &asks}); err != nil {
		v.t.Fatal(err)
	}
}

// Who guesses is told to wait, and for how long.
func TestBrowserTellsOfTooManyWrongTokens(t *testing.T) {
	root := serve(t, "--token", browserToken, "--trusted", "127.0.0.0/8")
	v := visit(t, root, 360, 740)
	// As behind a proxy: whoever asks from this machine itself is not counted.
	v.follow()
	if _, err := chromedp.Call(v.ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"X-Forwarded-For": "192.0.2.7"}}); err != nil {
		t.Fatal(err)
	}
	v.do(chromedp.Navigate(root+"/upload-image"), chromedp.WaitVisible(`#locked`))
	statuses := script[[]int](v, `
		const statuses = [];
		for (let i = 0; i < 22; i++) statuses.push((await fetch("/images", {headers: {Authorization: "Bearer wrong-" + i + "-wrong-wrong"}})).status);
		return statuses`)
	if len(statuses) != 22 || statuses[0] != 401 || statuses[21] != 429 {
		t.Errorf("wrong tokens are answered with %v", statuses)
	}
	v.do(chromedp.SendKeys(`#locked input`, browserToken), chromedp.Click(`#locked button`), chromedp.WaitVisible(`//*[@id="locked-why"][contains(., "too many wrong tokens")]`))
	v.refused(429)
	v.allowed(401)
	v.look("token-too-many")
	if kept := v.keeps(); kept.Session != "{}" {
		t.Errorf("it is kept: %+v", kept)
	}
}

// A browser without scripts asks by itself at an address of its own, and is led on.
func TestBrowserWithoutScriptsSignsIn(t *testing.T) {
	root := serve(t, "--token", browserToken)
	v := visit(t, root, 800, 600)
	v.withoutScripts()
	v.do(chromedp.Navigate(root+"/upload-image"), chromedp.WaitVisible(`a[href="/sign-in"]`))
	v.refused(401)
	v.look("token-without-scripts")
	v.signInWith("anybody", browserToken)
	v.do(chromedp.Click(`a[href="/sign-in"]`), chromedp.WaitVisible(`main button`))
	v.allowed(401)
	if at := ask(v, chromedp.Location()); at != root+"/upload-image" {
		t.Errorf("it leads to %s", at)
	}
	v.do(chromedp.Navigate(root+"/download"), chromedp.WaitVisible(`.empty`))
	v.look("token-without-scripts-gallery")
}
