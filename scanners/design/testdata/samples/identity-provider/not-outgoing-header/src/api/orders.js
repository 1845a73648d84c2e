const send = (token) => fetch('/orders', { headers: { Authorization: `Bearer ${token}` } });
request.headers.authorization = 'x';
