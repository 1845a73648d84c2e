package tool

import "golang.org/x/sys/unix"

// auditArch is the kernel's number for the architecture, which the filter sees.
const auditArch = unix.AUDIT_ARCH_AARCH64

// oldMetadata are the system calls that belong to metadata and that newer architectures do not have.
var oldMetadata []uint32

// oldForbidden are the system calls that belong to forbidden and that not every architecture has.
var oldForbidden = []uint32{unix.SYS_KEXEC_FILE_LOAD}
