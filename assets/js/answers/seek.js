// A time in an answer is a link that moves the clip's player there.
import { within } from '../page/parts.js';

const LINKS = '#chatbot .bot a[href^="#t="], #live a[href^="#t="]';

function seek(event) {
  const link = event.target.closest(LINKS);
  if (!link) return;
  event.preventDefault();
  event.stopPropagation();
  const [, seconds, place] = /^#t=(\d+(?:\.\d+)?)&clip=(\d+)$/.exec(link.getAttribute('href')) ?? [];
  const players = /** @type {NodeListOf<HTMLVideoElement>} */ (document.querySelectorAll('#chatbot .user video'));
  const player = players[Number(place) - 1];
  if (!player) return;
  // At the very end there is no frame to show.
  const last = Number.isFinite(player.duration) ? Math.max(0, player.duration - 0.05) : Infinity;
  player.currentTime = Math.min(Number(seconds), last);
  player.scrollIntoView({ block: 'nearest' });
}

export function start() {
  document.addEventListener('click', seek, true);
  // On pointerdown: the live answer is redrawn so often that a press and its release meet different links.
  document.addEventListener('pointerdown', (event) => { if (within(event, '#live')) seek(event); }, true);
}
