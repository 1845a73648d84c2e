const express = require("express");
const router = express.Router();
router.post("/stripe/webhook", express.raw({ type: "application/json" }), receive);
module.exports = router;
