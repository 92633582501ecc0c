// Light, dark, or what the system says.

export type Choice = 'auto' | 'light' | 'dark';
const KEY = 'fleetlink-theme';

class Theme {
  choice = $state<Choice>(stored());
  /** Grows when colours change: plots draw again. */
  version = $state(0);

  start(): void {
    this.apply();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.version++);
  }

  choose(choice: Choice): void {
    this.choice = choice;
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    this.apply();
  }

  private apply(): void {
    if (this.choice === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = this.choice;
    this.version++;
  }
}

function stored(): Choice {
  try {
    const choice = localStorage.getItem(KEY);
    return choice === 'light' || choice === 'dark' ? choice : 'auto';
  } catch {
    return 'auto';
  }
}

export const theme = new Theme();
