package handler

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
)

// Many who send the same file to one upload at once, each where he is told that it has come to, do not disturb each other: in the end there is one image, with the
// bytes that all meant. Some give up amid a request.
func TestManyClientsOfOneUpload(t *testing.T) {
	s := serve(t)
	data := withTail(t)
	for round := range 3 {
		file := s.begin(len(data))
		var clients sync.WaitGroup
		for client := range 6 {
			clients.Go(func() {
				random := rand.New(rand.NewPCG(uint64(round), uint64(client)))
				for {
					status, header, err := s.request("HEAD", file, nil)
					if err != nil || status != 200 && status != 423 {
						t.Errorf("HEAD is answered %d, %v", status, err)
						return
					}
					if header.Get("Content-Location") != "" {
						return
					}
					offset, err := strconv.Atoi(header.Get("Upload-Offset"))
					if status == 423 || err != nil {
						continue
					}
					chunk := data[offset:min(len(data), offset+1+random.IntN(30_000))]
					headers := []string{"Upload-Offset", strconv.Itoa(offset)}
					body := io.Reader(bytes.NewReader(chunk))
					switch random.IntN(4) {
					case 0:
						sum := sha256.Sum256(chunk)
						headers = append(headers, "Upload-Checksum", "sha256 "+base64.StdEncoding.EncodeToString(sum[:]))
					case 1:
						body = io.MultiReader(bytes.NewReader(chunk[:len(chunk)/2]), failing{}) // which has the client cut the connection
					}
					switch status, _, err := s.request("PATCH", file, body, headers...); {
					case err != nil, status == 204, status == 409, status == 423:
					default:
						t.Errorf("PATCH at %d is answered %d", offset, status)
						return
					}
				}
			})
		}
		clients.Wait()
		if got := s.mustGet("/download/" + file[len("/files/"):]); !bytes.Equal(got.body, data) {
			t.Error("the image is another")
		}
		if n := len(s.originals()); n != round+1 {
			t.Errorf("%d images are kept after %d uploads", n, round+1)
		}
	}
	s.wantUploads()
	s.wantNothingSpooled()
}

// failing is the rest of a body that cannot be sent.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fmt.Errorf("the client has enough") }

// request sends a request by the protocol tus, from any goroutine.
func (s *site) request(method, path string, body io.Reader, headers ...string) (status int, header http.Header, err error) {
	request, err := http.NewRequest(method, "http://"+s.host+path, body)
	if err != nil {
		return 0, nil, err
	}
	for i, headers := 0, append(headers, "Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream"); i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header, err
}
