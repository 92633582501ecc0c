// Audit events for people.
/** The words of an action: `ticket_issued` becomes `Ticket issued`. */
export function said(action: string): string {
  const words = action.replace(/[_.-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function outcomeKind(outcome: string): 'good' | 'warn' | 'bad' | '' {
  if (/^(done|ok|succeeded|success)$/.test(outcome)) return 'good';
  if (/^(refused|denied)/.test(outcome)) return 'warn';
  return outcome === '' ? '' : 'bad';
}
