export interface Palette {
  ground: string;
  text: string;
  line: string;
  gain: string;
  loss: string;
  accent: string;
  warn: string;
  violet: string;
  muted: string;
  lines: readonly string[];
}

/** The colours of the theme that is shown; a canvas knows no variables. */
export function palette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const [accent, warn, violet, muted] = [color("accent"), color("warn"), color("violet"), color("muted")];
  return {
    ground: color("surface"),
    text: muted,
    line: color("line"),
    gain: color("gain"),
    loss: color("loss"),
    accent,
    warn,
    violet,
    muted,
    lines: [accent, warn, violet, muted],
  };
}
