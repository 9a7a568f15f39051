//go:build nos3

package cloud

// s3 is left out of this build.
var s3 *service
