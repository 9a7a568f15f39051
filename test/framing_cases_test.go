//go:build cdn

package test

import (
	"fmt"
	"slices"
	"strings"
)

// A framingVerdict is what must become of a case that is sent straight to the server.
type framingVerdict int

const (
	framingRefused framingVerdict = iota // one answer, an error, and the connection is closed
	framingOnce                          // one answer of any kind, and the connection is closed
	framingTaken                         // every request of the case is answered, and so is the next one
)

// A framingCase is what a client sends, up to where the next request begins for a strict reader.
type framingCase struct {
	name     string
	sent     string
	verdict  framingVerdict
	requests int  // of a case that is taken
	head     bool // the request is HEAD, so that its answer has no body
}

// Requests of cases. Each answer names the address, so that it is seen which request it belongs to.
const (
	framingImage    = "/download/01934f6e-8d5c-7b3a-9c1e-0a1b2c3d4e5f/"
	framingSmuggled = "GET " + framingImage + "smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
	framingHello    = "5\r\nhello\r\n0\r\n\r\n"
)

// framingRequest is a request with the header lines and the body given. Lines end with CRLF.
func framingRequest(method, version, lines, body string) string {
	target := framingImage + "first"
	if method == "POST" {
		target = "/upload-image"
	}
	return method + " " + target + " " + version + "\r\n" + lines + "\r\n" + body
}

func framingGet(lines string) string {
	return framingRequest("GET", "HTTP/1.1", "Host: h\r\n"+lines, "")
}

func framingPost(lines, body string) string {
	return framingRequest("POST", "HTTP/1.1", "Host: h\r\n"+lines, body)
}

// framingTable collects cases.
type framingTable struct {
	group string
	cases []framingCase
}

func (f *framingTable) add(verdict framingVerdict, name, sent string) {
	f.cases = append(f.cases, framingCase{name: f.group + ": " + name, sent: sent, verdict: verdict, requests: 1, head: strings.HasPrefix(sent, "HEAD ")})
}

func (f *framingTable) refused(name, sent string) { f.add(framingRefused, name, sent) }
func (f *framingTable) once(name, sent string)    { f.add(framingOnce, name, sent) }
func (f *framingTable) taken(name, sent string)   { f.add(framingTaken, name, sent) }

// framingCases are all requests of the suite.
func framingCases() []framingCase {
	f := &framingTable{}
	for _, group := range []struct {
		name string
		add  func(*framingTable)
	}{
		{"length", framingLengths},
		{"length and coding", framingConflicts},
		{"coding", framingCodings},
		{"chunk", framingChunks},
		{"trailer", framingTrailers},
		{"line end", framingLineEnds},
		{"name", framingNames},
		{"value", framingValues},
		{"host", framingHosts},
		{"request line", framingRequestLines},
		{"body", framingBodies},
		{"expectation", framingExpectations},
		{"connection", framingConnections},
		{"size", framingSizes},
		{"pipeline", framingPipelines},
	} {
		f.group = group.name
		group.add(f)
	}
	return f.cases
}

func framingLengths(f *framingTable) {
	for _, value := range []string{"5", "05", "0000000000005", "  5", "5  ", "\t5\t"} {
		f.taken(fmt.Sprintf("%q", value), framingPost("Content-Length: "+value+"\r\n", "hello"))
	}
	for _, value := range []string{
		"+5", "-5", "5 5", "5,5", "5, 5", ",5", "5,", "0x5", "5h", "5.0", "5e0", "", " ", "five", "NaN", "²", "٥", "5;a", `"5"`, "5\t5", "1_0", "5\x00", "5\v",
		"9223372036854775808", "18446744073709551621", "99999999999999999999", strings.Repeat("9", 400), "-0", "5\r\n 0", "5\r\n\t5",
	} {
		f.refused(fmt.Sprintf("%.30q", value), framingPost("Content-Length: "+value+"\r\n", framingSmuggled))
	}
	for _, lines := range []string{
		"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 0\r\n", "Content-Length: 0\r\nContent-Length: 5\r\n",
		"Content-Length: 5\r\ncontent-length: 6\r\n", "Content-Length: 5\r\nA: b\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length:\r\n",
		"Content-Length : 5\r\n", "Content-Length\t: 5\r\n", " Content-Length: 5\r\n", "Content Length: 5\r\n", "Content-Length\x00: 5\r\n", "A: b\r\n Content-Length: 5\r\n",
		"A: b\nContent-Length: 5\r\n", "A: b\rContent-Length: 5\r\n", "A: b\r\r\nContent-Length: 5\r\n", "Content-Length: 5\n",
	} {
		f.refused(fmt.Sprintf("%q", lines), framingPost(lines, "hello"+framingSmuggled))
	}
}

