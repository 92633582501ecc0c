// Short messages about what was done or failed.
import { message } from '../api/client';

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const GOOD_FOR = 4000;
const BAD_FOR = 10_000;

class Toasts {
  list = $state<Toast[]>([]);
  private next = 1;

  say(text: string): void {
    this.add(text, false, GOOD_FOR);
  }

  fail(error: unknown): void {
    this.add(message(error), true, BAD_FOR);
  }

  remove(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  private add(text: string, bad: boolean, time: number): void {
    const id = this.next++;
    this.list = [...this.list.slice(-3), { id, text, bad }];
    setTimeout(() => this.remove(id), time);
  }
}

export const toasts = new Toasts();
