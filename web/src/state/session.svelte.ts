// Who is logged in.
import { ApiError, get, post, remove } from '../api/client';
import type { Session } from '../api/schema';

class Login {
  /** Not known yet. */
  pending = $state(true);
  session = $state.raw<Session | null>(null);
  /** The hub could not say who is logged in. */
  failure = $state<string | null>(null);

  get mayChange(): boolean {
    return this.session?.role === 'administrator';
  }

  async check(): Promise<void> {
    try {
      this.session = await get<Session>('/api/v1/session');
      this.failure = null;
    } catch (error) {
      this.session = null;
      this.failure = error instanceof ApiError && error.status === 401 ? null : (error as Error).message;
    }
    this.pending = false;
  }

  async byToken(token: string): Promise<void> {
    this.session = await post<Session>('/api/v1/login', { token });
  }

  async byPassword(name: string, password: string): Promise<void> {
    this.session = await post<Session>('/api/v1/login', { name, password });
  }

  ended(): void {
    this.session = null;
  }

  async end(): Promise<void> {
    await remove('/api/v1/session');
    this.session = null;
  }
}

export const login = new Login();
