// Tabs whose latest turn is not kept yet. One that is closed before it is leaves its note, and the next page keeps the turn.
import { local } from '../browser/storage.js';
import { key } from '../opening/conversation_key.js';
import { owner } from '../opening/opening.js';
import { chosen, known, whenChosen } from './choice.js';

const UNKEPT = 'qwen-vl-chat-unkept';
const MAX_TABS = 20;

/** By the tab's key: who is logged in there, and where its conversations are kept. */
function all() {
  try { return JSON.parse(local.get(UNKEPT) ?? '{}'); } catch { return {}; }
}

const write = (entries) => local.set(UNKEPT, JSON.stringify(Object.fromEntries(entries.slice(-MAX_TABS))));
const others = (mine) => Object.entries(all()).filter(([of]) => of !== mine);

let noted = false;

/** The conversation of this tab changes. */
export function note() {
  if (noted || chosen() !== 'yes') return;
  noted = true;
  write([...others(key()), [key(), { owner: owner(), known: known() }]]);
}

/** The conversation of this tab, or that of the closed one with the key `of`, is kept. */
export function settle(of = key()) {
  if (of === key()) noted = false;
  write(others(of));
}

/** The keys of the other tabs of this log-in, each with what was known there. */
export const left = () => others(key()).filter(([, { owner: who }]) => who === owner()).map(([of, note]) => [of, note.known]);

// Who wants nothing kept does not want it later either.
whenChosen(() => {
  if (chosen() === 'yes') return;
  noted = false;
  write(Object.entries(all()).filter(([, { owner: who }]) => who !== owner()));
});
