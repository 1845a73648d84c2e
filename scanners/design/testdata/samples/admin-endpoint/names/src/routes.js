const router = require("express").Router();
router.get("/administrative-areas", list);
router.get("/users/:id/internals", show);
router.get("/debugger", show);
