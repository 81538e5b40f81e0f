// What this page has drawn of the conversation: the server sends what is new of it (ui/state/tab/drawn.py).

let version = 0;
let answers = []; // of each answer: the text for copying, and the places that it points at

/** The messages with the rest from the server; null if it is the rest of something else. */
export function completed(rest, messages) {
  if (rest.version === version) return messages; // it has been drawn before
  if (rest.kept && rest.before !== version) return null;
  version = rest.version;
  const kept = messages.slice(0, rest.kept);
  answers = [...answers.slice(0, kept.filter(({ role }) => role === 'assistant').length), ...rest.answers];
  return [...kept, ...rest.messages];
}

export const texts = () => answers.map(({ text }) => text);
export const places = () => answers.map((answer) => answer.places);
