// No two tabs are one conversation. Browsers copy what a tab keeps into its duplicate and into what it opens, its
// key too. So whoever starts with a key asks whether another tab has it; after a reload nobody answers.

const ANSWER_MS = 500; // a tab that does something takes as long; Gradio's own start takes longer

const channelOfAll = () => new BroadcastChannel('qwen-vl-chat');

/**
 * What other tabs know of this one. open: gives the channel between them; browsers without one throw.
 * @param {() => { addEventListener: Function, postMessage: Function }} open
 */
export function neighbours(open = channelOfAll, patience = ANSWER_MS) {
  /** @type {{ addEventListener: Function, postMessage: Function } | null} */
  let channel = null;
  let mine = ''; // the key that this tab has
  let late = () => {};
  const waiting = new Map(); // keys that were asked for -> what takes the answer
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

  /** From now on this tab has the key. whenLate: another turns out to have had it before. */
  function take(key, whenLate = () => {}) { mine = key; late = whenLate; }

  return { have, take };
}
