//go:build noazure

package cloud

// azure is left out of this build.
var azure *service
