package tool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// newRoot makes the file system of new namespaces: it holds only the files that may be read, the
// namespace's own processes, and private folders to write to. Anything else has no path in it.
func newRoot(s spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	root := s.Home // still empty
	if err := unix.Mount("tmpfs", root, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755,size=16m"); err != nil {
		return fmt.Errorf("mount a new root: %w", err)
	}
	paths := slices.Concat(system, devices, s.Read, []string{s.Self})
	slices.Sort(paths) // folders before what is in them
	var shown []string // folders shown already; nothing may be made in them, because it would be made on the host
	for _, path := range slices.Compact(paths) {
		if slices.ContainsFunc(shown, func(dir string) bool { return strings.HasPrefix(path, dir+"/") }) {
			continue
		}
		switch dir, err := show(root, path); {
		case err != nil:
			return fmt.Errorf("show %s: %w", path, err)
		case dir:
			shown = append(shown, path)
		}
	}
	for _, path := range s.Mask {
		if err := unix.Mount(s.Empty, root+path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("withhold a file: %w", err)
		}
	}
	for _, dir := range []string{"/proc", "/dev/shm", s.Home} {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			return err
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(to, root+"/dev/"+name); err != nil {
			return err
		}
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	if err := unix.MountSetattr(unix.AT_FDCWD, root, unix.AT_RECURSIVE, &attr); err != nil {
		return fmt.Errorf("mounts that cannot be written: %w", err)
	}
	if err := unix.Mount("proc", root+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for dir, size := range map[string]int64{s.Home: s.Limits.Disk, "/dev/shm": shmSize} {
		options := "mode=0700,size=" + strconv.FormatInt(size, 10) + ",nr_inodes=" + strconv.Itoa(s.Limits.Entries)
		if err := unix.Mount("tmpfs", root+dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
			return fmt.Errorf("mount a private folder: %w", err)
		}
	}
	// This puts the new root in place of the old one. The old root then lies on top of it, and is unmounted.
	if err := errors.Join(os.Chdir(root), unix.PivotRoot(".", "."), unix.Unmount(".", unix.MNT_DETACH), os.Chdir("/")); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	// A limit against fork bombs, if the kernel has it (6.14). 301 is the lowest value that it accepts.
	_ = os.WriteFile("/proc/sys/kernel/pid_max", []byte(strconv.Itoa(max(s.Limits.Processes*4, 301))), 0)
	return nil
}

// shmSize is the size of a run's own /dev/shm.
const shmSize = 64 << 20

// show puts a file or a folder, if it exists, into the new root, and reports whether it is a folder.
func show(root, path string) (dir bool, err error) {
	stat, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	to := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return false, err
	}
	if stat.IsDir() {
		err = os.MkdirAll(to, 0o755)
	} else {
		err = touch(to)
	}
	if err != nil {
		return false, err
	}
	return stat.IsDir(), unix.Mount(path, to, "", unix.MS_BIND|unix.MS_REC, "")
}

// touch makes a file, which must not exist.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}
