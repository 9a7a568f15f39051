//go:build !noazure

package cloud

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	azblob "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
)

var azure = &service{
	scheme:     "azblob",
	parameters: []string{"endpoint"},
	md5:        true,
	open:       openAzure,
	put:        putAzure,
	forbids: func(err error) bool {
		var said *azcore.ResponseError
		return errors.As(err, &said) && (said.StatusCode == http.StatusForbidden || said.StatusCode == http.StatusUnauthorized)
	},
}

// openAzure takes the credentials from the variables of Azure's own tools, and without them from the identity of the machine.
func openAzure(ctx context.Context, p place) (*blob.Bucket, error) {
	account := os.Getenv("AZURE_STORAGE_ACCOUNT")
	options := &container.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: &http.Client{Transport: newTransport()},
		Retry:     policy.RetryOptions{MaxRetries: -1}, // tries are ours to count
	}}
	if text := os.Getenv("AZURE_STORAGE_CONNECTION_STRING"); text != "" {
		client, err := container.NewClientFromConnectionString(text, p.bucket, options)
		if err != nil {
			return nil, errors.New("AZURE_STORAGE_CONNECTION_STRING cannot be read")
		}
		return azureblob.OpenBucket(ctx, client, nil)
	}

	endpoint := p.endpoint
	if endpoint == "" {
		if account == "" {
			return nil, errors.New("it is not known whose it is: set AZURE_STORAGE_ACCOUNT")
		}
		endpoint = "https://" + account + ".blob.core.windows.net"
	}
	address, err := url.JoinPath(endpoint, p.bucket)
	if err != nil {
		return nil, err
	}
	client, err := azureClient(address, account, options)
	if err != nil {
		return nil, err
	}
	return azureblob.OpenBucket(ctx, client, nil)
}

func azureClient(address, account string, options *container.ClientOptions) (*container.Client, error) {
	if key := os.Getenv("AZURE_STORAGE_KEY"); key != "" {
		shared, err := container.NewSharedKeyCredential(account, key)
		if err != nil {
			return nil, errors.New("AZURE_STORAGE_KEY cannot be read")
		}
		return container.NewClientWithSharedKeyCredential(address, shared, options)
	}
	if token := os.Getenv("AZURE_STORAGE_SAS_TOKEN"); token != "" {
		return container.NewClientWithNoCredential(address+"?"+token, options)
	}
	identity, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, err
	}
	return container.NewClient(address, identity, options)
}

// putAzure sends the object by itself, in one request of at most 5000 MiB: the library would send blocks, for whose sum Azure keeps no
// checksum but what it is told.
func putAzure(ctx context.Context, b *bucket, key string, f *os.File, c content, conditional bool) error {
	var client *container.Client
	b.bucket.As(&client)
	options := &blockblob.UploadOptions{
		TransactionalValidation: azblob.TransferValidationTypeMD5(c.md5),
		HTTPHeaders:             &azblob.HTTPHeaders{BlobContentType: to.Ptr(mediaType)},
	}
	if conditional {
		anything := azcore.ETagAny
		options.AccessConditions = &azblob.AccessConditions{ModifiedAccessConditions: &azblob.ModifiedAccessConditions{IfNoneMatch: &anything}}
	}
	_, err := client.NewBlockBlobClient(key).Upload(ctx, streaming.NopCloser(io.NewSectionReader(f, 0, c.bytes)), options)
	if conditional && bloberror.HasCode(err, bloberror.BlobAlreadyExists, bloberror.ConditionNotMet) {
		return errExists
	}
	return err
}
