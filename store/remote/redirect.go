package remote

import (
	"fmt"
	"io"
	"net/http"
)

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow returns where a redirect leads to, if that may be asked for. Its errors do not say where that is: the client need not know.
func (f *Fetcher) follow(r Request, response *Response, location string) (next Source, err error) {
	from := response.Final
	if len(response.Redirects) == mostRedirects {
		return next, &failure{kind: ErrOrigin, what: fmt.Sprintf("it redirects more than %d times", mostRedirects)}
	}
	if location == "" {
		return next, &failure{kind: ErrOrigin, what: "it redirects without saying where"}
	}
	refused := func(what string, cause error) error {
		return &failure{kind: ErrNotAllowed, what: "it redirects to " + what, cause: cause}
	}
	u, err := from.URL().Parse(location)
	if err == nil {
		next, err = ParseSource(u.String())
	}
	if err != nil {
		return next, refused("what is not a source", err)
	}
	if from.scheme == "https" && next.scheme != "https" {
		return next, refused("a connection that is not encrypted", nil)
	}
	if err := f.check(next, r.Allowed); err != nil {
		return next, refused("what is not allowed", fmt.Errorf("%s: %w", next, err))
	}
	visited := append([]Redirect{{From: from}}, response.Redirects...)
	for _, earlier := range visited {
		if earlier.From == next {
			return next, &failure{kind: ErrOrigin, what: "it redirects in a circle"}
		}
	}
	return next, nil
}

// drop closes the body of an answer that nobody reads. A short one is read, so that the connection can be used again.
func drop(answer *http.Response) {
	const short = 4 << 10
	if answer.ContentLength >= 0 && answer.ContentLength <= short {
		io.Copy(io.Discard, answer.Body)
	}
	answer.Body.Close()
}
