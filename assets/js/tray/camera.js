// Takes pictures with the camera and of the screen.
import { attach, attachFailed } from './attachments.js';
import { actions, button, dialog } from '../page/dialog.js';
import { $ } from '../page/parts.js';
import { text } from '../page/texts.js';

async function frame(stream) {
  const video = document.createElement('video');
  video.srcObject = stream;
  video.muted = true;
  await video.play();
  await new Promise((resolve) => (video.requestVideoFrameCallback ?? requestAnimationFrame).call(video, resolve));
  return video;
}

async function attachFrame(video, name) {
  if (!video.videoWidth) throw new Error('there is no frame yet');
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext('2d')?.drawImage(video, 0, 0);
  const content = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!content) throw new Error('the frame cannot be drawn');
  const moment = new Date().toISOString().slice(0, 19).replaceAll(':', '.');
  attach([new File([content], `${name} ${moment}.png`, { type: 'image/png' })]);
}

const leave = (stream) => stream.getTracks().forEach((track) => { track.stop(); });

// The rear camera of a phone first.
const FACING = ['environment', 'user'];

const opened = (facing) =>
  navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, facingMode: { ideal: facing } } });

// Known as soon as the person has allowed one.
const several = async () =>
  (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput').length > 1;

async function takePicture() {
  let [facing, stream] = [0, await opened(FACING[0])];
  const video = document.createElement('video');
  Object.assign(video, { srcObject: stream, muted: true, playsInline: true, autoplay: true });
  const take = button(text('takePicture'), 'primary', async () => {
    await attachFrame(video, 'camera').catch(() => attachFailed('camera'));
    shown.close();
  });
  take.disabled = true;
  video.addEventListener('loadeddata', () => { take.disabled = false; take.focus(); });
  const other = button(text('switchCamera'), '', async () => {
    take.disabled = true;
    leave(stream); // phones open one at a time
    facing = 1 - facing;
    try {
      stream = await opened(FACING[facing]);
    } catch (error) {
      refused('camera', error);
      return shown.close();
    }
    if (!shown.isConnected) return leave(stream);
    video.srcObject = stream;
    video.toggleAttribute('data-front', FACING[facing] === 'user');
  });
  const cameras = await several() ? [other] : [];
  const shown = dialog(text('camera'), video, actions(...cameras, button(text('cancel'), '', () => shown.close()), take));
  shown.classList.add('camera');
  shown.addEventListener('close', () => leave(stream));
}

async function takeScreen() {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
  await attachFrame(await frame(stream), 'screen');
  leave(stream);
}

const SOURCES = { camera: takePicture, screen: takeScreen };
const WHY = { NotFoundError: '-missing', OverconstrainedError: '-missing', NotReadableError: '-busy' };

// Has the server say why there is no picture. Closing the browser's dialog for the screen is no error.
function refused(source, error) {
  if (source === 'camera') attachFailed(`camera${WHY[error.name] ?? ''}`);
  else if (error.name !== 'NotAllowedError') attachFailed(source);
}

function press(event) {
  const source = event.target.closest('#sources button')?.dataset.source;
  if (source) SOURCES[source]().catch((error) => refused(source, error));
}

/** Call it when the page is ready. */
export function start() {
  // The style sheet shows a source only where the browser has it: not without https, nor on phones.
  $('#page').toggleAttribute('data-camera', Boolean(navigator.mediaDevices?.getUserMedia));
  $('#page').toggleAttribute('data-screen', Boolean(navigator.mediaDevices?.getDisplayMedia));
  document.addEventListener('click', press, true);
}
