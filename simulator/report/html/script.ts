/** What pages do beyond being read: theme, read-outs under the pointer, copying a command, unfolding for print. */

export const pageScript = `'use strict';
(() => {
  const root = document.documentElement;
  const kept = (() => { try { return localStorage.getItem('firedrill-theme') } catch { return null } })();
  if (kept === 'light' || kept === 'dark') root.dataset.theme = kept;
  const button = document.getElementById('theme');
  button.hidden = false;
  button.addEventListener('click', () => {
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    try { localStorage.setItem('firedrill-theme', root.dataset.theme) } catch {}
  });

  for (const copy of document.querySelectorAll('button.copy')) {
    copy.hidden = false;
    copy.addEventListener('click', async () => {
      const text = copy.parentElement.querySelector('code').textContent;
      try { await navigator.clipboard.writeText(text); copy.textContent = 'copied' } catch { copy.textContent = 'select and copy' }
    });
  }

  addEventListener('beforeprint', () => { for (const one of document.querySelectorAll('details')) one.open = true });
  const open = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    for (let at = target; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
  };
  addEventListener('hashchange', open);
  open();

  const clock = (s) => {
    const two = (n) => String(n).padStart(2, '0');
    const whole = Math.round(s), hours = Math.floor(whole / 3600);
    return (hours ? hours + ':' : '') + two(Math.floor(whole % 3600 / 60)) + ':' + two(whole % 60);
  };
  const plots = [...document.querySelectorAll('[data-plot]')].map((element) => ({ element, data: undefined }));
  const read = (plot) => {
    if (!plot.data) {
      plot.data = JSON.parse(plot.element.dataset.plot);
      plot.line = document.createElement('span');
      plot.line.className = 'cross';
      plot.says = document.createElement('span');
      plot.says.className = 'says';
      plot.element.append(plot.line, plot.says);
    }
    return plot.data;
  };
  const valueAt = ({ s, t, v }, at) => {
    let best = -1, distance = Infinity;
    for (let i = 0; i < v.length; i += 1) {
      const away = Math.abs((t ? t[i] : s[0] + i * s[1]) - at);
      if (away < distance) { distance = away; best = i }
    }
    return distance <= 3 * (s ? s[1] : t.length > 1 ? t[1] - t[0] : 60) ? v[best] : undefined;
  };
  const short = (n) => Math.abs(n) >= 1000 ? Math.round(n).toLocaleString('en') : String(Number(n.toPrecision(3)));
  const scaled = (n, names, by) => {
    let i = 0;
    for (; Math.abs(n) >= by && i < names.length - 1; i += 1) n /= by;
    return short(n) + ' ' + names[i];
  };
  const format = (n, unit) => {
    if (unit === 'ratio') return short(n * 100) + ' %';
    if (unit === 'bytes') return scaled(n, ['B', 'KiB', 'MiB', 'GiB', 'TiB'], 1024);
    if (unit === 'bytes per second') return scaled(n, ['B', 'KiB', 'MiB', 'GiB', 'TiB'], 1024) + '/s';
    if (unit === 'per second') return short(n) + '/s';
    if (unit === 'seconds') return Math.abs(n) < 1 && n !== 0 ? short(n * 1000) + ' ms' : Math.abs(n) >= 3600 ? short(n / 3600) + ' h' : Math.abs(n) >= 120 ? short(n / 60) + ' min' : short(n) + ' s';
    return short(n);
  };
  const show = (group, at) => {
    for (const plot of plots) {
      if ((plot.element.closest('.sync') || plot.element) !== group) continue;
      const { from, to, unit, series } = read(plot);
      const share = (at - from) / (to - from);
      plot.line.style.left = share * 100 + '%';
      plot.says.style.left = share > 0.6 ? 'auto' : share * 100 + '%';
      plot.says.style.right = share > 0.6 ? (1 - share) * 100 + '%' : 'auto';
      plot.says.replaceChildren();
      const when = document.createElement('b');
      when.textContent = clock(at);
      plot.says.append(when);
      for (const one of series) {
        const value = valueAt(one, at);
        if (value === undefined || value === null) continue;
        const line = document.createElement('span');
        line.textContent = typeof value === 'number' ? format(value, unit) : value;
        if (series.length > 1) line.textContent += '  ' + one.n;
        plot.says.append(line);
      }
      plot.element.classList.add('read');
    }
  };
  const hide = () => { for (const { element } of plots) element.classList.remove('read') };
  for (const plot of plots) {
    const { element } = plot;
    const group = element.closest('.sync') || element;
    let at;
    element.addEventListener('pointermove', (event) => {
      const { from, to } = read(plot), box = element.getBoundingClientRect();
      at = from + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * (to - from);
      show(group, at);
    });
    element.addEventListener('pointerleave', hide);
    element.addEventListener('blur', hide);
    element.addEventListener('keydown', (event) => {
      const { from, to } = read(plot), step = (to - from) / 100;
      const move = { ArrowLeft: -step, ArrowRight: step }[event.key];
      if (!move) return;
      event.preventDefault();
      at = Math.min(to, Math.max(from, (at ?? (from + to) / 2) + move));
      show(group, at);
    });
  }
})();
`
