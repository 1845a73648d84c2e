const key = "{{AWS_KEY}}";

function token() {
  return "{{GITHUB_PAT}}";
}
