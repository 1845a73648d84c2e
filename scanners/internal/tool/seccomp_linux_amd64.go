package tool

import "golang.org/x/sys/unix"

// auditArch is how the kernel names the architecture to the filter.
const auditArch = unix.AUDIT_ARCH_X86_64

// oldMetadata are the calls that newer architectures do not have.
var oldMetadata = []uint32{unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN, unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT}

// oldForbidden are such calls, too.
var oldForbidden = []uint32{unix.SYS_INOTIFY_INIT, unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_USELIB, unix.SYS__SYSCTL}
