// Safari lays its keyboard over the page and scrolls it. So that what is typed on stays above the keyboard and the header in
// sight, the page becomes as high as what is left. Other browsers do that by themselves where a page asks for it.

const LEAST_PX = 120; // a keyboard is higher than a browser's bars

/** The height that is left above a keyboard in pixels, or 0 without one. */
export function heightAbove({ innerHeight, visualViewport }) {
  if (!visualViewport || visualViewport.scale > 1.01) return 0; // a page that is looked at more closely
  return innerHeight - visualViewport.height > LEAST_PX ? visualViewport.height : 0;
}

/** Ask browsers to make the page shorter by the keyboard. */
export function askForRoom(document) {
  for (const meta of document.querySelectorAll('meta[name=viewport]')) meta.content += ', interactive-widget=resizes-content';
}

/** Call `take` with it whenever it changes. */
export function whenItChanges(window, take) {
  let before = 0;
  window.visualViewport?.addEventListener('resize', () => {
    const now = heightAbove(window);
    if (now === before) return;
    before = now;
    take(now);
  });
}
