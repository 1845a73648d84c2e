package catalog

import "github.com/secbydesign/secbydesign/scanners/internal/tool"

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
