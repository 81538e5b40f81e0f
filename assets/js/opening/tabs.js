// No two tabs share a conversation. Browsers copy sessionStorage, and so the key, into duplicated tabs and into tabs that a
// tab opens. So a tab that starts with a key asks the others whether one of them has it. After a reload none answers.

const ANSWER_MS = 500; // a busy tab needs so long; Gradio's own start takes longer

const channelOfAll = () => new BroadcastChannel('qwen-vl-chat');

/**
 * Talks to the other tabs. open: returns the channel between them; it throws in browsers without one.
 * @param {() => { addEventListener: Function, postMessage: Function }} open
 */
export function neighbours(open = channelOfAll, patience = ANSWER_MS) {
  /** @type {{ addEventListener: Function, postMessage: Function } | null} */
  let channel = null;
  let mine = ''; // the key that this tab has
  let late = () => {};
  const waiting = new Map(); // by key that was asked for: the function that takes the answer
  try { channel = open(); } catch { /* then nobody can be asked */ }
  channel?.addEventListener('message', ({ data }) => {
    if (data?.asked && data.asked === mine) channel.postMessage({ held: mine });
    if (data?.held && waiting.has(data.held)) waiting.get(data.held)(true);
    else if (data?.held && data.held === mine) late();
  });

  /** Whether another tab has this key. */
  function have(key) {
    if (!channel || !key) return Promise.resolve(false);
    return new Promise((resolve) => {
      const answer = (held) => { waiting.delete(key); clearTimeout(timer); resolve(held); };
      const timer = setTimeout(answer, patience, false);
      waiting.set(key, answer);
      channel.postMessage({ asked: key });
    });
  }

  /** This tab has the key from now on. whenLate: called if another tab turns out to have it. */
  function take(key, whenLate = () => {}) { mine = key; late = whenLate; }

  return { have, take };
}
