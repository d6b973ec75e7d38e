// In: the path of an AsyncAPI document. Out: what it describes, or what is wrong with it and exit code 1.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

// The packages are beside the environment of the checks, and not above this file.
const require = createRequire(pathToFileURL(join(process.env.NODE_PACKAGES, "package.json")));
const { Parser } = require("@asyncapi/parser");

const [path] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"), { source: path });
const SEVERITY = ["error", "warning"];
const wrong = diagnostics.filter((each) => each.severity < SEVERITY.length);
for (const { severity, range, path: where, message } of wrong) {
  console.log(`${SEVERITY[severity]}: line ${range.start.line + 1}, ${where.join(".")}: ${message}`);
}
if (wrong.length > 0 || document === undefined) process.exit(1);
console.log(`${document.channels().all().length} channels, ${document.messages().all().length} messages`);
