// node write_with_actions_core.mjs: tells the GitHub runner what standard input says, with GitHub's own library below
// ZN_CI_TOOLS. Standard input: {"masks": [text...], "variables": {name: value}, "outputs": {name: value},
// "errors": [{"title", "text"}...]}.
import { readFileSync } from "node:fs";

const core = await import(`${process.env.ZN_CI_TOOLS}/node_modules/@actions/core/lib/core.js`);
const { masks, variables, outputs, errors } = JSON.parse(readFileSync(0, "utf8"));

masks.forEach(core.setSecret);
Object.entries(variables).forEach(([name, value]) => core.exportVariable(name, value));
Object.entries(outputs).forEach(([name, value]) => core.setOutput(name, value));
errors.forEach(({ title, text }) => core.error(text, { title }));
