// createHmac(secret) was used here before
const bcrypt = require('bcrypt');
module.exports = (p) => bcrypt.hash(p, 12);
