// A moment that an answer names shows that frame in the clip's player.
document.addEventListener('click', (event) => {
  const link = event.target.closest('#chatbot .bot a[href^="#t="], #live a[href^="#t="]');
  const found = /^#t=(\d+(?:\.\d+)?)&clip=(\d+)$/.exec(link?.getAttribute('href') ?? '');
  if (!link) return;
  event.preventDefault();
  event.stopPropagation();
  const player = found && document.querySelectorAll('#chatbot .user video')[Number(found[2]) - 1];
  if (!player) return;
  const last = Number.isFinite(player.duration) ? Math.max(0, player.duration - 0.05) : Infinity; // at the end there is no frame
  player.currentTime = Math.min(Number(found[1]), last);
  player.scrollIntoView({ block: 'nearest' });
}, true);