func framingConflicts(f *framingTable) {
	coding := "Transfer-Encoding: chunked\r\n"
	for _, length := range []string{"0", "5", "6", "1000", "18446744073709551616"} {
		line := "Content-Length: " + length + "\r\n"
		for _, lines := range []string{line + coding, coding + line, line + "A: b\r\n" + coding, line + coding + line, coding + line + coding} {
			f.refused(fmt.Sprintf("%q", lines), framingPost(lines, framingHello+framingSmuggled))
		}
	}
	for _, odd := range []string{"Transfer-Encoding: identity\r\n", "Transfer-Encoding : chunked\r\n", "Transfer-Encoding:\r\n chunked\r\n", "transfer-encoding: xchunked\r\n"} {
		f.refused(fmt.Sprintf("%q", odd), framingPost("Content-Length: 15\r\n"+odd, framingHello+framingSmuggled))
		f.refused(fmt.Sprintf("HTTP/1.0 %q", odd), framingRequest("POST", "HTTP/1.0", "Connection: keep-alive\r\nContent-Length: 15\r\n"+odd, framingHello+framingSmuggled))
	}
	f.refused("a GET with both", framingGet("Content-Length: 3\r\n"+coding)+"0\r\n\r\n"+framingSmuggled)
}

func framingCodings(f *framingTable) {
	for _, value := range []string{"chunked", "Chunked", "CHUNKED", "  chunked", "chunked  ", "\tchunked\t"} {
		f.once(fmt.Sprintf("%q", value), framingPost("Transfer-Encoding: "+value+"\r\n", framingHello))
	}
	for _, value := range []string{
		"chunked, chunked", "chunked, identity", "identity, chunked", "gzip, chunked", "chunked, gzip", "xchunked", "x-chunked", "chunkedx", "chunk", "cow", "identity", "deflate", "",
		"chunked;q=1", "chunked;", `"chunked"`, "'chunked'", "chunked,", ",chunked", "\vchunked", "chunked\v", "chunked\f", "chunked\x00", "chu nked", "chunked chunked",
		"\r\n chunked", "chunked\r\n\t, identity", "chunked\r\n ", "\u00a0chunked", "chun\u212aed",
	} {
		f.refused(fmt.Sprintf("%q", value), framingPost("Transfer-Encoding: "+value+"\r\n", framingHello+framingSmuggled))
	}
	for _, lines := range []string{
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding\t: chunked\r\n", " Transfer-Encoding: chunked\r\n", "Transfer Encoding: chunked\r\n", "Transfer-Encoding\x00: chunked\r\n",
		"A: b\nTransfer-Encoding: chunked\r\n", "A: b\rTransfer-Encoding: chunked\r\n", "A: b\r\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding\r\n : chunked\r\n", "\x00Transfer-Encoding: chunked\r\n",
	} {
		f.refused(fmt.Sprintf("%q", lines), framingPost(lines, framingHello+framingSmuggled))
	}
	for _, value := range []string{"chunked", "identity"} {
		f.refused("HTTP/1.0 "+value, framingRequest("POST", "HTTP/1.0", "Host: h\r\nConnection: keep-alive\r\nTransfer-Encoding: "+value+"\r\n", framingHello+framingSmuggled))
	}
}

// framingInChunks is a request whose body is given as it goes over the wire.
func framingInChunks(body string) string {
	return framingPost("Transfer-Encoding: chunked\r\n", body)
}

