//go:build remote

package test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	endian "encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"time"
)

// A misbehaviour is what a hostile or broken upstream does, and what the program must make of it.
type misbehaviour struct {
	behaviour
	want   []int                         // statuses of the answer, of which one is right
	most   int64                         // connections that the program may make for it; 0 means two
	secure func(u *upstream) *tls.Config // its TLS, if it has any
}

// What is wrong with an upstream.
var (
	served     = []int{200}      // nothing, in the end
	broken     = []int{502}      // what it says is no answer to the request
	slow       = []int{504}      // it takes too long
	tooLarge   = []int{422}      // it has no end, or says so
	noImage    = []int{415}      // it has no image
	damaged    = []int{415, 422} // it has a damaged one
	missing    = []int{404}      // it has none
	unlikely   = []int{200, 502} // what is against the standard, and harmless
	brokenSlow = []int{502, 504} // both
)

// misbehaviours are all of upstreams that speak without TLS. None of what leads elsewhere may make a connection to trap.
func misbehaviours(trap string) []misbehaviour {
	photo := thePhoto()
	half := len(photo) / 2
	var all []misbehaviour
	add := func(want []int, name string, do func(e *exchange)) {
		all = append(all, misbehaviour{behaviour: behaviour{name: name, do: do}, want: want})
	}
	early := func(want []int, name string, do func(e *exchange)) {
		all = append(all, misbehaviour{behaviour: behaviour{name: name, do: do, early: true}, want: want})
	}
	// says is a behaviour that is a text.
	says := func(want []int, name string, parts ...any) {
		add(want, name, func(e *exchange) { e.say(parts...) })
	}

	// Slow.
	add(slow, "a byte of the body now and then", func(e *exchange) {
		e.say(withLength(len(photo)))
		for _, b := range photo {
			if !e.say([]byte{b}) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	add(slow, "a byte of the head now and then", func(e *exchange) {
		for _, b := range []byte(withLength(len(photo))) {
			if !e.say([]byte{b}) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	add(slow, "a header now and then, for ever", func(e *exchange) {
		e.say("HTTP/1.1 200 OK\r\n")
		e.flood(100*time.Millisecond, "X-Padding: x\r\n")
	})
	add(slow, "takes the request and says nothing", func(e *exchange) { e.linger() })
	early(slow, "takes the connection and reads nothing", func(e *exchange) { time.Sleep(remoteTimeout + 2*time.Second) })
	add(slow, "stops in the body", func(e *exchange) {
		e.say(withLength(len(photo)), photo[:half])
		e.linger()
	})
	add(slow, "stops in the head", func(e *exchange) {
		e.say("HTTP/1.1 200 OK\r\nContent-Ty")
		e.linger()
	})
	add(served, "thinks for a second", func(e *exchange) {
		time.Sleep(time.Second)
		e.photo()
	})
	add(served, "two pieces, with a pause between", func(e *exchange) {
		e.say(withLength(len(photo)), photo[:half])
		time.Sleep(500 * time.Millisecond)
		e.say(photo[half:])
	})

	// Without end.
	add([]int{422, 502}, "an endless body", func(e *exchange) {
		e.say(fetched(), photo)
		e.flood(0, strings.Repeat("\x00", 1<<16))
	})
	add(tooLarge, "endless chunks", func(e *exchange) {
		e.say(fetched("Transfer-Encoding: chunked"), chunk(photo))
		e.flood(0, chunk(make([]byte, 1<<16)))
	})
	add(tooLarge, "a length of a petabyte", func(e *exchange) {
		e.say(withLength(1<<50), photo)
		e.linger()
	})
	says(tooLarge, "a byte more than is allowed", withLength(remoteLargest+1), photo, strings.Repeat("\x00", remoteLargest+1-len(photo)))
	add(broken, "endless headers", func(e *exchange) {
		e.say("HTTP/1.1 200 OK\r\n")
		e.flood(0, "X-Padding: "+strings.Repeat("x", 1000)+"\r\n")
	})
	add(broken, "one endless header", func(e *exchange) {
		e.say("HTTP/1.1 200 OK\r\nX-Padding: ")
		e.flood(0, strings.Repeat("x", 1<<16))
	})
	add(broken, "an endless status line", func(e *exchange) {
		e.say("HTTP/1.1 200 ")
		e.flood(0, strings.Repeat("x", 1<<16))
	})
	add(broken, "endless 100 Continue", func(e *exchange) { e.flood(0, "HTTP/1.1 100 Continue\r\n\r\n") })
	add(brokenSlow, "102 Processing now and then, for ever", func(e *exchange) { e.flood(100*time.Millisecond, "HTTP/1.1 102 Processing\r\n\r\n") })
	add(broken, "an endless extension of a chunk", func(e *exchange) {
		e.say(fetched("Transfer-Encoding: chunked"), "5;")
		e.flood(0, strings.Repeat("x", 1<<16))
	})
	add(unlikely, "endless trailers", func(e *exchange) {
		e.say(fetched("Transfer-Encoding: chunked"), chunk(photo), "0\r\n")
		e.flood(0, "X-Padding: "+strings.Repeat("x", 1000)+"\r\n")
	})

	// Ends early.
	early(broken, "closes at once", func(e *exchange) {})
	early(broken, "resets at once", func(e *exchange) { e.reset() })
	add(broken, "closes after the request", func(e *exchange) {})
	add(broken, "resets after the request", func(e *exchange) { e.reset() })
	says(broken, "closes in the status line", "HTTP/1.1 20")
	says(broken, "closes in a header", "HTTP/1.1 200 OK\r\nContent-Type: ima")
	says(broken, "closes before the empty line", "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n")
	says(broken, "closes before the body", withLength(len(photo)))
	says(broken, "closes in the body", withLength(len(photo)), photo[:half])
	says(broken, "closes before the last byte", withLength(len(photo)), photo[:len(photo)-1])
	add(broken, "resets in the body", func(e *exchange) {
		e.say(withLength(len(photo)), photo[:half])
		time.Sleep(100 * time.Millisecond)
		e.reset()
	})
	says(broken, "closes in a chunk", fetched("Transfer-Encoding: chunked"), fmt.Sprintf("%x\r\n", len(photo)), photo[:half])
	says(broken, "closes before the last chunk", fetched("Transfer-Encoding: chunked"), chunk(photo))
	says(damaged, "half a photo, as if it were whole", withLength(half), photo[:half])
	says([]int{415, 422, 502}, "half a photo, with no length", fetched(), photo[:half])

	// Lies about lengths.
	says(damaged, "a length that is too small", withLength(half), photo)
	says(broken, "a length that is too large", withLength(2*len(photo)), photo)
	says(noImage, "a length of nothing", withLength(0), photo)
	says(broken, "a negative length", fetched("Content-Length: -1"), photo)
	says(broken, "a length with a sign", fetched(fmt.Sprintf("Content-Length: +%d", len(photo))), photo)
	says(broken, "a length in words", fetched("Content-Length: many"), photo)
	says(broken, "a length beyond all numbers", fetched("Content-Length: 99999999999999999999999"), photo)
	says(broken, "two lengths", withLength(len(photo), "Content-Length: 10"), photo)
	says(unlikely, "the same length twice", withLength(len(photo), fmt.Sprintf("Content-Length: %d", len(photo))), photo)
	says(unlikely, "a length and chunks", withLength(10, "Transfer-Encoding: chunked"), chunk(photo), "0\r\n\r\n")
	says(served, "chunks", fetched("Transfer-Encoding: chunked"), chunk(photo[:half]), chunk(photo[half:]), "0\r\n\r\n")
	says(served, "chunks with trailers", fetched("Transfer-Encoding: chunked", "Trailer: X-Sum, Content-Type"), chunk(photo), "0\r\nX-Sum: 1\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\n\r\n")
	says(unlikely, "no length", fetched(), photo)
	says(broken, "a chunk of no number", fetched("Transfer-Encoding: chunked"), "zz\r\n", photo)
	says(broken, "a chunk of a negative size", fetched("Transfer-Encoding: chunked"), "-5\r\n", photo)
	says(broken, "a chunk beyond all numbers", fetched("Transfer-Encoding: chunked"), "ffffffffffffffffff\r\n", photo)
	says(broken, "a chunk that is longer than it says", fetched("Transfer-Encoding: chunked"), "5\r\n", photo, "\r\n0\r\n\r\n")
	says(broken, "an unknown transfer encoding", fetched("Transfer-Encoding: sausages"), photo)
	says(broken, "two transfer encodings", fetched("Transfer-Encoding: gzip, chunked"), chunk(photo), "0\r\n\r\n")

	// Encodings that were not asked for.
	says([]int{200, 502}, "gzip, declared", withLength(len(gzipped(photo)), "Content-Encoding: gzip"), gzipped(photo))
	says(noImage, "gzip, undeclared", withLength(len(gzipped(photo))), gzipped(photo))
	says(broken, "gzip, declared twice", withLength(len(gzipped(gzipped(photo))), "Content-Encoding: gzip, gzip"), gzipped(gzipped(photo)))
	says(broken, "brotli, declared, of something else", withLength(len(photo), "Content-Encoding: br"), photo)
	says(served, "identity, declared", withLength(len(photo), "Content-Encoding: identity"), photo)
	add([]int{422, 502}, "a bomb in gzip", func(e *exchange) {
		e.say(fetched("Content-Encoding: gzip"))
		for range 64 { // 4 GiB of zeros
			if !e.say(gzippedZeros()) {
				return
			}
		}
	})

	// Statuses.
	says(served, "103 first", "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n", withLength(len(photo)), photo)
	says(broken, "101 that nobody asked for", head("101 Switching Protocols", "Upgrade: websocket"), photo)
	says(broken, "206 that nobody asked for", head("206 Partial Content", "Content-Type: image/jpeg", fmt.Sprintf("Content-Length: %d", half),
		fmt.Sprintf("Content-Range: bytes 0-%d/%d", half-1, len(photo))), photo[:half])
	says(broken, "206 that says it is all", head("206 Partial Content", "Content-Type: image/jpeg", fmt.Sprintf("Content-Length: %d", len(photo)),
		fmt.Sprintf("Content-Range: bytes 0-%d/%d", len(photo)-1, len(photo))), photo)
	says(broken, "201", head("201 Created", fmt.Sprintf("Content-Length: %d", len(photo))), photo)
	says(broken, "202", head("202 Accepted", "Content-Length: 0"))
	says(broken, "203 of half a photo", head("203 Non-Authoritative Information", fmt.Sprintf("Content-Length: %d", half)), photo[:half])
	says(broken, "204", head("204 No Content"))
	says(broken, "205", head("205 Reset Content", "Content-Length: 0"))
	says(broken, "226", head("226 IM Used", fmt.Sprintf("Content-Length: %d", len(photo))), photo)
	says(broken, "304 that nobody asked for", head("304 Not Modified", `ETag: "a"`))
	says(broken, "300 without a place", head("300 Multiple Choices", "Content-Length: 0"))
	says(broken, "a status of three nines", head("999 Denied", "Content-Length: 0"))
	says(broken, "a status of two digits", head("20 OK", "Content-Length: 0"))
	says(broken, "a status in words", head("fine OK", "Content-Length: 0"))
	says(broken, "a status with a sign", head("+200 OK", "Content-Length: 0"))
	says(missing, "404", head("404 Not Found", "Content-Type: image/jpeg", fmt.Sprintf("Content-Length: %d", len(photo))), photo)
	says([]int{404, 410}, "410", head("410 Gone", "Content-Length: 0"))
	for _, status := range []string{"400 Bad Request", "401 Unauthorized", "402 Payment Required", "403 Forbidden", "405 Method Not Allowed", "407 Proxy Authentication Required", "418 I'm a teapot", "451 Unavailable For Legal Reasons"} {
		says([]int{502, 403, 404}, status, head(status, "WWW-Authenticate: Basic realm=x", "Proxy-Authenticate: Basic realm=x", fmt.Sprintf("Content-Length: %d", len(photo))), photo)
	}
	for _, status := range []string{"429 Too Many Requests", "503 Service Unavailable"} {
		says([]int{502, 503}, status+", for two seconds", head(status, "Retry-After: 2", "Content-Length: 0"))
	}
	says([]int{502, 503}, "503 until long after the end of the world", head("503 Service Unavailable", "Retry-After: 99999999999999999999", "Content-Length: 0"))
	for _, status := range []string{"500 Internal Server Error", "501 Not Implemented", "502 Bad Gateway", "504 Gateway Timeout"} {
		says(broken, status, head(status, "Content-Type: image/jpeg", fmt.Sprintf("Content-Length: %d", len(photo)), "Cache-Control: max-age=31536000"), photo)
	}

	// Redirects.
	add(broken, "a redirect to itself", func(e *exchange) { e.say(head("302 Found", "Location: "+e.target, "Content-Length: 0")) })
	all[len(all)-1].most = 4
	add(broken, "redirects without end", func(e *exchange) {
		e.say(head("301 Moved Permanently", "Location: "+e.target+"x", "Content-Length: 0"))
	})
	all[len(all)-1].most = 4
	add(served, "three redirects", func(e *exchange) {
		if strings.Count(e.target, "x") < 3 {
			e.say(head("307 Temporary Redirect", "Location: "+e.target+"x", "Content-Length: 0", "Cache-Control: max-age=60"))
			return
		}
		e.photo()
	})
	all[len(all)-1].most = 4
	says(broken, "a redirect without a place", head("302 Found", "Content-Length: 0"))
	says([]int{403, 502}, "a redirect to nothing that is an address", head("302 Found", "Location: http://[::1", "Content-Length: 0"))
	for _, place := range []string{
		"file:///etc/passwd", "ftp://127.0.0.1/photo.jpg", "gopher://127.0.0.1:70/1", "data:image/gif;base64,R0lGODlhAQABAAAAACw=", "javascript:alert(1)", "s3://bucket/photo.jpg", "local:///photo.jpg",
		trap + "/photo.jpg", "//" + strings.TrimPrefix(trap, "http://") + "/photo.jpg", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://[::ffff:10.0.0.1]/", "http://0/", "http://127.1/", "http://2130706433/",
		"http://localhost/", "http://user:secret@127.0.0.1/photo.jpg", "unix:///run/docker.sock", "http:///photo.jpg",
	} {
		says([]int{403, 502}, "a redirect to "+place, head("302 Found", "Location: "+place, "Content-Length: 0"))
	}

	// Not HTTP, or not quite.
	says(broken, "HTTP/0.9", photo)
	says(broken, "another protocol", "220 mail.example.org ESMTP ready\r\n")
	says(broken, "HTTP/2 without being asked", "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	says(unlikely, "HTTP/9.9", strings.Replace(withLength(len(photo)), "HTTP/1.1", "HTTP/9.9", 1), photo)
	says(unlikely, "HTTP/1.0", strings.Replace(withLength(len(photo)), "HTTP/1.1", "HTTP/1.0", 1), photo)
	says(unlikely, "line feeds alone", strings.ReplaceAll(withLength(len(photo)), "\r\n", "\n"), photo)
	says(broken, "NUL in a header", withLength(len(photo), "X-Odd: a\x00b"), photo)
	says(broken, "NUL in the name of a header", withLength(len(photo), "X-O\x00dd: a"), photo)
	says(broken, "a header without a colon", withLength(len(photo), "What is this"), photo)
	says(broken, "a space before the colon", fetched(fmt.Sprintf("Content-Length : %d", len(photo))), photo)
	says(unlikely, "a header on two lines", withLength(len(photo), "X-Odd: a\r\n b"), photo)
	says(unlikely, "a carriage return in a header", withLength(len(photo), "X-Odd: a\rSet-Cookie: b=c"), photo)
	says(served, "a second answer behind the first", withLength(len(photo)), photo, head("200 OK", "Content-Length: 3"), "abc")

	// Lies about what it is.
	says(served, "a JPEG as PNG", strings.Replace(withLength(len(photo)), "image/jpeg", "image/png", 1), photo)
	says(served, "a JPEG as HTML", strings.Replace(withLength(len(photo)), "image/jpeg", "text/html", 1), photo)
	says(served, "a JPEG as nothing that is a type", strings.Replace(withLength(len(photo)), "image/jpeg", "\"><script>", 1), photo)
	says(served, "no type", strings.Replace(withLength(len(photo)), "Content-Type: image/jpeg\r\n", "", 1), photo)
	for name, body := range map[string]string{
		"HTML": "<!doctype html><title>Not found</title><script>alert(1)</script>", "SVG": `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"a PDF": "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF", "PostScript": "%!PS\n(%pipe%id) (r) file\n", "an MVG": "push graphic-context\nimage over 0,0 0,0 'http://127.0.0.1/'\n",
		"zeros": strings.Repeat("\x00", 100_000), "the head of a JPEG alone": "\xff\xd8\xff\xe0", "one byte": "x", "an archive": "PK\x03\x04" + strings.Repeat("\x00", 1000), "a playlist": "#EXTM3U\nfile:///etc/passwd\n",
	} {
		says(damaged, name+" as JPEG", withLength(len(body)), body)
	}

	// Images that are built to hurt.
	for name, image := range map[string]string{
		"a PNG of four billion pixels":           string(hugePNG(65535, 65535)),
		"a PNG of a size that no picture has":    string(hugePNG(1<<31-1, 1<<31-1)),
		"a GIF of four billion pixels":           "GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;",
		"a PNG that says it has a gigabyte more": string(hugePNG(100, 100)[:33]) + "\x3f\xff\xff\xffIDAT",
	} {
		says(damaged, name, withLength(len(image)), image)
	}
	return all
}

// gzipped packs data.
func gzipped(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(data)
	w.Close()
	return out.Bytes()
}

// gzippedZeros are 64 MiB of zeros, packed.
var gzippedZeros = sync.OnceValue(func() []byte { return gzipped(make([]byte, 64<<20)) })

// hugePNG is a PNG that says how large it is, and has next to no pixels.
func hugePNG(width, height uint32) []byte {
	out := []byte("\x89PNG\r\n\x1a\n")
	part := func(kind string, data []byte) {
		out = endian.BigEndian.AppendUint32(out, uint32(len(data)))
		body := append([]byte(kind), data...)
		out = append(out, body...)
		out = endian.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
	}
	part("IHDR", append(endian.BigEndian.AppendUint32(endian.BigEndian.AppendUint32(nil, width), height), 8, 2, 0, 0, 0))
	part("IDAT", []byte("\x78\x9c\x63\x00\x00\x00\x01\x00\x01"))
	part("IEND", nil)
	return out
}
