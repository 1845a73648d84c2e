function find(pattern, text) {
	return new RegExp(pattern).exec(text);
}
module.exports = { find };
