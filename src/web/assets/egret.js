// What a script adds to pages that work without it: 显示 beside a password, focus on the error summary, one submit for
// two presses, a word when the network is gone and before a session ends.
(() => {
  const summary = document.querySelector('#err');
  if (summary) summary.focus();
  // a form sends a browser without a script there; without a summary it is only in the way
  else if (location.hash === '#err') history.replaceState(null, '', location.pathname + location.search);

  for (const field of document.querySelectorAll('[data-reveal]')) {
    const input = field.querySelector('input');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'button outline reveal';
    button.setAttribute('aria-controls', input.id);
    const tell = (shown) => {
      input.type = shown ? 'text' : 'password';
      button.textContent = shown ? field.dataset.hide : field.dataset.reveal;
      button.setAttribute('aria-label', shown ? field.dataset.hideLong : field.dataset.revealLong);
    };
    tell(false);
    button.addEventListener('click', () => {
      tell(input.type === 'password');
      input.focus();
    });
    field.append(button);
    // A password leaves as a password, so that no browser offers it again as typed text.
    input.form?.addEventListener('submit', () => tell(false));
  }

  for (const notice of document.querySelectorAll('[data-shown-after]')) {
    setTimeout(() => {
      notice.hidden = false;
      notice.scrollIntoView({ block: 'nearest' });
    }, Number(notice.dataset.shownAfter));
  }

  const offline = document.querySelector('[data-offline]');
  // Ten seconds are more than any answer takes: after them a second press is meant.
  const sent = new WeakMap();
  document.addEventListener('submit', (event) => {
    if (!navigator.onLine && offline) {
      event.preventDefault();
      offline.hidden = false;
      offline.scrollIntoView({ block: 'nearest' });
      return;
    }
    if (performance.now() - (sent.get(event.target) ?? -10_000) < 10_000) event.preventDefault();
    else sent.set(event.target, performance.now());
  });
  addEventListener('online', () => {
    if (offline) offline.hidden = true;
  });
  // Back to a page kept in memory: its forms may be sent again.
  addEventListener('pageshow', () => {
    for (const form of document.forms) sent.delete(form);
  });
})();
