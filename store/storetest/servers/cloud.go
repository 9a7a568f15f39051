package servers

import "net/url"

// A CloudServer keeps blobs as a cloud does. Its functions set the environment of the test, in which the clouds' libraries look for their
// credentials: such a test cannot be parallel to others.
type CloudServer struct {
	*Server
	Address string // host:port
	URL     string // of an empty bucket, for --blobs
	Folder  string // what it keeps, in a form of its own

	newBucket func() (URL string)
}

// NewBucket returns the URL of another empty bucket of the server, which runs.
func (c *CloudServer) NewBucket() string {
	c.t.Helper()
	return c.newBucket()
}

// Through returns a URL as one of a server that is reached at another address, that of a Proxy. There is none for Google Cloud Storage,
// whose address is not in the URL.
func (c *CloudServer) Through(address, URL string) string {
	c.t.Helper()
	parsed, err := url.Parse(URL)
	if err != nil {
		c.t.Fatal(err)
	}
	query := parsed.Query()
	endpoint, err := url.Parse(query.Get("endpoint"))
	if err != nil || endpoint.Host == "" {
		c.t.Fatalf("%s has no endpoint", URL)
	}
	endpoint.Host = address
	query.Set("endpoint", endpoint.String())
	parsed.RawQuery = query.Encode()
	return parsed.String()
}
