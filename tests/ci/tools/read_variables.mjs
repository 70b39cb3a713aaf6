// node read_variables.mjs node|dotenv|azure FILE...: what a consumer reads from each file, as one JSON object a line;
// null where it refuses the file. Packages are those below ZN_CI_TOOLS.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseEnv } from "node:util";

const require = createRequire(`${process.env.ZN_CI_TOOLS}/`);

// The library with which tasks of Azure Pipelines write commands, and read those of others.
function azure(text) {
  const { commandFromString } = require("azure-pipelines-task-lib/taskcommand");
  const commands = text.replace(/\n$/, "").split("\n").map(commandFromString);
  const setters = commands.filter(({ command }) => command === "task.setvariable");
  return Object.fromEntries(setters.map(({ properties, message }) => [properties.variable, message]));
}

const consumers = {
  node: parseEnv, // as `node --env-file` does
  dotenv: (text) => require("dotenv").parse(text),
  azure,
};
const [consumer, ...files] = process.argv.slice(2);
for (const file of files) {
  let variables = null;
  try {
    variables = consumers[consumer](readFileSync(file, "utf8"));
  } catch {
    // It stays null.
  }
  console.log(JSON.stringify(variables));
}
