const { exec } = require("child_process");

function convert(name) {
	exec("convert " + name);
}
module.exports = convert;
