res.setHeader('Content-Security-Policy', "default-src 'none'; script-src 'self' 'nonce-abc'; frame-ancestors 'none'");
res.setHeader('X-Frame-Options', 'DENY');
