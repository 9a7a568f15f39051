//go:build !nos3

package cloud

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

var s3 = &service{
	scheme:     "s3",
	parameters: []string{"region", "endpoint"},
	open:       openS3,
	put:        putS3,
	kept:       keptByS3,
	after: func(key string, as func(any) bool) error {
		var input *awss3.ListObjectsV2Input
		if as(&input) {
			input.StartAfter = &key
		}
		return nil
	},
}

func openS3(ctx context.Context, p place) (*blob.Bucket, error) {
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(watch)),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // tries are ours to count
	}
	if p.endpoint != "" {
		// What speaks the protocol beside S3 itself may know neither the checksums of late nor a host for each bucket, and need no region.
		options = append(options,
			config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
			config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
			config.WithDefaultRegion("us-east-1"))
	}
	if p.region != "" {
		options = append(options, config.WithRegion(p.region))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if c.Region == "" {
		return nil, errors.New("it is not known which region it is in: add region=… to its URL, or set AWS_REGION")
	}
	client := awss3.NewFromConfig(c, func(o *awss3.Options) {
		if p.endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = &p.endpoint, true
		}
	})
	return s3blob.OpenBucket(ctx, client, p.bucket, nil)
}

// client returns that of the bucket.
func s3Client(b *bucket) *awss3.Client {
	var client *awss3.Client
	b.bucket.As(&client)
	return client
}

// putS3 sends the object by itself rather than by the library's manager of transfers: that reads it into memory, and leaves parts behind
// when it is ended before it has put them together. One request takes 5 GB.
func putS3(ctx context.Context, b *bucket, key string, f *os.File, c content, conditional bool) error {
	input := &awss3.PutObjectInput{
		Bucket: &b.place.bucket, Key: &key,
		Body: io.NewSectionReader(f, 0, c.bytes), ContentLength: &c.bytes, ContentType: aws.String(mediaType),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(c.digest[:])),
	}
	if conditional {
		input.IfNoneMatch = aws.String("*")
	}
	// The signature has the digest too, for those who do not know the checksum.
	_, err := s3Client(b).PutObject(v4.SetPayloadHash(ctx, c.digest.String()), input)
	var said smithy.APIError
	if conditional && errors.As(err, &said) {
		switch said.ErrorCode() {
		case "PreconditionFailed":
			return errExists
		case "NotImplemented":
			return errUnable
		}
	}
	return err
}

func keptByS3(ctx context.Context, b *bucket, key string, c content) (bool, error) {
	has, err := s3Client(b).HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &b.place.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return false, err
	}
	sum := aws.ToString(has.ChecksumSHA256) // those who do not know it have none
	return aws.ToInt64(has.ContentLength) == c.bytes && (sum == "" || sum == base64.StdEncoding.EncodeToString(c.digest[:])), nil
}
