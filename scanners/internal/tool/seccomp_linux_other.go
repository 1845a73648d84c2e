//go:build linux && !amd64

package tool

// oldMetadata are the calls that newer architectures do not have.
var oldMetadata []uint32
