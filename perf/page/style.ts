/** How the page looks, in the light and in the dark. */

const colour = (i: number): string =>
  `svg .c${i} { fill: var(--c${i}); } svg .curve.c${i} { fill: none; stroke: var(--c${i}); } .k${i} { background: var(--c${i}); }`;

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2430; --faint: #647080; --line: #dde2e8; --card: #f7f8fa; --bad: #b3261e;
  --c0: #2563c9; --c1: #0e8a7d; --c2: #8a4fc4; --c3: #c26a12;
  --c4: #b03a67; --c5: #5d7a1f; --c6: #4b5b6e; --c7: #93710a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --ink: #e4e8ee; --faint: #98a3b3; --line: #2b333f; --card: #1a2029; --bad: #ff8a80;
    --c0: #6ea0f5; --c1: #3fbfae; --c2: #b88be8; --c3: #e59a4a;
    --c4: #e07a9f; --c5: #9cbf55; --c6: #9aabbf; --c7: #d0ae45;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 24px 20px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 0 0 8px; }
p { margin: 0 0 8px; }
.faint, figcaption { color: var(--faint); font-size: 13px; }
.bad { color: var(--bad); font-weight: 600; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin: 16px 0; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 8px 24px; }
figure { margin: 0; }
svg { display: block; width: 100%; max-width: 480px; height: auto; font-size: 12.5px; }
svg text { fill: var(--ink); }
svg .label { text-anchor: end; }
svg .note { fill: var(--faint); font-style: italic; }
svg .axis { stroke: var(--line); }
svg .whisker { stroke: var(--ink); stroke-width: 1.5; opacity: 0.55; }
svg .curve { fill: none; stroke-width: 2; }
svg.wide { max-width: none; }
.key { margin-right: 18px; }
.key i { display: inline-block; width: 14px; height: 4px; border-radius: 2px;
  margin-right: 6px; vertical-align: middle; }
${[0, 1, 2, 3, 4, 5, 6, 7].map(colour).join('\n')}
.scroll { overflow-x: auto; margin-top: 14px; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 3px 10px 3px 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--faint); font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
td:last-child, th:last-child { text-align: left; white-space: normal; min-width: 220px; }
.numbers { display: flex; flex-wrap: wrap; gap: 12px 40px; }
.numbers b { display: block; font-size: 24px; line-height: 1.2; }
`;
