// Runs before Gradio. Its boot screen counts seconds at every frame and does not stop when it is gone
// (statustracker, 6.31): a tab that nobody looks at would compute sixty times a second.
{
  const frame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) =>
    String(callback).includes('performance.now()') ? 0 : frame(callback);
}
