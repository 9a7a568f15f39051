//go:build cdn || servers

package test

import (
	"bytes"
	"net/http"
	"testing"
)

// askTus sends a request by the protocol tus.
func askTus(t *testing.T, method, address string, body []byte, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i, headers := 0, append(headers, "Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream"); i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}
