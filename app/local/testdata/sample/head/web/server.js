function slow(text) {
	return /(a+)+$/.test(text);
}
function build(text) {
	return new Function(text);
}
function find(pattern, text) {
		return new RegExp(pattern).exec(text);
}
module.exports = { build, find, slow };
