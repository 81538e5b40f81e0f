// Runs once in the examples' gr.HTML, which lends it `element` and `trigger`.
element.addEventListener('click', (event) => {
  const example = event.target.closest('button[data-example]');
  if (example) trigger('select', { example: Number(example.dataset.example) });
});
