//go:build !linux

package budget

import "time"

var began = time.Now()

// threadTime is the time of the day, where there is no clock for a thread.
func threadTime() time.Duration { return time.Since(began) }
