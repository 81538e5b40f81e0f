// An answer that is data, as tables and as CSV.

const PLACE = /^(b?box(es)?(_?2d)?|bounding_?box|point(_?2d)?|coordinates?|location|position|region|area|rect(angle)?)$/i;

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isTable = (value) => Array.isArray(value) && value.length > 0 && value.every(isObject);
const isGrid = ({ columns, rows }) => Array.isArray(columns) && Array.isArray(rows) && rows.every(Array.isArray);
/** A value as a cell shows it. */
export const shown = (value) => (typeof value === 'string' ? value : JSON.stringify(value ?? null).replace(/^null$/, ''));

/**
 * The tables of a value: {name, head, rows}, where a row is a list of cells, each {path, value}.
 * @returns {any[]}
 */
export function tables(value, path = []) {
  if (isTable(value)) return [records(value, path)];
  if (Array.isArray(value)) return [{ name: path.join('.'), head: null, rows: value.map((one, i) => [{ path: [...path, i], value: one }]) }];
  if (!isObject(value)) return [{ name: '', head: null, rows: [[{ path, value }]] }];
  if (isGrid(value)) {
    const rows = value.rows.map((cells, i) => cells.map((cell, j) => ({ path: [...path, 'rows', i, j], value: cell })));
    return [{ name: path.join('.'), head: value.columns, rows }];
  }
  /** @type {any[]} */
  const own = [];
  /** @type {any[]} */
  const inner = [];
  for (const [key, part] of Object.entries(value)) {
    const at = [...path, key];
    if (isObject(part) && !isGrid(part)) {
      const [first, ...others] = tables(part, at);
      own.push(...first.rows);
      inner.push(...others);
    } else if (isTable(part) || isObject(part)) inner.push(...tables(part, at));
    else own.push([{ path: at, value: at.join('.'), fixed: true }, { path: at, value: part }]);
  }
  return [{ name: path.join('.'), head: null, rows: own }, ...inner];
}

function records(list, path) {
  const head = [...new Set(list.flatMap(Object.keys))];
  const rows = list.map((one, i) => head.map((key) => ({ path: [...path, i, key], value: one[key] })));
  return { name: path.join('.'), head, rows };
}

/** A value's tables as CSV, with an empty line between them. */
export function csv(value) {
  const quoted = (cell) => {
    // A spreadsheet would run what begins like a formula.
    const safe = typeof cell === 'string' && /^[=+@\t\r-]/.test(cell) ? `'${cell}` : shown(cell);
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const line = (cells) => `${cells.map(quoted).join(',')}\r\n`;
  const written = tables(value).filter(({ rows }) => rows.length);
  return written.map(({ head, rows }) => (head ? line(head) : '') + rows.map((cells) => line(cells.map((cell) => cell.value))).join('')).join('\r\n');
}

/** The paths of the objects that name a place, in the order of the text. */
export function placed(value, path = []) {
  if (typeof value !== 'object' || value === null) return [];
  const parts = Object.entries(value);
  const own = parts.some(([key, part]) => isObject(value) && PLACE.test(key) && Array.isArray(part) && part.length > 1 && part.every(Number.isFinite));
  return [...(own ? [path.join('.')] : []), ...parts.flatMap(([key, part]) => placed(part, [...path, key]))];
}

/** What a person has written into a cell, of the kind that was there. */
export function retyped(written, before) {
  if (written === '' && typeof before !== 'string') return null;
  if (typeof before === 'number' && Number.isFinite(Number(written))) return Number(written);
  if (typeof before === 'string' || before === null || before === undefined) return written;
  try { return JSON.parse(written); } catch { return written; }
}
