//go:build nogcs

package cloud

// gcs is left out of this build.
var gcs *service