func framingChunks(f *framingTable) {
	const end = "0\r\n\r\n"
	for _, size := range []string{"5", "05", "0000005", "5;a=b", `5;a="b;c"`, "5;", "5;" + strings.Repeat("x", 4000), "5 ", "5;a=b;c=\"d\\\"e\""} {
		f.once(fmt.Sprintf("size %.20q", size), framingInChunks(size+"\r\nhello\r\n"+end))
	}
	for _, size := range []string{
		"+5", "-5", "-0", "0x5", "5h", "g", " 5", "\t5", "5 5", "", "5,", "5:", "5\x00", "5\v", "٥", "5;a\n", "5\n", "5\r", "5;a\rb", "5;\"\n\"", "5 ;a",
		"ffffffffffffffff", "10000000000000005", "fffffffffffffffff5", strings.Repeat("0", 40) + "5",
	} {
		f.refused(fmt.Sprintf("size %.20q", size), framingInChunks(size+"\r\nhello\r\n"+end+framingSmuggled))
	}
	f.refused("quoted line break in an extension", framingInChunks("5;a=\"\r\nhello\"\r\n"+end+framingSmuggled))
	for _, data := range []string{"hello", "hello\n", "hello\r", "hello\r\r\n", "hell\r\n", "helloo\r\n", "hello\n\r", "helloXX", "hello \r\n"} {
		f.refused(fmt.Sprintf("data %q", data), framingInChunks("5\r\n"+data+end+framingSmuggled))
	}
	for _, body := range []string{"", "5", "5\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0", "ffff\r\nhello", "5\nhello\n0\n\n", "5\r\nhello\r\n0\n\n", "5\r\nhello\r\n00\n\r\n"} {
		f.refused(fmt.Sprintf("body %q", body), framingInChunks(body))
	}
	f.once("no data", framingInChunks(end))
	f.once("last chunk of several zeros", framingInChunks("5\r\nhello\r\n000\r\n\r\n"))
	f.once("a request behind a bare line feed", framingInChunks("5\r\nhello\r\n0\r\n\n"+framingSmuggled))
	f.once("a request behind the chunks", framingInChunks(framingHello+framingSmuggled))
	f.once("a length of 2^64 in sixteen chunks", framingInChunks(strings.Repeat("1\r\na\r\n", 16)+end))
}

func framingTrailers(f *framingTable) {
	in := func(trailer string) string {
		return framingInChunks("5\r\nhello\r\n0\r\n" + trailer + "\r\n" + framingSmuggled)
	}
	for _, trailer := range []string{
		"Host: evil\r\n", "Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n", "Trailer: a\r\n", "Content-Type: a/b\r\n", "Authorization: a\r\n", "Connection: close\r\n", "A\r\n", ": b\r\n",
		"A\x00: b\r\n", "A: \x00\r\n", "A: b\rc\r\n", " A: b\r\n", framingSmuggled,
	} {
		f.refused(fmt.Sprintf("%.40q", trailer), in(trailer))
	}
	for _, trailer := range []string{"A: b\r\n", "A: b\r\nC: d\r\n", "A: b\r\n c\r\n", "A: b\n", "A: b\n\n" + framingSmuggled, "A : b\r\n"} {
		f.once(fmt.Sprintf("%.40q", trailer), in(trailer))
	}
	f.refused("longer than headers may be", in("A: "+strings.Repeat("x", 20_000)+"\r\n"))
	f.refused("announced Content-Length", framingPost("Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n", framingHello))
}

func framingLineEnds(f *framingTable) {
	for _, lines := range []string{"A: b\n", "A: b\nC: d\n", "A: b\r", "A: b\r\r\n", "A: b\n\r", "A: b\n\r\n", "A: b\r\n\n", "\nA: b\r\n", "\rA: b\r\n", "A: b\r\n\r", "A: b\v\n", "A: b\x85\n"} {
		f.refused(fmt.Sprintf("%q", lines), framingGet(lines)+framingSmuggled)
	}
	f.refused("headers that end with line feeds", "GET / HTTP/1.1\nHost: h\n\n"+framingSmuggled)
	f.refused("a request behind a bare empty line", framingGet("A: b\n\n"+framingSmuggled))
	f.refused("carriage returns alone", strings.ReplaceAll(framingGet("A: b\r\n"), "\r\n", "\r"))
	// RFC 9112, 2.2 lets a server take a line feed alone for the end of a line, and there is none behind which it could be otherwise here.
	f.taken("request line that ends with a line feed", strings.Replace(framingGet("A: b\r\n"), "HTTP/1.1\r\n", "HTTP/1.1\n", 1))
	f.taken("empty lines in front", "\r\n\r\n"+framingGet(""))
	f.taken("line feeds in front", "\n\n"+framingGet(""))
	f.refused("carriage return in front", "\r"+framingGet(""))
	for _, lines := range []string{"A: b\r\n c\r\n", "A: b\r\n\tc\r\n", "A:\r\n b\r\n", "A: b\r\n \r\n", "A: b\r\n c\r\n d\r\n", "Host\r\n : h\r\n"} {
		f.refused(fmt.Sprintf("fold %q", lines), framingGet(lines)+framingSmuggled)
	}
	f.refused("fold behind the request line", framingRequest("GET", "HTTP/1.1", " A: b\r\nHost: h\r\n", framingSmuggled))
	f.refused("folded Host", framingRequest("GET", "HTTP/1.1", "Host: h\r\n i\r\n", framingSmuggled))
}

