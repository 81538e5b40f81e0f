// A page that was cut off picks the running answer up again: after a lost network, a locked phone, or
// when the browser takes it out of its cache. A reload does so by itself.
(() => {
  const AWAY_MS = 3000; // shorter absences do not break a connection
  const LIVE = ['loading', 'queued', 'reading', 'answering'];
  let hiddenAt = 0;
  let cutOff = false;

  const live = () => LIVE.includes(qwenVlChat.one('#run-state [data-state]')?.dataset.state);

  function resume() {
    if (live()) qwenVlChat.one('#resume')?.click();
  }

  // The server waits for a page whose connection was cut, and not for one that says that it goes.
  let leaving = '';
  qwenVlChat.opened = (key, page) => {
    if (!key) return; // the server has refused it
    leaving = JSON.stringify({ key, page });
    qwenVlChat.isKnown();
  };
  addEventListener('pagehide', () => { if (leaving) navigator.sendBeacon('leave', leaving); });

  addEventListener('offline', () => { cutOff ||= live(); });
  // Gradio sends nothing any more once a request has failed, and reloads the page within two seconds of
  // the network's return. At once is better: what somebody sends until then would go nowhere.
  addEventListener('online', () => {
    if (cutOff || qwenVlChat.one('.toast-body.error')) location.reload();
  });
  addEventListener('pageshow', (event) => { if (event.persisted) resume(); });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (hiddenAt && Date.now() - hiddenAt > AWAY_MS) resume();
  });
})();
