package infra

import (
	"path"
	"regexp"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// repository matches the name of an image as Docker allows it, without tag and digest
// (https://pkg.go.dev/github.com/distribution/reference).
var repository = regexp.MustCompile(`^([a-zA-Z0-9.-]+(:[0-9]+)?/)?[a-z0-9._-]+(/[a-z0-9._-]+)*$`)

// Floating reports whether an image's name fixes no version, and returns what it has instead: "no tag" or
// "the tag latest". It returns false for a name with a variable or a placeholder in it.
func Floating(image string) (string, bool) {
	if strings.Contains(image, "@") {
		return "", false
	}
	name, tag := image, ""
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		name, tag = image[:i], image[i+1:]
	}
	switch {
	case !repository.MatchString(name):
		return "", false
	case tag == "latest":
		return "the tag latest", true
	default:
		return "no tag", name == image
	}
}

// HostPath reports whether a container that mounts this path of its host controls the host.
func HostPath(name string) bool {
	switch clean(name) {
	case "/", "/etc", "/etc/kubernetes", "/root", "/proc", "/boot", "/dev", "/run", "/var/run", "/var/lib/docker", "/var/lib/kubelet":
		return true
	}
	return Socket(name)
}

// Socket reports whether a path is that of the socket of a container engine, whose clients control the host.
func Socket(name string) bool {
	for _, socket := range []string{"docker.sock", "containerd.sock", "crio.sock", "cri-dockerd.sock", "podman.sock", "pipe/docker_engine"} {
		if strings.HasSuffix(clean(name), "/"+socket) {
			return true
		}
	}
	return false
}

// clean returns a path as the host reads it. Two leading slashes keep Git's shell on Windows from
// changing a path.
func clean(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(name, "/") {
		return path.Clean(name)
	}
	return strings.TrimRight(name, "/")
}

// PathExtents returns extents for the part of the host that a mount of this path opens, and for whether it
// can be written. A folder covers everything in it.
func PathExtents(name string, writable bool) []scanners.Extent {
	name = strings.TrimRight(clean(name), "/")
	list := []scanners.Extent{{Of: "read" + name}}
	if writable {
		list = append(list, scanners.Extent{Of: "write" + name})
	}
	return list
}

// CapabilityExtents returns the extents of a capability of the container of this name. ALL covers every other.
func CapabilityExtents(container, name string) []scanners.Extent {
	if name == "ALL" {
		return []scanners.Extent{{Of: "capability of " + container}}
	}
	return []scanners.Extent{{Of: "capability of " + container + "/" + name}}
}

// Capability returns the name of a Linux capability, without CAP_, if a process can leave its container
// with it, or else "".
func Capability(name string) string {
	switch name = strings.TrimPrefix(strings.ToUpper(name), "CAP_"); name {
	case "ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF":
		return name
	}
	return ""
}
