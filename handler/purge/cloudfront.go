package purge

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// AWS are credentials of Amazon Web Services.
type AWS struct {
	KeyID, Secret string
	Session       string // of temporary credentials; may be empty
}

// cloudfrontPaths is how many paths with a star are invalidated at once: CloudFront works on no more than 15 at a time.
const cloudfrontPaths = 15

// cloudfront creates invalidations: https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CreateInvalidation.html.
func cloudfront(place *url.URL, distribution string, s Secrets) (*Hook, error) {
	if s.AWS.KeyID == "" || s.AWS.Secret == "" {
		return nil, errors.New("it needs AWS credentials")
	}
	address := place.JoinPath("2020-05-31/distribution", distribution, "invalidation").String()
	return &Hook{
		batch: cloudfrontPaths / len(routes),
		calls: byPaths(cloudfrontPaths, func(paths []string) call {
			// The reference stays the same when the call is repeated, so that the invalidation is created once.
			batch := invalidation{CallerReference: rand.Text()}
			for _, path := range paths {
				batch.Paths.Items = append(batch.Paths.Items, path+"*")
			}
			batch.Paths.Quantity = len(paths)
			body, _ := xml.Marshal(batch)
			return func(ctx context.Context) (*http.Request, error) { return s.AWS.sign(ctx, address, body) }
		}),
		judge: func(status int, body []byte) error {
			// Limits are told of by 400.
			for _, code := range []string{"TooManyInvalidationsInProgress", "Throttling", "ThrottlingException", "RequestLimitExceeded"} {
				if status == http.StatusBadRequest && bytes.Contains(body, []byte("<Code>"+code+"</Code>")) {
					return &laterError{err: fmt.Errorf("status %d: %s", status, code)}
				}
			}
			return judgeStatus(status, body)
		},
	}, nil
}

// invalidation is the body of a CreateInvalidation of CloudFront.
type invalidation struct {
	XMLName         xml.Name `xml:"http://cloudfront.amazonaws.com/doc/2020-05-31/ InvalidationBatch"`
	CallerReference string
	Paths           struct {
		Items    []string `xml:"Items>Path"`
		Quantity int
	}
}

// sign makes a POST of XML with the signature that AWS wants, of this moment.
func (a AWS) sign(ctx context.Context, address string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address cannot be asked")
	}
	r.Header.Set("Content-Type", "application/xml")
	hash := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: a.KeyID, SecretAccessKey: a.Secret, SessionToken: a.Session}
	// CloudFront is a global service, which is signed for in this region.
	return r, v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(hash[:]), "cloudfront", "us-east-1", time.Now())
}
