import { pseudoRandomBytes } from "node:crypto";

const name = process.argv[2];
export const plugin = require(name);
export const token = new Function(name);
export const link = "javascript:alert(1)";
export const buffer = new Buffer(name);
