// A picture that can be looked at more closely: enlarged by the wheel or by buttons, moved by dragging and scrolling.
import { button } from './dialog.js';
import { text } from './texts.js';

const MOST = 8;
const STEP = 1.5;
const WHEEL_PX = 400; // that enlarge by a factor of e

/** Gives the room in which `content` is shown, and the buttons. */
export function zoomable(content) {
  const room = Object.assign(document.createElement('div'), { className: 'room' });
  room.append(content);
  let zoom = 1;
  let fitted = 0; // px wide

  // at: what stays where it is, as a share of the room.
  function to(wanted, [across, down] = [0.5, 0.5]) {
    if (zoom === 1) fitted = content.getBoundingClientRect().width;
    const [width, height] = [across * room.clientWidth, down * room.clientHeight];
    const [x, y] = [(room.scrollLeft + width) / zoom, (room.scrollTop + height) / zoom];
    zoom = Math.min(MOST, Math.max(1, wanted));
    room.toggleAttribute('data-zoomed', zoom > 1);
    content.style.width = zoom > 1 ? `${fitted * zoom}px` : '';
    [room.scrollLeft, room.scrollTop] = [x * zoom - across * room.clientWidth, y * zoom - down * room.clientHeight];
  }

  room.addEventListener('wheel', (event) => {
    event.preventDefault();
    const { left, top, width, height } = room.getBoundingClientRect();
    to(zoom * Math.exp(-event.deltaY / WHEEL_PX), [(event.clientX - left) / width, (event.clientY - top) / height]);
  }, { passive: false });
  if (!content.classList.contains('pointable')) movable(room);
  const [smaller, larger] = [button('−', 'zoom', () => to(zoom / STEP)), button('+', 'zoom', () => to(zoom * STEP))];
  smaller.ariaLabel = smaller.title = text('zoomOut');
  larger.ariaLabel = larger.title = text('zoomIn');
  return { room, buttons: [smaller, larger] };
}

function movable(room) {
  room.addEventListener('dragstart', (event) => event.preventDefault());
  room.addEventListener('pointerdown', (event) => {
    if (event.button || event.pointerType === 'touch') return; // a finger scrolls
    room.setPointerCapture(event.pointerId);
  });
  room.addEventListener('pointermove', (event) => {
    if (!room.hasPointerCapture(event.pointerId)) return;
    room.scrollLeft -= event.movementX;
    room.scrollTop -= event.movementY;
  });
}
