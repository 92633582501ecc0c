// Text from outside, made safe to show: it is always a text node, and nothing in it is invisible or
// turns the writing direction.

// C0 and C1 controls, zero-width and bidi controls, line and paragraph separators, tags, BOM.
const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** The text with its invisible characters written as escapes. */
export function shown(text: string | null | undefined): string {
  return (text ?? '').replace(UNSEEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u{${hex(code, 4)}}`;
  });
}

const hex = (code: number, width: number) => code.toString(16).padStart(width, '0');

/** Folds text for a search: case, accents and width do not matter. */
export function folded(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

/** A name that any system takes for a file. */
export function fileName(text: string): string {
  return text.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[.-]+/, '').slice(0, 100) || 'fleetlink';
}
