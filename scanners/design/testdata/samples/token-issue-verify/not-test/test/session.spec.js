const jwt = require('jsonwebtoken');
const token = jwt.sign({ sub: 1 }, 'secret');
