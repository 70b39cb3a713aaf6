// language_service.mjs FILE...: what GitHub's language service, which is made from GitHub's own parser, finds in
// workflows and action files. Prints one line per finding; the exit code is 1 when there is one.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { validate } from "@actions/languageservice/validate";
import { TextDocument } from "vscode-languageserver-textdocument";

async function check(file) {
  const text = readFileSync(file, "utf8");
  for (const { range, message } of await validate(TextDocument.create(pathToFileURL(file).href, "yaml", 1, text))) {
    console.log(`${file}:${range.start.line + 1}: ${message}`);
    process.exitCode = 1;
  }
}

process.argv.slice(2).forEach(check);
