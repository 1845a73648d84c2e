// The whole configuration of ESLint. The plug-in and the parser are those installed beside it.
import { createRequire } from "node:module";
import { realpathSync } from "node:fs";

const beside = createRequire(realpathSync(process.argv[1]));
const security = beside("eslint-plugin-security");
const espree = beside("espree");

// Files say nowhere whether they are modules or scripts, so what is no module is read as a script.
const parser = {
	parse(code, options) {
		try {
			return espree.parse(code, { ...options, sourceType: "module" });
		} catch (error) {
			try {
				return espree.parse(code, { ...options, sourceType: "commonjs" });
			} catch {
				throw error;
			}
		}
	},
};

export default [
	{ ignores: ["!**/node_modules/", "!**/.git/"] },
	{
		files: ["**/*.js", "**/*.mjs", "**/*.cjs", "**/*.jsx"],
		linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: "off" },
		languageOptions: {
			ecmaVersion: "latest",
			parser,
			parserOptions: { ecmaFeatures: { jsx: true } },
			globals: { window: "readonly", global: "readonly", globalThis: "readonly", self: "readonly", setTimeout: "readonly", setInterval: "readonly" },
		},
		plugins: { security },
		rules: {
			...security.configs.recommended.rules,
			// Every table with a computed key, which is most of them.
			"security/detect-object-injection": "off",
			"no-implied-eval": "warn",
			"no-new-func": "warn",
			"no-script-url": "warn",
		},
	},
];