func framingNames(f *framingTable) {
	for _, line := range []string{
		"A : b", "A\t: b", "A  : b", "A b: c", " A: b", "\tA: b", ": b", "A", "b c", "A\x00: b", "A\x01: b", "A\x7f: b", "A\xe9: b", "(A): b", "\"A\": b", "A/b: c", "A{}: b", "A@b: c", "A,b: c", "A;b: c", "A=b: c",
		"A[]: b", "A?: b", "A<: b", "A\\b: c", "A\v: b", "\u00a0A: b",
	} {
		f.refused(fmt.Sprintf("%q", line), framingGet(line+"\r\n")+framingSmuggled)
	}
	for _, line := range []string{"A_b: c", "a!#$%&'*+-.^_`|~1: b", "1: b", "A:b", "A::b", "A: b: c"} {
		f.taken(fmt.Sprintf("%q", line), framingGet(line+"\r\n"))
	}
}

func framingValues(f *framingTable) {
	for c := range 0x20 {
		if c == '\t' || c == '\n' {
			continue // the one is allowed, the other ends the line
		}
		f.refused(fmt.Sprintf("control %#02x", c), framingGet(fmt.Sprintf("A: b%cc\r\n", c))+framingSmuggled)
	}
	f.refused("control 0x7f", framingGet("A: b\x7fc\r\n")+framingSmuggled)
	for _, value := range []string{"b\tc", "\xe9", "é", "", " \t ", `"b`, "b,,c"} {
		f.taken(fmt.Sprintf("%q", value), framingGet("A: "+value+"\r\n"))
	}
}

func framingHosts(f *framingTable) {
	in := func(lines string) string { return framingRequest("GET", "HTTP/1.1", lines, framingSmuggled) }
	for _, lines := range []string{
		"", "Host:\r\n", "Host: \r\n", "Host: h\r\nHost: h\r\n", "Host: h\r\nHost: i\r\n", "Host: h\r\nhost: i\r\n", "Host: h\r\nA: b\r\nHOST: h\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: h\\i\r\n",
		"Host: user@h\r\n", "Host: user:password@h\r\n", "Host: h?a\r\n", "Host: h#a\r\n", "Host: <h>\r\n", "Host: \"h\"\r\n", "Host: h\x00\r\n", "Host: h\x01i\r\n", "Host: é\r\n", "Host: [::1\r\n", "Host: h:80a\r\n",
		"Host: h\r\n\ti\r\n", "Host : h\r\n", " Host: h\r\n", "Host: h|i\r\n", "Host: h^i\r\n", "Host: http://h\r\n",
	} {
		f.refused(fmt.Sprintf("%q", lines), in(lines))
	}
	for _, host := range []string{"h", "H.example", "h:80", "[::1]", "[::1]:80", "127.0.0.1:8080", "a_b.c", "h."} {
		f.taken(host, framingRequest("GET", "HTTP/1.1", "Host: "+host+"\r\n", ""))
	}
	f.once("none in HTTP/1.0", framingRequest("GET", "HTTP/1.0", "", ""))
	f.taken("none in HTTP/1.0, kept alive", framingRequest("GET", "HTTP/1.0", "Connection: keep-alive\r\n", ""))
}

