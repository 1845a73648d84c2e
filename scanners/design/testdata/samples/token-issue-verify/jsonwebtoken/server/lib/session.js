const jwt = require('jsonwebtoken');

exports.read = (token) => jwt.verify(token, process.env.JWT_SECRET);
