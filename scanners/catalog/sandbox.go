package catalog

import (
	"context"
	"fmt"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// A Sandbox says how scanners that are programs are confined.
type Sandbox = tool.Mode

// ParseSandbox reads a word of SECBYDESIGN_SANDBOX: auto, landlock, bwrap or off. The text of the error
// follows the name of the setting.
func ParseSandbox(word string) (Sandbox, error) { return tool.ParseMode(word) }

// SandboxOff means no sandbox. It applies only if the operator writes its word.
const SandboxOff = tool.Off

// ProbeSandbox tries out which kind of sandbox works, and returns its name. An error means that none works,
// and that no program is started. Its text follows the words "There is".
func ProbeSandbox(s Sandbox) (kind string, err error) { return tool.NewRunner(s, "").Probe() }

// Helper must be the first call of a program that starts scanners. A sandbox is made by starting the
// program again; in that second process Helper does the work and does not return.
func Helper() { tool.Helper() }

// Tools start programs, each in a sandbox. They find out which kind of sandbox works when they first need one.
type Tools = tool.Runner

// NewTools returns tools with a sandbox of this mode.
func NewTools(s Sandbox) *Tools { return tool.NewRunner(s, "") }

// A Session is a second process of this program in a sandbox, see [Tools.Session].
type (
	Session        = tool.Session
	SessionOptions = tool.SessionOptions
	Ended          = tool.Ended
)

// An Elsewhere does the parts of a program's scan that read content, in another process.
type (
	Elsewhere = tool.Elsewhere
	Part      = tool.Part
	Answer    = tool.Answer
)

// Do does one part of a scan by one of the scanners.
func Do(ctx context.Context, all []scanners.Scanner, p Part) (Answer, error) {
	for _, s := range all {
		if doer, ok := s.(interface {
			Do(context.Context, Part) (Answer, error)
		}); ok && s.Info().Name == p.Scanner {
			return doer.Do(ctx, p)
		}
	}
	return Answer{}, fmt.Errorf("there is no program %q", p.Scanner)
}