func framingRequestLines(f *framingTable) {
	target := framingImage + "first"
	for _, line := range []string{
		"GET\t" + target + "\tHTTP/1.1", "GET  " + target + " HTTP/1.1", "GET " + target + "  HTTP/1.1", "GET " + target + " HTTP/1.1 ", "GET " + target + "\tHTTP/1.1", " GET " + target + " HTTP/1.1",
		"GET " + target + " x HTTP/1.1", "GET " + target, "GET  HTTP/1.1", "GET HTTP/1.1", "GET", target + " HTTP/1.1", "GET " + target + " HTTP/1.1\r", "GET " + target + "\v HTTP/1.1",
		"GET " + target + "\x00 HTTP/1.1", "GET " + target + "\x7f HTTP/1.1", "GET " + target + "\rX: HTTP/1.1", "G(T " + target + " HTTP/1.1", "GE\x00T " + target + " HTTP/1.1", "G/T " + target + " HTTP/1.1", "GET: " + target + " HTTP/1.1",
		"GET * HTTP/1.1", "GET h:80 HTTP/1.1", "GET download HTTP/1.1", "GET ?a HTTP/1.1", "GET #a HTTP/1.1", "GET gopher://h/ HTTP/1.1", "GET ://h/ HTTP/1.1", "GET http:/h/ HTTP/1.1", "GET javascript:alert(1) HTTP/1.1", "POST * HTTP/1.1",
		"GET http://h\\i/ HTTP/1.1", "GET http://h i/ HTTP/1.1", "GET http://[h/ HTTP/1.1",
	} {
		f.refused(fmt.Sprintf("%q", strings.ReplaceAll(line, target, "/…")), line+"\r\nHost: h\r\n\r\n"+framingSmuggled)
	}
	for _, version := range []string{
		"HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/2", "HTTP/1", "HTTP/11", "HTTP/1.10", "HTTP/01.1", "HTTP/1.01", "HTTP/1,1", "HTTP/ 1.1", "http/1.1", "Http/1.1", "HTTP/-1.1", "HTTP/1.1x", "HTTPS/1.1", "HTTP", "1.1", "HTTP/x.y",
		"ICY/1.1", "HTTP\\1.1",
	} {
		f.refused(version, framingRequest("GET", version, "Host: h\r\n", framingSmuggled))
	}
	f.refused("HTTP/0.9 without a version", "GET "+target+"\r\n\r\n")
	f.refused("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	f.refused("a hello of TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n")
	f.taken("absolute address", "GET http://h"+target+" HTTP/1.1\r\nHost: h\r\n\r\n")
	f.taken("absolute address, other Host", "GET http://other"+target+" HTTP/1.1\r\nHost: h\r\n\r\n")
	f.taken("absolute address of https", "GET HTTPS://h"+target+" HTTP/1.1\r\nHost: h\r\n\r\n")
	f.taken("an address with //", "GET //h"+target+" HTTP/1.1\r\nHost: h\r\n\r\n")
	f.taken("asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
	f.taken("CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n")
	f.taken("TRACE", framingRequest("TRACE", "HTTP/1.1", "Host: h\r\n", ""))
	f.taken("lower case", framingRequest("get", "HTTP/1.1", "Host: h\r\n", ""))
	f.taken("unknown method", framingRequest("BREW", "HTTP/1.1", "Host: h\r\n", ""))
}

func framingBodies(f *framingTable) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"} {
		in := func(lines, body string) string {
			return framingRequest(method, "HTTP/1.1", "Host: h\r\n"+lines, body)
		}
		length := fmt.Sprintf("Content-Length: %d\r\n", len(framingSmuggled))
		f.refused(method+" with a length", in(length, framingSmuggled))
		f.refused(method+" with chunks", in("Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(framingSmuggled), framingSmuggled)))
		f.refused(method+" with no chunks", in("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"+framingSmuggled))
		f.refused(method+" with a length, told to wait", in(length+"Expect: 100-continue\r\n", framingSmuggled))
		f.taken(method+" with length 0", in("Content-Length: 0\r\n", ""))
	}
	length := fmt.Sprintf("Content-Length: %d\r\n", len(framingSmuggled))
	f.taken("an upload", framingPost(length, framingSmuggled))
	f.taken("an upload of nothing", framingPost("Content-Length: 0\r\n", ""))
	f.taken("a POST without a length", framingPost("", ""))
	f.once("a POST that nobody reads", framingRequest("PATCH", "HTTP/1.1", "Host: h\r\n"+length, framingSmuggled))
	f.once("a lower-case method with a body", framingRequest("get", "HTTP/1.1", "Host: h\r\n"+length, framingSmuggled))
	f.once("less than announced", framingPost("Content-Length: 4096\r\n", "hello"))
	f.once("far less than announced", framingPost("Content-Length: 10737418240\r\n", "hello"))
	f.once("a POST in HTTP/1.0", framingRequest("POST", "HTTP/1.0", length, framingSmuggled))
	f.once("a form without a boundary", framingPost("Content-Type: multipart/form-data\r\n"+length, framingSmuggled))
	f.taken("a form that has no parts", framingPost("Content-Type: multipart/form-data; boundary=b\r\n"+length, framingSmuggled))
}

func framingExpectations(f *framingTable) {
	for _, value := range []string{"100-continue", "100-Continue", "\t100-continue "} {
		f.taken(fmt.Sprintf("%q", value), framingPost("Content-Length: 5\r\nExpect: "+value+"\r\n", "hello"))
	}
	for _, value := range []string{"", "100", "100-continue, x", "100-continue;a", "200-ok", "continue", "x=y", `"100-continue"`, "100-continue\r\nExpect: x", "x\r\nExpect: 100-continue"} {
		f.refused(fmt.Sprintf("%q", value), framingPost("Content-Length: 5\r\nExpect: "+value+"\r\n", "hello"+framingSmuggled))
	}
	f.taken("without a body", framingGet("Expect: 100-continue\r\n"))
	f.once("with chunks", framingPost("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", framingHello))
	f.once("in HTTP/1.0", framingRequest("POST", "HTTP/1.0", "Content-Length: 5\r\nExpect: 100-continue\r\n", "hello"))
	f.refused("with length and chunks", framingPost("Transfer-Encoding: chunked\r\nContent-Length: 5\r\nExpect: 100-continue\r\n", framingHello+framingSmuggled))
}

func framingConnections(f *framingTable) {
	for _, lines := range []string{
		"Connection: Content-Length\r\n", "Connection: close, content-length\r\n", "Connection: keep-alive\r\nConnection: Transfer-Encoding\r\n", "Connection: a ,\tHOST\r\n", "Connection:host\r\n",
	} {
		f.refused(fmt.Sprintf("%q", lines), framingPost("Content-Length: 5\r\n"+lines, "hello"+framingSmuggled))
	}
	for _, lines := range []string{
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
		"Connection: Cookie\r\n", "Connection: X-Forwarded-For\r\n", "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n", "Proxy-Connection: close\r\n", "TE: trailers\r\n", "Connection:\r\n", "Connection: ,,\r\n",
	} {
		f.taken(fmt.Sprintf("%.40q", lines), framingGet(lines))
	}
	f.once("close", framingGet("Connection: close\r\n"))
	f.once("close among others", framingGet("Connection: a, CLOSE\r\n")+framingSmuggled)
}

func framingSizes(f *framingTable) {
	f.taken("a header of 8 KiB", framingGet("A: "+strings.Repeat("x", 8<<10)+"\r\n"))
	f.taken("300 headers", framingGet(strings.Repeat("A: b\r\n", 300)))
	f.taken("an address of 9 KB", "GET "+framingImage+strings.Repeat("x", 9000)+" HTTP/1.1\r\nHost: h\r\n\r\n")
	f.refused("a header of 17 KiB", framingGet("A: "+strings.Repeat("x", 17<<10)+"\r\n")+framingSmuggled)
	f.refused("a name of 17 KiB", framingGet(strings.Repeat("x", 17<<10)+": b\r\n")+framingSmuggled)
	f.refused("5,000 headers", framingGet(strings.Repeat("A: b\r\n", 5000))+framingSmuggled)
	f.refused("an address of 17 KiB", "GET /"+strings.Repeat("x", 17<<10)+" HTTP/1.1\r\nHost: h\r\n\r\n"+framingSmuggled)
	f.refused("a method of 17 KiB", strings.Repeat("X", 17<<10)+" / HTTP/1.1\r\nHost: h\r\n\r\n"+framingSmuggled)
	f.refused("a version of 17 KiB", "GET / HTTP/1."+strings.Repeat("1", 17<<10)+"\r\nHost: h\r\n\r\n"+framingSmuggled)
	f.refused("headers without an end", strings.TrimSuffix(framingGet(strings.Repeat("A: b\r\n", 3000)), "\r\n"))
}

func framingPipelines(f *framingTable) {
	several := func(name string, requests ...string) {
		f.taken(name, strings.Join(requests, ""))
		f.cases[len(f.cases)-1].requests = len(requests)
	}
	get, post := framingGet(""), framingPost("Content-Length: 5\r\n", "hello")
	several("two", get, get)
	several("twenty", slices.Repeat([]string{get}, 20)...)
	several("bodies between", post, get, post, post, get)
	several("a body that looks like a request", framingPost(fmt.Sprintf("Content-Length: %d\r\n", len(framingSmuggled)), framingSmuggled), get)
	several("a wait between", get, framingPost("Content-Length: 5\r\nExpect: 100-continue\r\n", "hello"), get)
}
