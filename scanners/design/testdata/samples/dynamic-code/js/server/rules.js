module.exports = (body) => new Function('order', body);
