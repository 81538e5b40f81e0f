// Pictures come in from the camera and the screen, and open large on a click.
(() => {
  const { one, text } = qwenVlChat;

  function dialog(label, ...children) {
    const made = document.createElement('dialog');
    made.className = 'qwen-vl-chat';
    made.setAttribute('aria-label', label);
    made.append(...children);
    made.addEventListener('close', () => made.remove());
    one('#page').parentElement.append(made); // where the style sheet reaches it
    made.showModal();
    return made;
  }

  function button(label, className, pressed) {
    const made = document.createElement('button');
    made.type = 'button';
    made.className = className;
    made.textContent = label;
    made.addEventListener('click', pressed);
    return made;
  }

  function enlarge(large, label, ...more) {
    const shown = dialog(label, large, ...more, button(text('close'), 'close', () => shown.close()));
    shown.addEventListener('click', (event) => { if (!large.contains(event.target)) shown.close(); });
  }
  qwenVlChat.enlarge = enlarge;

  function copyOf(picture, label) {
    const copy = document.createElement('img');
    copy.src = picture.src;
    copy.alt = label;
    return copy;
  }

  async function frame(stream) {
    const video = document.createElement('video');
    video.srcObject = stream;
    video.muted = true;
    await video.play();
    await new Promise((resolve) => (video.requestVideoFrameCallback ?? requestAnimationFrame).call(video, resolve));
    return video;
  }

  async function attach(video, name) {
    if (!video.videoWidth) throw new Error('there is no frame yet');
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d').drawImage(video, 0, 0);
    const content = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (!content) throw new Error('the frame cannot be drawn');
    const moment = new Date().toISOString().slice(0, 19).replaceAll(':', '.');
    qwenVlChat.attach([new File([content], `${name} ${moment}.png`, { type: 'image/png' })]);
  }

  const leave = (stream) => stream.getTracks().forEach((track) => track.stop());

  // A phone's camera that looks away from the person, where there are two.
  const CAMERA = { width: { ideal: 1920 }, facingMode: { ideal: 'environment' } };

  async function takePicture() {
    const stream = await navigator.mediaDevices.getUserMedia({ video: CAMERA });
    const video = document.createElement('video');
    Object.assign(video, { srcObject: stream, muted: true, playsInline: true, autoplay: true });
    const take = button(text('takePicture'), 'primary', async () => {
      await attach(video, 'camera').catch(() => qwenVlChat.attachFailed('camera'));
      shown.close();
    });
    take.disabled = true;
    video.addEventListener('loadeddata', () => { take.disabled = false; take.focus(); });
    const shown = dialog(text('camera'), video, take, button(text('cancel'), '', () => shown.close()));
    shown.addEventListener('close', () => leave(stream));
  }

  async function takeScreen() {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
    await attach(await frame(stream), 'screen');
    leave(stream);
  }

  const SOURCES = { camera: takePicture, screen: takeScreen };
  // The style sheet shows a source only where the browser has it: not without https, nor on phones.
  qwenVlChat.whenReady(() => {
    one('#page').toggleAttribute('data-camera', Boolean(navigator.mediaDevices?.getUserMedia));
    one('#page').toggleAttribute('data-screen', Boolean(navigator.mediaDevices?.getDisplayMedia));
  });

  Object.assign(qwenVlChat, { dialog, button });

  document.addEventListener('click', (event) => {
    const source = event.target.closest('#sources button')?.dataset.source;
    // Who closes the browser's own question has changed their mind about the screen.
    if (source) SOURCES[source]().catch((error) => {
      if (source !== 'screen' || error.name !== 'NotAllowedError') qwenVlChat.attachFailed(source);
    });
    const picture = event.target.closest('#chatbot button:has(> .image-frame)')
      ?? event.target.closest('#chatbot .bot .prose img');
    if (!picture) return;
    event.preventDefault();
    event.stopPropagation();
    const label = picture.ariaLabel ?? picture.alt;
    const copy = copyOf(picture.querySelector('img') ?? picture, label);
    if (!picture.closest('.user-row')) return enlarge(copy, label);
    const frame = document.createElement('div');
    const hint = Object.assign(document.createElement('p'), { className: 'hint', textContent: text('regionHint') });
    frame.append(copy);
    qwenVlChat.pointable(frame, (box) => qwenVlChat.pointAt({ src: copy.src, box }));
    enlarge(frame, label, hint);
  }, true);
})();
