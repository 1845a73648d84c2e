package people

import "time"

// DirectoryAt returns a directory with a clock of a test.
func DirectoryAt(now func() time.Time) *Directory { return &Directory{now: now} }
