// The address of the page.
import { href, parse, type Route, type Values } from '../lib/route';

class Router {
  route = $state.raw<Route>(parse(location.hash));

  start(): () => void {
    const read = () => (this.route = parse(location.hash));
    addEventListener('hashchange', read);
    read();
    return () => removeEventListener('hashchange', read);
  }

  go(path: string[], values?: Values): void {
    location.hash = href(path, values);
  }

  /** Changes the address without an entry in the browser's history. */
  replace(path: string[], values?: Values): void {
    const hash = href(path, values);
    if (hash === location.hash) return;
    history.replaceState(null, '', hash);
    this.route = parse(hash);
  }
}

export const router = new Router();
