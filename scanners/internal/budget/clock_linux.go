package budget

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is the processor's time that this thread has taken.
func threadTime() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		return 0 // then only the form of a file bounds it
	}
	return time.Duration(at.Nano())
}
