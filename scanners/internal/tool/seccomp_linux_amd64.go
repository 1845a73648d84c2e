package tool

import "golang.org/x/sys/unix"

// auditArch is the kernel's number for the architecture, which the filter sees.
const auditArch = unix.AUDIT_ARCH_X86_64

// oldMetadata are the system calls that belong to metadata and that newer architectures do not have.
var oldMetadata = []uint32{unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT}

// oldForbidden are the system calls that belong to forbidden and that not every architecture has.
var oldForbidden = []uint32{unix.SYS_INOTIFY_INIT, unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_USELIB, unix.SYS__SYSCTL}
