// Written by scripts/types.mjs from openapi.json: do not edit.

export type Problem = {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code?: string;
};

export type Session = {
  name: string;
  role: "administrator" | "viewer";
  expires: string | null;
};

export type LoginOrder = {
  token?: string;
  name?: string;
  password?: string;
};

export type Hub = {
  version: string;
  started: string;
  now: string;
  devices: {
    present: number;
    known: number;
  };
  sessions: number;
  store: {
    bytes: number;
    free_bytes: number | null;
  };
  pin: string;
  address: string | null;
  limits: Record<string, unknown>;
};

export type DeviceKey = {
  fingerprint: string;
  since: string | null;
};

export type Latest = {
  file: string;
  value: string;
  time: string | null;
};

export type Traffic = {
  received: number;
  sent: number;
};

export type Device = {
  name: string;
  present: boolean;
  address: string | null;
  joined: string | null;
  first_seen: string | null;
  last_seen: string | null;
  key: null | DeviceKey;
  sessions: number;
  data_files: number;
  bytes: number;
  heartbeat?: string | null;
  latest?: null | Latest;
  traffic?: null | Traffic;
};

export type DeviceSession = {
  id: number;
  kind: "joined" | "attached";
  address: string | null;
  since: string | null;
  means: string | null;
};

export type Summary = {
  count: number;
  sum: string | null;
  mean: string | null;
  min: string | null;
  max: string | null;
  first: string | null;
  last: string | null;
};

export type DataFile = {
  name: string;
  samples: number;
  bytes: number;
  version: string;
  changed: string | null;
  summary: Summary;
};

export type Points = {
  t: number[];
  min: number[];
  max: number[];
  mean: number[];
  count: number[];
};

export type Transfer = {
  id: string;
  from: string;
  to: string;
  name: string;
  bytes: number | null;
  done: number;
  state: "running" | "finished" | "failed";
  path: string | null;
  reason: string | null;
  started: string | null;
  ended: string | null;
};

export type LockOut = {
  device: string;
  until: string;
};

export type Penalty = {
  network: string;
  fault: string;
  until: string;
};

export type TicketUse = {
  device: string;
  at: string;
};

export type Ticket = {
  number: number;
  name: string | null;
  prefix: string | null;
  state: string;
  uses: number;
  left: number;
  used: TicketUse[];
  issued: string;
  expires: string;
  revoked: string | null;
};

export type NewTicketOrder = {
  name?: string;
  prefix?: string;
  uses?: number;
  expires_in?: number;
};

export type NewTicket = {
  number: number;
  ticket: string;
  command: string;
  addresses: string[];
  expires: string;
};

export type AccountKey = {
  fingerprint: string;
  since: string;
};

export type Account = {
  name: string;
  added: string;
  present: boolean;
  locked_out_for_ms: number | null;
  key: null | AccountKey;
};

export type NewAccount = {
  name: string;
  password: string;
};

export type NewPassword = {
  password: string;
};

export type Token = {
  id: string;
  name: string;
  role: string;
  device: string | null;
  made: string;
  expires: string | null;
  used: string | null;
};

export type NewTokenOrder = {
  name: string;
  role: string;
  device?: string;
  expires_in?: number;
};

export type NewToken = {
  id: string;
  token: string;
};

export type Login = {
  name: string;
  role: string;
  made: string;
};

export type NewLogin = {
  name: string;
  role: string;
  password: string;
};

export type AuditEvent = {
  id: string;
  at: string;
  action: string;
  by: {
    kind: string;
    name: string | null;
  };
  door: string | null;
  address: string | null;
  device: string | null;
  file: string | null;
  outcome: string;
  detail: string | null;
};

export type DevicePage = {
  items: Device[];
  next: string | null;
};

export type DeviceSessionPage = {
  items: DeviceSession[];
  next: string | null;
};

export type DataFilePage = {
  items: DataFile[];
  next: string | null;
};

export type TransferPage = {
  items: Transfer[];
  next: string | null;
};

export type LockOutPage = {
  items: LockOut[];
  next: string | null;
};

export type PenaltyPage = {
  items: Penalty[];
  next: string | null;
};

export type TicketPage = {
  items: Ticket[];
  next: string | null;
};

export type AccountPage = {
  items: Account[];
  next: string | null;
};

export type TokenPage = {
  items: Token[];
  next: string | null;
};

export type LoginPage = {
  items: Login[];
  next: string | null;
};

export type AuditEventPage = {
  items: AuditEvent[];
  next: string | null;
};

/** The methods of each path. */
export interface Paths {
  "/api/v1/login": "post";
  "/api/v1/session": "get" | "delete";
  "/api/v1/hub": "get";
  "/api/v1/devices": "get";
  "/api/v1/devices/{device}": "get" | "delete";
  "/api/v1/devices/{device}/sessions": "get";
  "/api/v1/devices/{device}/sessions/{id}": "delete";
  "/api/v1/devices/{device}/data": "get";
  "/api/v1/devices/{device}/data/{file}": "get" | "delete";
  "/api/v1/devices/{device}/data/{file}/summary": "get";
  "/api/v1/devices/{device}/data/{file}/points": "get";
  "/api/v1/transfers": "get";
  "/api/v1/lockouts": "get";
  "/api/v1/lockouts/{device}": "delete";
  "/api/v1/penalties": "get";
  "/api/v1/tickets": "get" | "post";
  "/api/v1/tickets/{number}": "delete";
  "/api/v1/accounts": "get" | "post";
  "/api/v1/accounts/{name}/password": "put";
  "/api/v1/tokens": "get" | "post";
  "/api/v1/tokens/{id}": "delete";
  "/api/v1/logins": "get" | "post";
  "/api/v1/logins/{name}": "delete";
  "/api/v1/logins/{name}/password": "put";
  "/api/v1/audit": "get";
  "/api/v1/events": "get";
}
