package catalog

import "github.com/secbydesign/secbydesign/scanners/internal/tool"

// A Sandbox says what keeps a scanner that is a program in its place.
type Sandbox = tool.Mode

// ParseSandbox reads a word of SECBYDESIGN_SANDBOX: auto, landlock, bwrap or off. The error goes
// on after the name of the setting.
func ParseSandbox(word string) (Sandbox, error) { return tool.ParseMode(word) }

// SandboxOff is the one without a sandbox. It is never chosen but by its word.
const SandboxOff = tool.Off

// ProbeSandbox tries out what keeps programs in their place, and names it. An error is a part of a
// sentence, after "There is": nothing does, and no program is started.
func ProbeSandbox(s Sandbox) (kind string, err error) { return tool.NewRunner(s, "").Probe() }

// Helper must be the first call of a program that starts scanners: the sandbox is made by starting
// the program once more, and that is where it then goes on and does not return.
func Helper() { tool.Helper() }
