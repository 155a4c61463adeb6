// Makes elements. Texts become text nodes and nothing is ever parsed as HTML.

export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function replace(element, ...children) {
  element.replaceChildren(...children.flat(9).filter(Boolean));
}

// A part that is folded until somebody opens it; its content is made only then.
export function folded(summary, make, given = {}) {
  const details = h("details", given, h("summary", {}, summary));
  const fill = () => {
    if (details.open && details.childElementCount === 1) details.append(make());
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

export function copyable(text, label) {
  const code = h("code", {}, text);
  const button = h("button", { type: "button", class: "plain copy", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return h("div", { class: "code" }, button, h("pre", { tabindex: "0", "aria-label": label }, code));
}
