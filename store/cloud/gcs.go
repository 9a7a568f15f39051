//go:build !nogcs

package cloud

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcerrors"
	"gocloud.dev/gcp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

var gcs = &service{
	scheme: "gs",
	md5:    true,
	open:   openGCS,
	put:    putGCS,
	after: func(key string, as func(any) bool) error {
		var query *storage.Query
		if as(&query) {
			query.StartOffset = key
		}
		return nil
	},
	forbids: func(err error) bool {
		var said *googleapi.Error
		return errors.As(err, &said) && (said.Code == http.StatusForbidden || said.Code == http.StatusUnauthorized)
	},
}

func openGCS(ctx context.Context, p place) (*blob.Bucket, error) {
	transport := newTransport()
	options := &gcsblob.Options{}
	client := gcp.NewAnonymousHTTPClient(transport)
	if os.Getenv("STORAGE_EMULATOR_HOST") != "" {
		// The library goes to the emulator by itself, but by a client of its own.
		options.ClientOptions = []option.ClientOption{option.WithHTTPClient(&http.Client{Transport: transport})}
	} else {
		credentials, err := gcp.DefaultCredentials(ctx)
		if err != nil {
			return nil, err
		}
		if client, err = gcp.NewHTTPClient(transport, gcp.CredentialsTokenSource(credentials)); err != nil {
			return nil, err
		}
	}
	b, err := gcsblob.OpenBucket(ctx, client, p.bucket, options)
	if err != nil {
		return nil, err
	}
	var c *storage.Client
	if b.As(&c) {
		c.SetRetry(storage.WithPolicy(storage.RetryNever)) // tries are ours to count
	}
	return b, nil
}

func putGCS(ctx context.Context, b *bucket, key string, f *os.File, c content, conditional bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before the last byte it has come to nothing
	err := b.bucket.Upload(ctx, key, io.NewSectionReader(f, 0, c.bytes), &blob.WriterOptions{
		BufferSize:  -1, // one request
		ContentType: mediaType, ContentMD5: c.md5, IfNotExist: conditional,
	})
	if conditional && gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return errExists
	}
	return err
}
