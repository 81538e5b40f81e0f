// Finding the parts of the page, which Gradio draws after the scripts have run, in any order; and making more.

/**
 * The first element that matches, as any type.
 * @type {(selector: string) => any}
 */
export const $ = (selector) => document.querySelector(selector);

/** The closest element around the event's target that matches, or null. */
export const within = (event, selector) => event.target?.closest?.(selector) ?? null;

/**
 * A new element of this class around these nodes and texts. A button does not submit.
 * @type {(tag: string, className: string, ...children: any[]) => any}
 */
export function make(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  if (made instanceof HTMLButtonElement) made.type = 'button';
  made.append(...children);
  return made;
}

/** Options of a MutationObserver: Gradio also changes attributes and texts in place. */
export const ANY_CHANGE = { attributes: true, childList: true, characterData: true, subtree: true };

const PARTS = [
  '#settings', '#page', '#model-banner', '#views', '#talk', '#chatbot', '#live', '#compared', '#tray',
  '#composer textarea', '#message', '#edit-box textarea', '#edit-actions', '#tasks', '#cost-card', '#notice', '#run-state', '#read-items', '#resume', '#page-texts', '#answer-as', '#copy', '#export', '#reproduce',
];

/** Call `start` as soon as every part is there, at once if they are. */
export function whenReady(start) {
  PARTS.every($) ? start() : setTimeout(whenReady, 100, start);
}
