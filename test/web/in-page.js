// Runs inside the page, after axe: what test/axe.test.ts asks there. (Not TypeScript: the project knows no DOM.)

globalThis.axeFaults = async (tags) => {
  const { violations } = await globalThis.axe.run(document, {
    runOnly: { type: 'tag', values: tags },
    resultTypes: ['violations'],
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
  );
};

/** No sideways scroll; every target as large as its edition promises, tried by hitting its edges. */
globalThis.layoutFaults = (least) => {
  const faults = [];
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) faults.push(`scrolls sideways: ${wide} > ${innerWidth}`);
  for (const element of document.querySelectorAll('a, button, input, select, textarea')) {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    if (box.width === 0 || style.visibility === 'hidden' || box.bottom < 0) continue;
    const name = `${element.tagName} ${element.textContent.trim().slice(0, 20) || element.id}`;
    if (style.display === 'inline') {
      const [line] = element.getClientRects();
      if (line.height < 24) faults.push(`${name}: a link of ${line.height}`);
      continue;
    }
    const half = least / 2 - 1;
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const hits = ([dx, dy]) => {
      const hit = document.elementFromPoint(Math.min(Math.max(x + dx, 0), innerWidth - 1), y + dy);
      return element.contains(hit) || (element.id !== '' && hit?.closest('label')?.htmlFor === element.id);
    };
    const points = [
      [0, 0],
      [0, half],
      [0, -half],
      [half, 0],
      [-half, 0],
    ];
    if (!points.every(hits))
      faults.push(`${name}: ${Math.round(box.width)}x${Math.round(box.height)} is no target of ${least}`);
  }
  return faults;
};

/** With the spacing of WCAG 1.4.12 put over the page: nothing runs out of it, nothing is cut off. */
globalThis.spacingFaults = () => {
  const spaced = new CSSStyleSheet();
  spaced.replaceSync(
    '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }' +
      'p { margin-bottom: 2em !important }',
  );
  document.adoptedStyleSheets = [spaced];
  const faults = [];
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) faults.push(`scrolls sideways when spaced: ${wide} > ${innerWidth}`);
  for (const element of document.querySelectorAll('body *')) {
    const { overflow, display, clipPath } = getComputedStyle(element);
    // Out of sight on purpose, or a control that scrolls by itself.
    if (clipPath !== 'none' || display === 'inline' || element.closest('.scene, .hidden, svg, input, select')) continue;
    const cut = element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
    if (overflow !== 'visible' && cut) faults.push(`${element.tagName}.${element.className} is cut off when spaced`);
  }
  document.adoptedStyleSheets = [];
  return faults;
};
