// Written by scripts/types.mjs from openapi.json and planned.json: do not edit.

export type AccessName = string;

/** An account of a device. */
export type Account = {
  /** The time at which it was made. */
  added: string;
  key: DeviceKey | null;
  /** For how many more milliseconds its password is refused; null if it is not. */
  locked_out_for_ms: number | null;
  name: string;
  /** Whether the device has joined. */
  present: boolean;
};

/** The one who did it. */
export type AuditActor = {
  /** `device`, `operator`, `administrator`, `viewer`, `token`, `nobody` or `hub`. */
  kind: string;
  /** The name of the device, login or token, or the hub's part. */
  name: string | null;
};

/** An audit record. */
export type AuditEvent = {
  /** The deed or the attempt: one of a closed set of words. */
  action: string;
  /** The address from which it was done. */
  address: string | null;
  /** The time, in UTC. */
  at: string;
  by: AuditActor;
  /** More in words. */
  detail: string | null;
  /** The device that it is about. Of a failed login, the name as it was sent. */
  device: string | null;
  /** `session`, `socket`, `http` or `mqtt`; null where the hub did it, or a command without a hub. */
  door: string | null;
  /** The data file that it is about. */
  file: string | null;
  /** Its number, which no other record ever has. */
  id: string;
  /** `done`, `refused` or `failed`. */
  outcome: string;
  /** Something else that it is about, such as `ticket 3`. */
  subject: string | null;
};

/** A data file. */
export type DataFile = {
  bytes: number;
  /** The time of the last change. */
  changed: string;
  latest: LatestSample | null;
  name: string;
  samples: number;
  summary: Summary;
  /** Grows with every change. */
  version: number;
};

