/** How the page is laid out, looked at from inside of it. The test sends this file there and calls `layout`. */

/**
 * Elements that reach beyond the right edge of the page, outside of what scrolls.
 * @returns {string[]}
 */
function tooWide() {
  const limit = document.documentElement.clientWidth + 1;
  return elements()
    .filter((element) => {
      const scroller = element.closest('.scroll');
      const scrolls = scroller !== null && scroller !== element && getComputedStyle(scroller).overflowX !== 'visible';
      return !scrolls && element.getBoundingClientRect().right > limit;
    })
    .map(nameOf);
}

/**
 * Elements that hide a part of what they hold.
 * @returns {string[]}
 */
function cutOff() {
  return elements()
    .filter((element) => element.scrollWidth > element.clientWidth + 1)
    .filter((element) => getComputedStyle(element).overflowX !== 'visible')
    .map(nameOf);
}

/**
 * WCAG 2.2 contrast ratio of the visible text that stands out least from its background.
 * @returns {{ ratio: number, text: string }}
 */
function leastContrast() {
  let least = { ratio: 21, text: '' };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (element === null || !node.textContent?.trim() || !element.checkVisibility()) continue;
    const [text, below] = [luminance(getComputedStyle(element).color), background(element)];
    const ratio = (Math.max(text, below) + 0.05) / (Math.min(text, below) + 0.05);
    if (ratio < least.ratio) least = { ratio, text: node.textContent.slice(0, 60) };
  }
  return least;
}

/**
 * Luminance of what is behind an element, 0 (black) to 1 (white).
 * @param {Element} element
 */
function background(element) {
  for (let at = /** @type {Element | null} */ (element); at !== null; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (!/, 0\)$/.test(color)) return luminance(color);
  }
  return 1;
}

/** @param {string} color rgb(...) */
function luminance(color) {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((value) => {
    const share = Number(value) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {boolean} open */
function openAll(open) {
  for (const details of document.querySelectorAll('details')) details.open = open;
}

/** Widths of all images as they were decoded, pixels; 0 = not at all. */
function imageWidths() {
  return [...document.images].map(({ complete, naturalWidth }) => (complete ? naturalWidth : 0));
}

function elements() {
  return [...document.body.querySelectorAll('*')];
}

/** @param {Element} element */
function nameOf(element) {
  return `${element.tagName} ${element.className}: ${(element.textContent ?? '').slice(0, 60)}`;
}

Object.assign(globalThis, {
  layout: { tooWide, cutOff, leastContrast, background: () => background(document.body), openAll, imageWidths },
});
