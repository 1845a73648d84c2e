const csp = "script-src 'unsafe-eval'";
const hint = 'never call eval(input)';
