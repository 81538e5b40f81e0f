// What a key means, also while an input method is composing.

// Chromium and Firefox mark such a key with `isComposing`. Safari ends the composition first and then
// reports the Enter that confirmed it, with `isComposing` false and the key code of an input method.
const INPUT_METHOD = 229;

/** Whether the key belongs to an input method (Chinese, Japanese, Korean ...) and not to the page. */
export const composing = (event) => event.isComposing || event.keyCode === INPUT_METHOD;

/** Whether the key sends what is in the composer. */
export const sends = (event) => event.key === 'Enter' && !event.shiftKey && !composing(event);

/** Whether the key closes or stops something. */
export const leaves = (event) => event.key === 'Escape' && !event.defaultPrevented && !composing(event);
