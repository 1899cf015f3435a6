import type { Tone } from "../../ui/parts";

const TONES: Readonly<Record<string, Tone>> = {
  filled: "good",
  accepted: "info",
  submitted: "info",
  pending_submit: "info",
  partially_filled: "fair",
  rejected: "bad",
  submit_failed: "bad",
  unknown: "bad",
};

export const stateTone = (state: string): Tone => TONES[state] ?? "";
