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
