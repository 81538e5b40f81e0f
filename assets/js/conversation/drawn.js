// What this page has drawn of the conversation. ui/state/tab/drawn.py keeps the same on the server.

let version = 0;
let answers = []; // of each answer: the text for copying, the places that it names, and how sure they are
let questions = []; // of each question: the regions that it is about

/** The messages with the new part from the server; null if it continues another version. */
export function completed(rest, messages) {
  if (rest.version === version) return messages; // already drawn
  if (rest.kept && rest.before !== version) return null;
  version = rest.version;
  const kept = messages.slice(0, rest.kept);
  const count = (wanted) => kept.filter(({ role }) => role === wanted).length;
  answers = [...answers.slice(0, count('assistant')), ...rest.answers];
  questions = [...questions.slice(0, count('user')), ...rest.regions];
  return [...kept, ...rest.messages];
}

export const texts = () => answers.map(({ text }) => text);
export const places = () => answers.map((answer) => answer.places);
export const probabilities = () => answers.map(({ sure }) => sure ?? null);
export const regions = () => questions;
