package tool

import "golang.org/x/sys/unix"

// auditArch is how the kernel names the architecture to the filter.
const auditArch = unix.AUDIT_ARCH_AARCH64

// oldMetadata are the calls that newer architectures do not have.
var oldMetadata []uint32

// oldForbidden are such calls, too.
var oldForbidden = []uint32{unix.SYS_KEXEC_FILE_LOAD}