/** A page of data files. */
export type DataFiles = {
  items: DataFile[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** The numbers of devices. */
export type DeviceCounts = {
  known: number;
  present: number;
};

/** A device. */
export type Device = {
  /** From where it has joined. */
  address: string | null;
  bytes: number;
  data_files: number;
  /** The time of its first authenticated call; null where the hub has seen none. */
  first_seen: string | null;
  /** A sign for each of the last 48 half hours, the oldest first: `2` present for as long as the hub ran, `1` for a part of it, `0` absent, `-` not known. Null where the hub has never seen it. */
  heartbeat: string | null;
  /** Since when it is present. */
  joined: string | null;
  key: EnrolledKeyItem | null;
  /** The present time while it has a session; else the end of its last session, or its last authenticated call. Null where the hub has seen none. */
  last_seen: string | null;
  latest: Latest | null;
  name: string;
  present: boolean;
  sessions: number;
  /** The bytes of its sessions and HTTP requests since the hub started. */
  traffic: Traffic;
};

export type DeviceName = string;

/** A session of a device. */
export type DeviceSession = {
  address: string;
  id: number;
  /** `joined` or `attached`. */
  kind: string;
  /** `key`, `password` or `token`. */
  means: string | null;
  since: string;
};

/** A page of a device's sessions. */
export type DeviceSessions = {
  items: DeviceSession[];
  /** Always null: they fit a page. */
  next: string | null;
};

/** A page of devices, by name. */
export type Devices = {
  items: Device[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A device's key. */
export type EnrolledKeyItem = {
  fingerprint: string;
  since: string;
};

/** The hub. */
export type Hub = {
  /** The address for devices. */
  address: string;
  devices: DeviceCounts;
  limits: HubLimits;
  now: string;
  /** The pin of the hub's key at its start; empty without TLS. */
  pin: string;
  /** Sessions that are logged in. */
  sessions: number;
  started: string;
  store: StoreSize;
  version: string;
};

/** The hub's capacity. */
export type HubLimits = {
  downloads: number;
  sessions: number;
  sessions_per_device: number;
  sessions_per_source: number;
  uploads: number;
};

/** A device's key. */
export type DeviceKey = {
  /** Its public half. */
  fingerprint: string;
  /** Since when it is the device's. */
  since: string;
};

/** The last sample of a device. */
export type Latest = {
  file: string;
  /** Its time, where the samples have times. */
  time: string | null;
  /** The exact value. */
  value: string;
};

/** The last sample of a data file, in the order of arrival. */
export type LatestSample = {
  /** Its time, where the samples have times. */
  time: string | null;
  /** The exact value. */
  value: string;
};

export type LinkSecret = string;

/** A page of a list. */
export type List_AccountItem = {
  items: {
    /** The time at which it was made. */
    added: string;
    key: DeviceKey | null;
    /** For how many more milliseconds its password is refused; null if it is not. */
    locked_out_for_ms: number | null;
    name: string;
    /** Whether the device has joined. */
    present: boolean;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A page of a list. */
export type List_AuditEvent = {
  items: {
    /** The deed or the attempt: one of a closed set of words. */
    action: string;
    /** The address from which it was done. */
    address: string | null;
    /** The time, in UTC. */
    at: string;
    by: AuditActor;
    /** More in words. */
    detail: string | null;
    /** The device that it is about. Of a failed login, the name as it was sent. */
    device: string | null;
    /** `session`, `socket`, `http` or `mqtt`; null where the hub did it, or a command without a hub. */
    door: string | null;
    /** The data file that it is about. */
    file: string | null;
    /** Its number, which no other record ever has. */
    id: string;
    /** `done`, `refused` or `failed`. */
    outcome: string;
    /** Something else that it is about, such as `ticket 3`. */
    subject: string | null;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A page of a list. */
export type List_LockOutItem = {
  items: {
    /** The name of a device as it was tried, which need not be one; or `login/` and a person's login. */
    device: string;
    /** The time at which it ends. */
    until: string;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A page of a list. */
export type List_LoginItem = {
  items: {
    made: string;
    name: string;
    /** `viewer` or `administrator`. */
    role: string;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A page of a list. */
export type List_PenaltyItem = {
  items: {
    /** `many_names` where it may try none, `one_name` where it may not try a name that it failed on. */
    fault: string;
    network: string;
    /** The time at which it ends. */
    until: string;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A page of a list. */
export type List_RuleDocument = {
  items: {
    /** `quota` (bytes of a device), `quota-files` (data files of a device) or `retain` (seconds that a data file stays after its last change). */
    kind: string;
    /** `set`, or `option` for one of the hub's options. */
    origin: string;
    /** The devices, or for `retain` the data files, for which it is: `*` stands for any characters. */
    pattern: string;
    /** Bytes, data files, or seconds, by its kind; null where there is no bound. */
    value: number | null;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A page of a list. */
export type List_TicketItem = {
  items: {
    expires: string;
    issued: string;
    /** The uses that are left; none if it is not open. */
    left: number;
    /** The device of the ticket; null if it is for a prefix. */
    name: string | null;
    number: number;
    /** The prefix of new devices; null if it is for one name. */
    prefix: string | null;
    /** The time at which it was revoked; null if it was not. */
    revoked: string | null;
    /** `open`, `used`, `revoked` or `expired`. */
    state: string;
    used: TicketUse[];
    /** The number of permitted uses. */
    uses: number;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A page of a list. */
export type List_TokenItem = {
  items: {
    /** The device as which it acts; null if it acts as none. */
    device: string | null;
    /** The time at which it ends; null if it has no end. */
    expires: string | null;
    id: string;
    made: string;
    name: string;
    /** `viewer`, `administrator` or `device`. */
    role: string;
    /** The time of its last use, to a minute. */
    used: string | null;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A page of a list. */
export type List_TransferItem = {
  items: {
    /** The size of the file. */
    bytes: number;
    /** Bytes that came to the receiver. */
    done: number;
    ended: string | null;
    from: string;
    /** Another one for each transfer, also after a restart of the hub. */
    id: string;
    name: string;
    /** `direct` or `relayed`; null before there is a way. */
    path: string | null;
    /** The reason why it failed: a name of the transfer protocol, or `silent` where its sender is gone. */
    reason: string | null;
    /** The time at which the hub first heard of it. */
    started: string;
    /** Transfers by their state. */
    state: "running" | "finished" | "failed";
    to: string;
  }[];
  /** The value of `after` for the next page; null on the last one. */
  next: string | null;
};

/** A name that may not try passwords for a while. */
export type Lockout = {
  /** The name of a device as it was tried, which need not be one; or `login/` and a person's login. */
  device: string;
  /** The time at which it ends. */
  until: string;
};

/** A login. */
export type Login = {
  made: string;
  name: string;
  /** `viewer` or `administrator`. */
  role: string;
};

/** The proof that opens a session of the page: a one-time link, or a login's name and password. */
export type LoginOrder = {
  name?: TypedName | null;
  /** Its password. */
  password?: string | null;
  token?: LinkSecret | null;
};

export type NamePrefix = string;

/** A new account. */
export type NewAccount = {
  /** The name of the device. */
  name: DeviceName;
  password: Password;
};

/** A new login. */
export type NewLogin = {
  name: AccessName;
  password: Password;
  /** `viewer` or `administrator`. */
  role: Role;
};

/** Another password. */
export type NewPassword = {
  password: Password;
};

/** A ticket that was issued: the one time that its text is told. */
export type NewTicket = {
  /** The addresses of the hub that the ticket names. */
  addresses: string[];
  /** The command for the device. */
  command: string;
  expires: string;
  number: number;
  /** The text of the ticket. */
  ticket: string;
};

/** The settings of a new ticket: a name, or a prefix. */
export type NewTicketOrder = {
  /** The addresses of the hub for devices, `host:port`; its own where none are given. */
  addresses?: string[];
  /** For how many seconds; 15 minutes where it is not given. */
  expires_in?: number | null;
  name?: DeviceName | null;
  prefix?: NamePrefix | null;
  /** The number of permitted uses; 1 where it is not given. */
  uses?: number | null;
};

/** A token that was added: the one time that its text is told. */
export type NewToken = Token & {
  /** The value for `Authorization: Bearer`. */
  token: string;
};

/** The settings of a new token. */
export type NewTokenOrder = {
  device?: DeviceName | null;
  /** For how many seconds; without an end where it is not given. */
  expires_in?: number | null;
  /** Its purpose. */
  name: AccessName;
  /** `viewer`, `administrator` or `device`. */
  role: TokenRole;
};

export type Password = string;

/** A client network that may not try passwords for a while. */
export type Penalty = {
  /** `many_names` where it may try none, `one_name` where it may not try a name that it failed on. */
  fault: string;
  network: string;
  /** The time at which it ends. */
  until: string;
};

/** The columns of a plot that have samples, in their order. */
export type Points = {
  count: number[];
  max: number[];
  mean: number[];
  min: number[];
  /** Of each column's first sample: milliseconds since 1970, or its index. */
  t: number[];
};

/** An error as it is sent. */
export type Problem = {
  /** The error, for programs. */
  code: string;
  /** A sentence for people: the fault, and what to do. */
  detail: string;
  /** The line of the data file, counted from 1. */
  line: number | null;
  /** After how many milliseconds another try makes sense. */
  retry_after_ms: number | null;
  /** The HTTP status. */
  status: number;
  /** The status in words. */
  title: string;
  /** Always `about:blank`: `code` tells errors apart. */
  type: string;
};

export type Role = string;

/** A rule about data. */
export type Rule = {
  /** `quota` (bytes of a device), `quota-files` (data files of a device) or `retain` (seconds that a data file stays after its last change). */
  kind: string;
  /** `set`, or `option` for one of the hub's options. */
  origin: string;
  /** The devices, or for `retain` the data files, for which it is: `*` stands for any characters. */
  pattern: string;
  /** Bytes, data files, or seconds, by its kind; null where there is no bound. */
  value: number | null;
};

/** The value of a rule. */
export type RuleOrder = {
  /** Bytes, data files, or seconds, by its kind; null for no bound. */
  value: number | null;
};

/** The caller of the requests. */
export type Session = {
  /** The time at which that ends unless it is used before; null if it has no end. */
  expires: string | null;
  /** The name of the login, the token or the device. */
  name: string;
  /** `administrator`, `viewer` or `device`. */
  role: string;
};

/** The size of the store. */
export type StoreSize = {
  bytes: number;
  /** Free bytes of its disk. */
  free_bytes: number | null;
};

/** A summary of samples. Values are exact decimals in text. */
export type Summary = {
  count: number;
  /** The earliest time; null where samples have none. */
  first: string | null;
  /** The latest time. */
  last: string | null;
  max: string | null;
  /** Exact, or rounded half to even at nine decimals; null without samples. */
  mean: string | null;
  min: string | null;
  sum: string;
};

/** A join ticket, without its text. */
export type Ticket = {
  expires: string;
  issued: string;
  /** The uses that are left; none if it is not open. */
  left: number;
  /** The device of the ticket; null if it is for a prefix. */
  name: string | null;
  number: number;
  /** The prefix of new devices; null if it is for one name. */
  prefix: string | null;
  /** The time at which it was revoked; null if it was not. */
  revoked: string | null;
  /** `open`, `used`, `revoked` or `expired`. */
  state: string;
  used: TicketUse[];
  /** The number of permitted uses. */
  uses: number;
};

/** A use of a ticket. */
export type TicketUse = {
  at: string;
  /** The device that joined by it. */
  device: string;
};

/** A token, without its text. */
export type Token = {
  /** The device as which it acts; null if it acts as none. */
  device: string | null;
  /** The time at which it ends; null if it has no end. */
  expires: string | null;
  id: string;
  made: string;
  name: string;
  /** `viewer`, `administrator` or `device`. */
  role: string;
  /** The time of its last use, to a minute. */
  used: string | null;
};

export type TokenRole = string;

/** Bytes from and to a device. */
export type Traffic = {
  /** From the device. */
  received: number;
  /** To the device. */
  sent: number;
};

/** A file that goes, or went, from device to device, by its sender's word. */
export type Transfer = {
  /** The size of the file. */
  bytes: number;
  /** Bytes that came to the receiver. */
  done: number;
  ended: string | null;
  from: string;
  /** Another one for each transfer, also after a restart of the hub. */
  id: string;
  name: string;
  /** `direct` or `relayed`; null before there is a way. */
  path: string | null;
  /** The reason why it failed: a name of the transfer protocol, or `silent` where its sender is gone. */
  reason: string | null;
  /** The time at which the hub first heard of it. */
  started: string;
  /** Transfers by their state. */
  state: "running" | "finished" | "failed";
  to: string;
};

export type TypedName = string;

/** An upload that is committed. */
export type Uploaded = {
  /** Bytes of this upload. */
  bytes: number;
  /** Samples of this upload. */
  samples: number;
  summary: Summary | null;
  /** The data file's version that this upload made. */
  version: number;
};

/** The methods of each path. */
export interface Paths {
  "/api/v1/accounts": "get" | "post";
  "/api/v1/accounts/{name}/key": "delete";
  "/api/v1/accounts/{name}/password": "put";
  "/api/v1/audit": "get";
  "/api/v1/devices": "get";
  "/api/v1/devices/{device}": "get" | "delete";
  "/api/v1/devices/{device}/data": "get";
  "/api/v1/devices/{device}/data/{file}": "get" | "head" | "post" | "put" | "delete";
  "/api/v1/devices/{device}/data/{file}/points": "get";
  "/api/v1/devices/{device}/data/{file}/summary": "get";
  "/api/v1/devices/{device}/sessions": "get";
  "/api/v1/devices/{device}/sessions/{id}": "delete";
  "/api/v1/events": "get";
  "/api/v1/hub": "get";
  "/api/v1/lockouts": "get";
  "/api/v1/lockouts/{device}": "delete";
  "/api/v1/login": "post";
  "/api/v1/logins": "get" | "post";
  "/api/v1/logins/{name}": "delete";
  "/api/v1/logins/{name}/password": "put";
  "/api/v1/penalties": "get";
  "/api/v1/rules": "get";
  "/api/v1/rules/{kind}/{pattern}": "put" | "delete";
  "/api/v1/session": "get" | "delete";
  "/api/v1/tickets": "get" | "post";
  "/api/v1/tickets/{number}": "delete";
  "/api/v1/tokens": "get" | "post";
  "/api/v1/tokens/{id}": "delete";
  "/api/v1/transfers": "get";
  "/healthz": "get";
  "/metrics": "get";
  "/readyz": "get";
}
