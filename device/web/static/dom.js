// Small helpers for the document. Everything that comes from outside is set as text, never as markup.

export const byId = (id) => document.getElementById(id);

export function made(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Set a text if it is another one, so that nothing is laid out again for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
