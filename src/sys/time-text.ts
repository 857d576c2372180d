/** Times as `$SYS` and EMQ's tools write them. Main thread. */

/** @returns for example `1 days,2 hours, 0 minutes, 5 seconds`: plural always, no zero parts in front. */
export function uptimeText(elapsedMs: number): string {
  const seconds = Math.floor(elapsedMs / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  let text = `${seconds % 60} seconds`;
  if (minutes > 0) text = `${minutes % 60} minutes, ${text}`;
  if (hours > 0) text = `${hours % 24} hours, ${text}`;
  return days > 0 ? `${days} days,${text}` : text;
}

/** @returns local time as `2026-01-31 23:59:59` */
export function dateTimeText(wallMs: number): string {
  const date = new Date(wallMs);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
