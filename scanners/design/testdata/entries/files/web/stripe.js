const crypto = require("crypto");

// isSigned reports whether Stripe sent the body.
exports.isSigned = (body, signature, key) =>
  crypto.timingSafeEqual(crypto.createHmac("sha256", key).update(body).digest(), Buffer.from(signature, "hex"));
