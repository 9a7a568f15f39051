//go:build servers

package cloud_test

import (
	"testing"

	"calotype/store"
	"calotype/store/cloud"
	"calotype/store/storetest"
	"calotype/store/storetest/servers"
)

func TestS3(t *testing.T)    { conforms(t, servers.S3(t)) }
func TestGCS(t *testing.T)   { conforms(t, servers.GCS(t)) }
func TestAzure(t *testing.T) { conforms(t, servers.Azure(t)) }

// conforms tests a cloud without local copies, so that it is asked for every byte.
func conforms(t *testing.T, s *servers.CloudServer) {
	storetest.Blobs(t, func(t *testing.T) store.Blobs { return open(t, s.NewBucket(), 0) })
}

// open opens the blobs at a URL until the test ends.
func open(t *testing.T, url string, copyBytes int64) store.Blobs {
	t.Helper()
	blobs, err := cloud.Open(t.Context(), url, cloud.Options{Copies: t.TempDir(), CopyBytes: copyBytes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := blobs.Close(); err != nil {
			t.Error(err)
		}
	})
	return blobs
}
