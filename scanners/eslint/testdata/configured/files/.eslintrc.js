require("fs").writeFileSync(__dirname + "/written-by-the-tree.js", "eval(name);");
module.exports = [{ ignores: ["**/*"] }];
