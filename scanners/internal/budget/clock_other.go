//go:build !linux

package budget

import "time"

var began = time.Now()

// threadTime returns the elapsed time, because there is no clock for a thread here.
func threadTime() time.Duration { return time.Since(began) }
