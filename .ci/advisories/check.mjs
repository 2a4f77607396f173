// Which packages of a lock file have a known weakness, by a copy of the RustSec advisory database.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The packages of a lock file that come from the registry, as [name, version]. */
function locked(text) {
  return text.split("[[package]]").slice(1).map((part) => {
    const value = (name) => part.match(new RegExp(`^${name} = "([^"]*)"`, "m"))?.[1];
    return { name: value("name"), version: value("version"), source: value("source") };
  }).filter((one) => one.source?.startsWith("registry+"));
}

/** The strings of an array such as `patched = [">= 1.2", "^1.0.3"]`, over one line or several; none where there is none. */
function strings(table, name) {
  const array = table.match(new RegExp(`^${name}\\s*=\\s*\\[([^\\]]*)\\]`, "m"))?.[1] ?? "";
  return [...array.matchAll(/"([^"]*)"/g)].map((found) => found[1]);
}

/** An advisory, or an error where it cannot be read. */
function advisory(text, file) {
  const front = text.match(/```toml\n([\s\S]*?)\n```/)?.[1];
  if (!front) throw new Error(`${file} has no table at its head`);
  const table = (name) => front.split(/^\[/m).find((part) => part.startsWith(`${name}]`)) ?? "";
  const value = (name) => table("advisory").match(new RegExp(`^${name}\\s*=\\s*"([^"]*)"`, "m"))?.[1];
  const one = { id: value("id"), package: value("package"), withdrawn: value("withdrawn"), informational: value("informational"),
    patched: strings(table("versions"), "patched"), unaffected: strings(table("versions"), "unaffected"),
    title: text.match(/^# (.*)$/m)?.[1] ?? "" };
  if (!one.id || !one.package || !table("versions")) throw new Error(`${file} names no id, package or versions`);
  return one;
}

/** A version as numbers and what stands before a release; null for what is none. */
function version(text) {
  const found = text.trim().match(/^(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$/);
  if (!found) return null;
  const numbers = [found[1], found[2], found[3]].filter((part) => part !== undefined).map(Number);
  return { numbers: [...numbers, 0, 0].slice(0, 3), given: numbers.length, before: found[4]?.split(".") ?? [] };
}

/** The order of two versions (SemVer, section 11). */
function compare(a, b) {
  for (let at = 0; at < 3; at += 1) if (a.numbers[at] !== b.numbers[at]) return a.numbers[at] - b.numbers[at];
  if (!a.before.length || !b.before.length) return b.before.length - a.before.length;
  for (let at = 0; at < Math.max(a.before.length, b.before.length); at += 1) {
    const [one, other] = [a.before[at], b.before[at]];
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1;
    if (one === other) continue;
    const [isNumber, otherIs] = [/^\d+$/.test(one), /^\d+$/.test(other)];
    if (isNumber && otherIs) return Number(one) - Number(other);
    if (isNumber !== otherIs) return isNumber ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return 0;
}

/** Whether a version is within a range such as `>= 1.2.3, < 2` or `^1.0.5`. A range that cannot be read is an error. */
function within(range, text) {
  const given = version(text);
  return range.split(",").every((part) => {
    const found = part.trim().match(/^(>=|<=|>|<|=|\^|~)?\s*(\S+)$/);
    if (part.trim() === "*") return true;
    const bound = found && version(found[2]);
    if (!given || !bound) throw new Error(`${range} is no range, or ${text} no version`);
    const [major, minor, patch] = bound.numbers;
    const order = compare(given, bound);
    const below = (numbers) => compare(given, { numbers, before: ["0"] }) < 0;
    switch (found[1] ?? "^") {
      case ">=": return order >= 0;
      case ">": return order > 0;
      case "<": return order < 0;
      case "<=": return order <= 0;
      case "=": return order === 0;
      case "~": return order >= 0 && below(bound.given === 1 ? [major + 1, 0, 0] : [major, minor + 1, 0]);
      default: {
        const next = major > 0 || bound.given === 1 ? [major + 1, 0, 0]
          : minor > 0 || bound.given === 2 ? [0, minor + 1, 0] : [0, 0, patch + 1];
        return order >= 0 && below(next);
      }
    }
  });
}

/** What the database says of a lock file. */
function check(lock, database, accepted) {
  const crates = join(database, "crates");
  if (!existsSync(crates) || !readdirSync(crates).length) throw new Error(`${database} is no advisory database: it has no crates/`);
  const outcome = { weak: [], told: [], packages: 0, advisories: 0 };
  for (const one of locked(lock)) {
    outcome.packages += 1;
    const folder = join(crates, one.name);
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).filter((file) => file.endsWith(".md"))) {
      const known = advisory(readFileSync(join(folder, file), "utf8"), file);
      outcome.advisories += 1;
      if (known.withdrawn || known.package !== one.name || accepted.includes(known.id)) continue;
      if ([...known.patched, ...known.unaffected].some((range) => within(range, one.version))) continue;
      (known.informational ? outcome.told : outcome.weak).push({ ...known, version: one.version });
    }
  }
  if (!outcome.packages) throw new Error("the lock file names no package of the registry");
  return outcome;
}

const line = (one) => `${one.id} ${one.package} ${one.version}: ${one.title}${one.informational ? ` (${one.informational})` : ""}`
  + (one.patched.length ? `; mended in ${one.patched.join(" or ")}` : "; mended in none");

function selfTest() {
  const fixture = new URL("./fixture/", import.meta.url).pathname;
  const lock = readFileSync(join(fixture, "Cargo.lock"), "utf8");
  const found = check(lock, fixture, ["RUSTSEC-0000-0007"]);
  assert.deepEqual(found.weak.map((one) => `${one.id} ${one.package} ${one.version}`),
    ["RUSTSEC-0000-0001 alpha 1.2.2", "RUSTSEC-0000-0003 beta 0.4.0-rc.1", "RUSTSEC-0000-0006 zeta 2.0.0"]);
  assert.deepEqual(found.told.map((one) => one.id), ["RUSTSEC-0000-0004"]);
  for (const [range, inside, outside] of [
    [">= 1.2.3", ["1.2.3", "2.0.0"], ["1.2.2", "1.2.3-alpha"]],
    [">= 1.2.3, < 2", ["1.9.0"], ["2.0.0", "1.0.0"]],
    ["^1.2", ["1.2.0", "1.9.9"], ["1.1.9", "2.0.0", "2.0.0-alpha"]],
    ["^0.3.4", ["0.3.4", "0.3.9"], ["0.4.0", "0.3.3"]],
    ["^0.0.3", ["0.0.3"], ["0.0.4"]],
    ["~1.2.3", ["1.2.9"], ["1.3.0"]],
    ["1.0", ["1.5.0"], ["2.0.0"]],
    ["= 1.0.0", ["1.0.0", "1.0.0+build"], ["1.0.1"]],
    ["> 1.0.0-rc.2", ["1.0.0-rc.10", "1.0.0"], ["1.0.0-rc.2", "1.0.0-alpha"]],
    ["<= 0.1", ["0.1.0", "0.0.9"], ["0.1.1"]],
  ]) {
    for (const one of inside) assert(within(range, one), `${one} is within ${range}`);
    for (const one of outside) assert(!within(range, one), `${one} is not within ${range}`);
  }
  assert.throws(() => within("newest", "1.0.0"));
  assert.throws(() => check(lock, join(fixture, "nowhere"), []));
  assert.throws(() => check("", fixture, []));
  console.log("The check finds what it should in its own small database.");
}

if (process.argv[2] === "--self-test") {
  selfTest();
} else {
  const [lock, deny, database] = process.argv.slice(2);
  // What has been looked at and accepted stands in deny.toml with its reason, where cargo-deny reads it too.
  const accepted = readFileSync(deny, "utf8").split(/^\[/m).find((part) => part.startsWith("advisories]")) ?? "";
  const found = check(readFileSync(lock, "utf8"), database, accepted.match(/RUSTSEC-\d{4}-\d{4}/g) ?? []);
  for (const one of found.told) console.log(`note  ${line(one)}`);
  for (const one of found.weak) console.log(`WEAK  ${line(one)}`);
  console.log(`${found.packages} packages, ${found.advisories} advisories about them: ${found.weak.length} weaknesses, ${found.told.length} notes.`);
  if (found.weak.length) {
    console.log("Update the package, or accept the advisory in deny.toml, [advisories], ignore = [{ id = …, reason = … }].");
    process.exit(1);
  }
}
