//go:build servers

package main

import (
	"testing"

	"calotype/store/storetest/servers"
)

// The whole guide, with a bucket and a database.
func TestGuideWithServers(t *testing.T) {
	runGuide(t, true, "BLOBS="+servers.S3(t).URL, "INDEX="+servers.Postgres(t).URL)
}
