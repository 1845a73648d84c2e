// The configuration, renamed, reordered and indented anew.

function token() {
    if (true) {
        return "{{GITHUB_PAT}}";
    }
}

const key  =  "{{AWS_KEY}}";
