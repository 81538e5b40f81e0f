// A page that was cut off picks the running answer up again: after a lost network, a locked phone, or
// when the browser takes it out of its cache. A reload does so by itself.
(() => {
  const AWAY_MS = 3000; // shorter absences do not break a connection
  const LIVE = ['loading', 'queued', 'reading', 'answering'];
  let hiddenAt = 0;

  function resume() {
    const state = qwenVlChat.one('#run-state [data-state]')?.dataset.state;
    if (LIVE.includes(state)) qwenVlChat.one('#resume')?.click();
  }

  addEventListener('online', resume);
  addEventListener('pageshow', (event) => { if (event.persisted) resume(); });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (hiddenAt && Date.now() - hiddenAt > AWAY_MS) resume();
  });
})();
