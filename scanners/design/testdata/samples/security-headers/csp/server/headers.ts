res.setHeader('Content-Security-Policy', "default-src 'self'; script-src 'self' https://cdn.example.com 'unsafe-inline'");
