eval(code); // nosemgrep: javascript.lang.security.eval -- the sandbox runs it, until 2027-01-31
const k = 'x'; // gitleaks:allow
