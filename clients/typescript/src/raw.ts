// JSON as text: numbers of JavaScript lose digits, so what must keep them is cut out of the text and put back into it.
// Must never change a digit or the order of keys, and never be given text that JSON.parse has not accepted.

/** A JSON value as its text. Inside of an output it is written as it is. */
export class RawJson {
  constructor(readonly text: string) {
    try {
      JSON.parse(text);
    } catch (cause) {
      throw new TypeError(`RawJson: this is no JSON: ${text.slice(0, 80)}`, { cause });
    }
  }

  /** The value, with the digits that a double has. */
  parse(): unknown {
    return JSON.parse(this.text);
  }

  toString(): string {
    return this.text;
  }
}

const MAX_DEPTH = 500;

/** What JSON.stringify writes, with RawJson and bigint digit for digit; refuses what JSON cannot say. */
export function stringify(value: unknown): string {
  const json = written(value, "", 0);
  if (json === undefined) {
    throw new TypeError("it is undefined, which JSON cannot say");
  }
  return json;
}

function written(value: unknown, path: string, depth: number): string | undefined {
  const here = path === "" ? "it" : path;
  if (depth > MAX_DEPTH) {
    throw new TypeError(`it is nested more than ${MAX_DEPTH} deep, or holds itself`);
  }
  switch (typeof value) {
    case "string":
      return text(value);
    case "boolean":
      return String(value);
    case "bigint":
      return value.toString();
    case "number":
      if (!Number.isFinite(value)) {
        throw new TypeError(`${here} is ${value}, which JSON cannot say`);
      }
      return JSON.stringify(value);
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null) {
    return "null";
  }
  if (value instanceof RawJson) {
    return value.text;
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, n) => written(item, `${path}/${n}`, depth + 1) ?? "null").join(",")}]`;
  }
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) {
    throw new TypeError(`${here} is a ${value.constructor.name}, which JSON cannot say`);
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    return written(value.toJSON(), path, depth + 1);
  }
  const found: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    const json = written(member, `${path}/${name}`, depth + 1);
    if (json !== undefined) {
      found.push(`${text(name)}:${json}`);
    }
  }
  return `{${found.join(",")}}`;
}

/** Half of a pair of surrogates, as cutting a text leaves it, is nothing that UTF-8 has: no server would read the rest. */
function text(value: string): string {
  return JSON.stringify(value.replace(/\p{Surrogate}/gu, "\uFFFD"));
}

/** The members of an object, each as its own text. */
export function members(text: string): Map<string, string> {
  return new Map(
    parts(text, "{").map((part) => {
      const colon = afterString(part, 0);
      return [JSON.parse(part.slice(0, colon)) as string, part.slice(part.indexOf(":", colon) + 1).trim()];
    }),
  );
}

/** The items of a list, each as its own text. */
export function items(text: string): string[] {
  return parts(text, "[");
}

function parts(text: string, opening: "{" | "["): string[] {
  const start = text.search(/\S/);
  if (text[start] !== opening) {
    return [];
  }
  const found: string[] = [];
  let depth = 0;
  let begin = start + 1;
  for (let at = start; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        at = afterString(text, at) - 1;
        break;
      case "{":
      case "[":
        depth += 1;
        break;
      case "}":
      case "]":
        depth -= 1;
        break;
      case ",":
        if (depth === 1) {
          found.push(text.slice(begin, at).trim());
          begin = at + 1;
        }
        break;
      default:
    }
    if (depth === 0) {
      const last = text.slice(begin, at).trim();
      return last === "" ? found : [...found, last];
    }
  }
  return found;
}

/** The place after the string that begins at `at`. */
function afterString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (end !== -1 && isEscaped(text, end)) {
    end = text.indexOf('"', end + 1);
  }
  return end === -1 ? text.length : end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === "\\") {
    slashes += 1;
  }
  return slashes % 2 === 1;
}
