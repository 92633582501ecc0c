// Audit events for people and for files.
import type { AuditEvent } from '../api/schema';
import { cell } from './points';

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

export function csv(events: readonly AuditEvent[]): string {
  const lines = ['time,action,device,file,by,kind,address,door,outcome,detail'];
  for (const event of events) {
    const cells = [event.at, event.action, event.device, event.file, event.by.name, event.by.kind, event.address, event.door, event.outcome, event.detail];
    lines.push(cells.map((text) => cell(text ?? '')).join(','));
  }
  return lines.join('\r\n') + '\r\n';
}
