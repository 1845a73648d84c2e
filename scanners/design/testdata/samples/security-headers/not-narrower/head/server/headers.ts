const csp = { header: 'Content-Security-Policy', value: "script-src 'self' https://a.example.com" };
