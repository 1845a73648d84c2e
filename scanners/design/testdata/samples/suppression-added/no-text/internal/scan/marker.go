package scan

const marker = "// #nosec G204"

var words = []string{"nosemgrep", "gitleaks:allow"}
