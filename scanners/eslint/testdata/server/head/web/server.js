const fs = require("fs");
const { exec } = require("child_process");

function convert(name) {
	exec("convert " + name);
}

function handle(req, res, secret) {
	if (req.query.token === secret) {
		const found = new RegExp(req.query.pattern);
		fs.readFile(req.query.file, (_, text) => res.send(found.exec(text)));
	}
	eval(req.body);
	setTimeout("refresh()", 10);
	return /(a+)+$/.test(req.url);
}
module.exports = { convert, handle };
