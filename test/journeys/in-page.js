// Runs inside the page: what test/journeys/looks.test.ts asks there. (Not TypeScript: the project knows no DOM.)

/** Every piece of text on the page: large enough, whole, inside the window, and not over another one. */
globalThis.textFaults = (least) => {
  const faults = [];
  const pieces = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const text = node.textContent.trim();
    const element = node.parentElement;
    if (!text || element.closest('.hidden, .skip, .scene, .seal, svg, script, option, [hidden]')) continue;
    const style = getComputedStyle(element);
    if (style.visibility === 'hidden') continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((box) => box.width > 0);
    if (boxes.length === 0) continue;
    const name = `"${text.slice(0, 16)}"`;
    const size = Number.parseFloat(style.fontSize);
    const small = element.closest('footer.site, .tagline') ? Math.min(least, 12) : least;
    if (size < (least > 15 ? least : small)) faults.push(`${name}: ${size} px`);
    for (const box of boxes) {
      if (box.left < -1 || box.right > innerWidth + 1) faults.push(`${name} leaves the window`);
      for (let around = element; around && around !== document.body; around = around.parentElement) {
        if (getComputedStyle(around).overflow === 'visible') continue;
        const frame = around.getBoundingClientRect();
        if (box.right > frame.right + 1 || box.bottom > frame.bottom + 1) faults.push(`${name} is cut off`);
      }
      pieces.push({ name, node, box });
    }
  }
  for (const [n, one] of pieces.entries())
    for (const other of pieces.slice(n + 1)) {
      if (one.node === other.node) continue;
      const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
      if (wide > 3 && high > one.box.height / 3) faults.push(`${one.name} lies over ${other.name}`);
    }
  return [...new Set(faults)];
};

globalThis.editionOf = () => {
  const { lang, dataset } = document.documentElement;
  return { lang, mode: dataset.mode, title: document.title, dark: matchMedia('(prefers-color-scheme: dark)').matches };
};
