// The parts of the page. Gradio builds it after the scripts have run, and each part when the code for it has
// arrived, in any order.

/**
 * The element that is found first, of whatever kind.
 * @type {(selector: string) => any}
 */
export const one = (selector) => document.querySelector(selector);

/** The element that fits `selector` in which the event happened, if there is one. */
export const within = (event, selector) => event.target?.closest?.(selector) ?? null;

/** What a MutationObserver is to see of a part: Gradio changes attributes in place as well. */
export const ANY_CHANGE = { attributes: true, childList: true, characterData: true, subtree: true };

const PARTS = [
  '#settings', '#page', '#model-banner', '#views', '#talk', '#chatbot', '#live', '#compared', '#tray',
  '#composer textarea', '#message', '#edit-box textarea', '#cost-card', '#run-state', '#ready', '#resume', '#page-texts', '#copy', '#export', '#reproduce',
];

/** Call `start` as soon as every part is there: at once, if they are. */
export function whenReady(start) {
  PARTS.every(one) ? start() : setTimeout(whenReady, 100, start);
}
